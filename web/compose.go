package web

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"mural/event"
	"mural/lineage"
)

// Rules of writing.
const (
	shortClipMS   = 60_000   // a clip up to this long is a short video (kind 22)
	maxDraftMedia = 20       // blobs of one post
	maxEmbedded   = 48 << 10 // bytes of an event embedded in a repost
	titleBytes    = 80       // of a title taken from the text
)

// draft is what a person wants to publish.
type draft struct {
	Text    string
	Warning string // "" = none
	Media   []draftMedia

	Source    *event.Event // the post this is a layer of, nil = none
	Operation string       // of the layer

	Parent *event.Event // the post this answers, nil = none
	Root   *event.Event // the first post of Parent's thread where it is here; nil = unknown or Parent itself
}

type draftMedia struct {
	Media
	Alt string
}

// compose makes the template of a post: pictures alone are kind 20 (NIP-68), a
// clip alone is 21, or 22 where it is upright or at most a minute long
// (NIP-71), a voice alone is 1222 (NIP-A0), everything else a note with imeta
// tags (NIP-92). An answer is a note under a note (NIP-10), a comment under
// anything else (NIP-22).
func (d draft) compose(base string) *event.Event {
	e := &event.Event{Kind: d.kind(), Content: strings.TrimSpace(d.Text)}
	d.addTitle(e)
	for _, m := range d.Media {
		e.Tags = append(e.Tags, imetaTag(m.Media, m.Alt, base))
	}
	d.addIndexed(e)
	d.addLinks(e, base)
	d.addSource(e)
	d.addReply(e)
	d.addWords(e)
	return e
}

func (d draft) kind() event.Kind {
	if d.Parent != nil {
		return d.replyKind()
	}
	switch {
	case d.only("image"):
		return event.KindPicture
	case d.only("video") && len(d.Media) == 1:
		return d.videoKind()
	case d.voiceAlone():
		return event.KindVoice
	}
	return event.KindNote
}

func (d draft) replyKind() event.Kind {
	switch {
	case d.Parent.Kind == event.KindNote: // NIP-22 may not answer notes
		return event.KindNote
	case d.voiceAlone():
		return event.KindVoiceComment
	}
	return event.KindComment
}

func (d draft) videoKind() event.Kind {
	m := d.Media[0]
	if m.Height > m.Width || m.DurationMS > 0 && m.DurationMS <= shortClipMS {
		return event.KindShortVideo
	}
	return event.KindVideo
}

// only says that there is media and all of it is of one class.
func (d draft) only(class string) bool {
	for _, m := range d.Media {
		if mediaClass(m.Type) != class {
			return false
		}
	}
	return len(d.Media) > 0
}

// voiceAlone: NIP-A0 leaves no room for words beside the voice.
func (d draft) voiceAlone() bool {
	return d.only("audio") && len(d.Media) == 1 && strings.TrimSpace(d.Text) == ""
}

func (d draft) addTitle(e *event.Event) {
	title := firstLine(d.Text, titleBytes)
	switch e.Kind {
	case event.KindVideo, event.KindShortVideo: // NIP-71 wants a title
		if title == "" {
			title = firstLine(d.Media[0].Alt, titleBytes)
		}
		e.Tags = append(e.Tags, event.Tag{"title", title})
	case event.KindPicture:
		if title != "" {
			e.Tags = append(e.Tags, event.Tag{"title", title})
		}
	}
}

// addIndexed writes hashes and types once more as tags that relays index (NIP-68).
func (d draft) addIndexed(e *event.Event) {
	for _, m := range d.Media {
		e.Tags = addOnce(e.Tags, event.Tag{"x", m.Hash.String()})
	}
	if e.Kind != event.KindPicture {
		return
	}
	for _, m := range d.Media {
		e.Tags = addOnce(e.Tags, event.Tag{"m", m.Type})
	}
}

// addLinks puts the addresses of media into the text where the kind has no other place for them.
func (d draft) addLinks(e *event.Event, base string) {
	switch e.Kind {
	case event.KindNote, event.KindComment, event.KindVoice, event.KindVoiceComment:
	default:
		return
	}
	lines := []string{e.Content}
	for _, m := range d.Media {
		lines = append(lines, blobURL(base, m.Media))
	}
	e.Content = strings.TrimSpace(strings.Join(lines, "\n"))
}

// addSource makes the post a layer: q and derive tags, and for a note the
// reference at the end of the text (NIP-18).
func (d draft) addSource(e *event.Event) {
	if d.Source == nil {
		return
	}
	edge := lineage.Edge{To: d.Source.ID, Operation: d.Operation, Author: d.Source.PubKey}
	e.Tags = append(e.Tags, lineage.Tags(edge)...)
	if d.Source.Kind.IsAddressable() {
		e.Tags = append(e.Tags, event.Tag{"a", d.Source.Address()})
	}
	e.Tags = addPerson(e.Tags, d.Source.PubKey)
	if e.Kind == event.KindNote {
		e.Content = strings.TrimSpace(e.Content + "\n\nnostr:" + neventOf(d.Source))
	}
}

func (d draft) addReply(e *event.Event) {
	switch {
	case d.Parent == nil:
	case e.Kind == event.KindNote:
		e.Tags = append(e.Tags, noteReplyTags(d.Parent, d.Root)...)
	default:
		e.Tags = append(e.Tags, commentTags(d.Parent)...)
	}
}

// noteReplyTags writes NIP-10: root and parent by marked e tags, and everybody in the thread.
func noteReplyTags(parent, root *event.Event) event.Tags {
	rootID, inThread := noteRoot(parent)
	var tags event.Tags
	if !inThread {
		tags = event.Tags{{"e", parent.ID.String(), "", "root", parent.PubKey.String()}}
	} else {
		first := event.Tag{"e", rootID.String(), "", "root"}
		if root != nil && root.ID == rootID {
			first = append(first, root.PubKey.String())
		}
		tags = event.Tags{first, {"e", parent.ID.String(), "", "reply", parent.PubKey.String()}}
	}
	tags = addPerson(tags, parent.PubKey)
	for _, t := range parent.Tags.All("p") {
		if pk, err := event.ParsePubKey(t.Value(1)); err == nil && len(tags) < maxMentions {
			tags = addPerson(tags, pk)
		}
	}
	return tags
}

// commentTags writes NIP-22: upper-case tags name the root, lower-case the parent.
func commentTags(parent *event.Event) event.Tags {
	tags := rootScope(parent)
	if parent.Kind.IsAddressable() {
		tags = append(tags, event.Tag{"a", parent.Address(), "", parent.PubKey.String()})
	}
	return append(tags,
		event.Tag{"e", parent.ID.String(), "", parent.PubKey.String()},
		event.Tag{"k", strconv.Itoa(int(parent.Kind))},
		event.Tag{"p", parent.PubKey.String()})
}

// rootScope names the root: a comment's own root, or the post itself.
func rootScope(parent *event.Event) event.Tags {
	if slices.Contains(commentKinds, parent.Kind) {
		var tags event.Tags
		for _, name := range []string{"A", "E", "I", "K", "P"} {
			if t := parent.Tags.First(name); len(t) > 1 {
				tags = append(tags, t)
			}
		}
		return tags
	}
	var tags event.Tags
	if parent.Kind.IsAddressable() {
		tags = append(tags, event.Tag{"A", parent.Address(), "", parent.PubKey.String()})
	}
	return append(tags,
		event.Tag{"E", parent.ID.String(), "", parent.PubKey.String()},
		event.Tag{"K", strconv.Itoa(int(parent.Kind))},
		event.Tag{"P", parent.PubKey.String()})
}

// addWords writes what the text says as tags: hashtags, people, the warning.
func (d draft) addWords(e *event.Event) {
	for _, tag := range hashtagsIn(d.Text) {
		e.Tags = append(e.Tags, event.Tag{"t", tag})
	}
	for _, pk := range mentioned(d.Text) {
		e.Tags = addPerson(e.Tags, pk)
	}
	if w := oneLine(d.Warning); w != "" {
		e.Tags = append(e.Tags, event.Tag{"content-warning", cut(w, maxWarningBytes)})
	}
}

func addPerson(tags event.Tags, pk event.PubKey) event.Tags {
	return addOnce(tags, event.Tag{"p", pk.String()})
}

// addOnce adds a tag unless one of the same name and first value is there.
func addOnce(tags event.Tags, t event.Tag) event.Tags {
	same := func(o event.Tag) bool { return o.Value(0) == t[0] && o.Value(1) == t[1] }
	if slices.ContainsFunc(tags, same) {
		return tags
	}
	return append(tags, t)
}

// composeRepost passes a post on bare (NIP-18). A protected post (NIP-70) and
// one that is too large are named, not embedded.
func composeRepost(of *event.Event) *event.Event {
	e := &event.Event{Kind: event.KindRepost, Tags: event.Tags{
		{"e", of.ID.String(), "", of.PubKey.String()}, {"p", of.PubKey.String()}}}
	if of.Kind != event.KindNote {
		e.Kind = event.KindGenericRepost
		e.Tags = append(e.Tags, event.Tag{"k", strconv.Itoa(int(of.Kind))})
	}
	if of.Kind.IsAddressable() {
		e.Tags = append(e.Tags, event.Tag{"a", of.Address()})
	}
	if raw := of.Raw(); !of.IsProtected() && len(raw) <= maxEmbedded {
		e.Content = string(raw)
	}
	return e
}

// composeDeletion asks everybody to forget an own post (NIP-09).
func composeDeletion(of *event.Event) *event.Event {
	e := &event.Event{Kind: event.KindDeletion, Tags: event.Tags{{"e", of.ID.String()}}}
	if address := of.Address(); address != "" {
		e.Tags = append(e.Tags, event.Tag{"a", address})
	}
	e.Tags = append(e.Tags, event.Tag{"k", strconv.Itoa(int(of.Kind))})
	return e
}

// composeFollow makes the follow list after last with or without the person,
// everything else in it untouched. nil: nothing changes.
func composeFollow(last *event.Event, pk event.PubKey, on bool, now int64) *event.Event {
	e := after(last, event.KindFollows, now)
	isPerson := func(t event.Tag) bool { return t.Value(0) == "p" && t.Value(1) == pk.String() }
	if slices.ContainsFunc(e.Tags, isPerson) == on {
		return nil
	}
	if on {
		e.Tags = append(e.Tags, event.Tag{"p", pk.String()})
	} else {
		e.Tags = slices.DeleteFunc(e.Tags, isPerson)
	}
	return e
}

// after starts the next version of a replaceable event. Its time is later than
// the last one's, since a tie would go to the lowest id.
func after(last *event.Event, kind event.Kind, now int64) *event.Event {
	if last == nil {
		return &event.Event{Kind: kind, CreatedAt: now}
	}
	return &event.Event{Kind: kind, Tags: slices.Clone(last.Tags), Content: last.Content, CreatedAt: max(now, last.CreatedAt+1)}
}

// composeProfile changes fields of the profile after last; fields of other
// clients stay. A nil value leaves the field as it is, "" removes it.
func composeProfile(last *event.Event, fields map[string]*string, now int64) (*event.Event, error) {
	e := after(last, event.KindProfile, now)
	content := map[string]json.RawMessage{}
	if json.Unmarshal([]byte(e.Content), &content) != nil || content == nil {
		content = map[string]json.RawMessage{} // no profile yet, or one that nobody can read
	}
	for key, value := range fields {
		switch {
		case value == nil:
		case *value == "":
			delete(content, key)
		default:
			raw, err := json.Marshal(*value)
			if err != nil {
				return nil, err
			}
			content[key] = raw
		}
	}
	raw, err := json.Marshal(content)
	e.Content = string(raw)
	return e, err
}
