package web

import (
	"context"
	"slices"
	"strings"
	"time"

	"mural/event"
)

// Bounds of what one post shows, in bytes.
const (
	maxTitleBytes   = 300
	maxWarningBytes = 300
	maxTeaserBytes  = 1000 // of an article in a list
)

// thumbWidth is the picture that lists show, in pixels.
const thumbWidth = "640"

// short makes POST_SHORT. load has gathered what it needs.
func (v *view) short(ctx context.Context, e entry) post {
	p := post{
		ID: e.post.ID, NEvent: neventOf(e.post), Kind: e.post.Kind, CreatedAt: e.post.CreatedAt,
		Author: v.person(e.post.PubKey), Verified: true, // nothing unverified is ever stored
		Title: titleOf(e.post), Warning: warningOf(e.post), Hashtags: hashtagsOf(e.post),
		Mentions: v.persons(mentioned(e.post.Content)), ReplyTo: replyTo(e.post),
		Layers: v.layers[e.post.ID], Reposts: v.reposts[e.post.ID],
		Why: v.why(e),
	}
	shown := readMedia(e.post)
	p.Media = v.media(ctx, shown)
	p.Form = formOf(e.post, shown)
	if edge, ok := v.edges[e.post.ID]; ok {
		p.Layer = &layer{Operation: edge.Operation, Of: edge.To}
		p.Text = cleanText(e.post.Content, shown, edge.To)
	} else {
		p.Text = cleanText(e.post.Content, shown, event.ID{})
	}
	v.adjust(&p, e)
	return p
}

// adjust sets what depends on how the post came here and how it is shown.
func (v *view) adjust(p *post, e entry) {
	switch {
	case p.Form == "repost":
		p.Text = "" // NIP-18: the content is the other event's JSON
	case p.Form == "article" && !v.full:
		p.Text = teaser(e.post, p.Text)
	}
	if p.Title == firstLine(p.Text, titleBytes) { // other clients show the title alone, the app shows the text
		p.Title = ""
	}
	if e.repost != nil {
		by := v.person(e.repost.PubKey)
		p.RepostedBy = &by
	}
	if r, ok := v.receipts[e.post.ID]; ok {
		p.ReceivedAt = unixMS(r.At)
		p.TimeUncertain = time.Unix(e.post.CreatedAt, 0).Sub(r.At) > event.MaxAhead
	}
}

func formOf(e *event.Event, shown []imeta) string {
	switch e.Kind {
	case event.KindNote:
		return noteForm(e, shown)
	case event.KindPicture:
		return "picture"
	case event.KindVideo, event.KindShortVideo, event.KindAddressableVideo, event.KindAddressableShortVideo:
		return "video"
	case event.KindVoice:
		return "voice"
	case event.KindArticle:
		return "article"
	case event.KindComment, event.KindVoiceComment:
		return "comment"
	case event.KindRepost, event.KindGenericRepost:
		return "repost"
	}
	return "other"
}

func noteForm(e *event.Event, shown []imeta) string {
	if replyTo(e) != "" {
		return "comment"
	}
	if len(shown) == 0 {
		return "text"
	}
	switch mediaClass(shown[0].Type) {
	case "image":
		return "picture"
	case "video":
		return "video"
	case "audio":
		return "voice"
	}
	return "text"
}

func titleOf(e *event.Event) string {
	for _, name := range []string{"title", "subject"} {
		if t := oneLine(dropControls(e.Tags.First(name).Value(1))); t != "" {
			return cut(t, maxTitleBytes)
		}
	}
	return ""
}

// warningOf reads the NIP-36 tag; a warning without a reason still warns.
func warningOf(e *event.Event) string {
	t := e.Tags.First("content-warning")
	if t == nil {
		return ""
	}
	if reason := oneLine(dropControls(t.Value(1))); reason != "" {
		return cut(reason, maxWarningBytes)
	}
	return "sensitive"
}

func hashtagsOf(e *event.Event) []string {
	out := []string{}
	for _, t := range e.Tags {
		tag := t.Value(1)
		if t.Value(0) != "t" || tag == "" || len(tag) > maxTagBytes || slices.Contains(out, tag) {
			continue
		}
		if out = append(out, dropControls(tag)); len(out) == maxHashtags {
			break
		}
	}
	return out
}

// teaser is an article in a list: its summary, or its beginning.
func teaser(e *event.Event, text string) string {
	if s := strings.TrimSpace(dropControls(e.Tags.First("summary").Value(1))); s != "" {
		return cut(s, maxTeaserBytes)
	}
	if len(text) > maxTeaserBytes {
		return cut(text, maxTeaserBytes) + "…"
	}
	return text
}

func (v *view) person(pk event.PubKey) personShort {
	p := v.people[pk]
	s := personShort{PubKey: pk, NPub: event.EncodeNPub(pk), Name: p.Name}
	if s.Name == "" {
		s.Name = shortNPub(pk)
	}
	if !p.Picture.IsZero() {
		s.Picture = p.Picture.String()
	}
	s.Me = v.owner && v.circle.isMe(pk)
	s.Following = v.owner && v.circle.follows[pk]
	return s
}

func (v *view) persons(pks []event.PubKey) []personShort {
	out := []personShort{}
	for _, pk := range pks {
		out = append(out, v.person(pk))
	}
	return out
}

// somebody gives nil for the zero key.
func (v *view) somebody(pk event.PubKey) *personShort {
	if pk.IsZero() {
		return nil
	}
	p := v.person(pk)
	return &p
}

func (v *view) media(ctx context.Context, shown []imeta) []mediaShape {
	out := []mediaShape{}
	for _, m := range shown {
		out = append(out, v.oneMedia(ctx, m))
	}
	return out
}

func (v *view) oneMedia(ctx context.Context, m imeta) mediaShape {
	have := v.haveOf(ctx, m.Hash)
	s := mediaShape{
		SHA256: m.Hash.String(), Type: m.Type, Size: m.Size, Width: m.Width, Height: m.Height,
		Duration: m.DurationMS, Alt: m.Alt, URL: "/" + m.Hash.String() + m.Ext, BlurHash: m.BlurHash,
		Waveform: m.Waveform, Have: have.word(), HaveSize: have.Bytes,
	}
	if s.Waveform == nil {
		s.Waveform = []int{}
	}
	if s.Size == 0 || have.Whole {
		s.Size = max(s.Size, have.Size)
	}
	switch {
	case !m.Poster.IsZero():
		s.Poster = "/" + m.Poster.String() + ".jpg"
		s.Thumb = thumbURL(m.Poster)
	case mediaClass(m.Type) == "image":
		s.Thumb = thumbURL(m.Hash)
	}
	return s
}

func thumbURL(h Hash) string { return "/api/thumb/" + h.String() + "?w=" + thumbWidth }

func (v *view) haveOf(ctx context.Context, h Hash) Have {
	have, ok := v.have[h]
	if !ok {
		have = v.s.Blobs.Have(ctx, h)
		v.have[h] = have
	}
	return have
}

func (h Have) word() string {
	switch {
	case h.Whole:
		return "all"
	case h.Bytes > 0:
		return "some"
	}
	return "none"
}

// keptOf says who keeps the post. A guest learns the number of devices alone.
func (v *view) keptOf(id event.ID) *kept {
	k := v.kept[id]
	out := &kept{Devices: len(k.Keepers), Keepers: []keeper{}, Author: AuthorUnknown}
	for _, one := range k.Keepers {
		out.CheckedAt = max(out.CheckedAt, unixMS(one.At))
		if v.owner {
			out.Keepers = append(out.Keepers, keeper{one.Peer, v.somebody(one.Person), one.This, unixMS(one.At)})
		}
	}
	if v.owner && k.Author != "" {
		out.Author, out.DarkSince = k.Author, unixMS(k.DarkSince)
	}
	return out
}

// roadOf says how the post came here; nothing to a guest.
func (v *view) roadOf(id event.ID) *road {
	r, ok := v.receipts[id]
	if !ok {
		return &road{}
	}
	return &road{Via: r.Via, From: v.somebody(v.peers[r.Peer].Person), PeerID: r.Peer, At: unixMS(r.At)}
}

// why tells the owner why the post is shown.
func (v *view) why(e entry) string {
	if !v.owner {
		return ""
	}
	if e.repost != nil {
		return v.whyRepost(e.repost.PubKey)
	}
	pk := e.post.PubKey
	switch {
	case v.circle.isMe(pk):
		return "You made this."
	case v.circle.follows[pk]:
		return "You follow " + v.person(pk).Name + "."
	case v.nearby[pk]:
		return v.person(pk).Name + " is on this network."
	}
	if between, ok := v.circle.via[pk]; ok {
		return v.person(between).Name + ", whom you follow, follows " + v.person(pk).Name + "."
	}
	return ""
}

func (v *view) whyRepost(pk event.PubKey) string {
	name := v.person(pk).Name
	switch {
	case v.circle.isMe(pk):
		return "You passed it on."
	case v.circle.follows[pk]:
		return name + ", whom you follow, passed it on."
	}
	return name + " passed it on."
}

// unixMS gives 0 for the zero time.
func unixMS(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
