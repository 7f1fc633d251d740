package web

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mural/event"
)

// importFile gives the sha256 of a file of that name.
func (w *world) importFile(name, words string) string {
	raw := w.owner("POST", "/api/import?name="+name, []byte("media "+words), 200)
	return decodeJSON[mediaShape](w.t, raw).SHA256
}

func (w *world) posts(body any) post {
	w.t.Helper()
	return decodeJSON[post](w.t, w.owner("POST", "/api/posts", body, 200))
}

func file(hash, alt string) map[string]string { return map[string]string{"sha256": hash, "alt": alt} }

func TestFirstMinute(t *testing.T) {
	w := newWorld(t)
	golden(t, "me-before", w.owner("GET", "/api/me", nil, 200))
	w.owner("POST", "/api/posts", map[string]any{"text": "too early"}, 409)
	golden(t, "person-me", w.owner("POST", "/api/person", map[string]string{"name": " Ana\n", "about": "paints"}, 200))
	golden(t, "import", w.owner("POST", "/api/import?name=a.jpg&alt=A+door", []byte("media door"), 200))
	picture := w.importFile("a.jpg", "door")
	golden(t, "post-picture", w.owner("POST", "/api/posts",
		map[string]any{"text": "My door #blue", "media": []any{file(picture, "A door")}, "warning": ""}, 200))
	w.owner("POST", "/api/person", map[string]string{"picture": picture}, 200)
	golden(t, "me-after", w.owner("GET", "/api/me", nil, 200))
	golden(t, "me-guest", w.guest("GET", "/api/me", nil, 200))
}

func TestEachFormOfPost(t *testing.T) {
	w := newWorld(t).withAna()
	clip, voice, picture := w.importFile("c.mp4", "clip"), w.importFile("v.ogg", "voice"), w.importFile("p.jpg", "picture")
	rows := []struct {
		name string
		body map[string]any
		kind event.Kind
		form string
	}{
		{"text", map[string]any{"text": "Hello #world, nostr:" + event.EncodeNPub(ben.pk), "warning": "loud"}, 1, "text"},
		{"two-pictures", map[string]any{"text": "", "media": []any{file(picture, "P"), file(w.importFile("q.jpg", "other"), "Q")}}, 20, "picture"},
		{"clip", map[string]any{"text": "A clip\nand more", "media": []any{file(clip, "waves")}}, 21, "video"},
		{"voice", map[string]any{"media": []any{file(voice, "")}}, 1222, "voice"},
		{"voice-with-words", map[string]any{"text": "listen", "media": []any{file(voice, "")}}, 1, "voice"},
		{"mixed", map[string]any{"text": "both", "media": []any{file(clip, ""), file(picture, "")}}, 1, "video"},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			raw := w.owner("POST", "/api/posts", r.body, 200)
			p := decodeJSON[post](t, raw)
			if p.Kind != r.kind || p.Form != r.form {
				t.Errorf("got kind %d form %s, want %d %s", p.Kind, p.Form, r.kind, r.form)
			}
			golden(t, "post-"+r.name, raw)
			goldenEvent(t, w, "event-"+r.name, p.ID)
		})
	}
}

// goldenEvent compares what was signed: kind, tags, content.
func goldenEvent(t *testing.T, w *world, name string, id event.ID) {
	t.Helper()
	found, _ := w.memory.Query(t.Context(), event.Filter{IDs: []event.ID{id}})
	e := *found[0]
	e.Sig = event.Sig{} // differs from run to run
	unsigned := event.Event{ID: e.ID, PubKey: e.PubKey, CreatedAt: e.CreatedAt, Kind: e.Kind, Tags: e.Tags, Content: e.Content}
	golden(t, name, unsigned.AppendJSON(nil))
}

func TestLayersLineageAndComments(t *testing.T) {
	w := newWorld(t).withAna()
	w.named(ben, cem)
	w.follows(ana, ben)
	source := w.says(ben, event.KindNote, "First")
	layer := w.posts(map[string]any{"text": "My words", "pass": map[string]string{"id": neventOf(source), "operation": "quote"}})
	goldenEvent(t, w, "event-layer", layer.ID)
	w.says(cem, event.KindNote, "Mine on top", event.Tag{"q", layer.ID.String(), "", ana.pk.String()}, event.Tag{"q", strings.Repeat("ab", 32)})
	answer := w.posts(map[string]any{"text": "Nice", "reply": map[string]string{"id": source.ID.String()}})
	goldenEvent(t, w, "event-reply-note", answer.ID)
	w.posts(map[string]any{"text": "Again", "reply": map[string]string{"id": answer.ID.String()}})
	golden(t, "post-lineage", w.owner("GET", "/api/posts/"+event.EncodeNote(source.ID), nil, 200))
	golden(t, "feed-layers", w.owner("GET", "/api/feed", nil, 200))
	golden(t, "feed-layers-guest", w.guest("GET", "/api/feed", nil, 200))
}

func TestCommentUnderAPicture(t *testing.T) {
	w := newWorld(t).withAna()
	w.named(ben)
	picture := w.says(ben, event.KindPicture, "See", event.Tag{"title", "Sea"})
	first := w.posts(map[string]any{"text": "Lovely", "reply": map[string]string{"id": picture.ID.String()}})
	goldenEvent(t, w, "event-comment", first.ID)
	second := w.posts(map[string]any{"text": "Indeed", "reply": map[string]string{"id": first.ID.String()}})
	goldenEvent(t, w, "event-comment-on-comment", second.ID)
	got := decodeJSON[postAnswer](t, w.guest("GET", "/api/posts/"+picture.ID.String(), nil, 200))
	if len(got.Comments) != 2 || got.Comments[1].ReplyTo != first.ID.String() || got.Comments[1].Form != "comment" {
		t.Errorf("comments: %+v", got.Comments)
	}
}

func TestRepostShowsTheOriginal(t *testing.T) {
	w := newWorld(t).withAna()
	w.named(ben, cem)
	w.follows(ana, ben)
	original := w.says(cem, event.KindPicture, "Far away")
	w.says(ben, event.KindGenericRepost, "", event.Tag{"e", original.ID.String()}, event.Tag{"k", "20"})
	gone := w.says(ben, event.KindRepost, "", event.Tag{"e", strings.Repeat("cd", 32)})
	p := decodeJSON[page](t, w.owner("GET", "/api/feed", nil, 200)).Posts
	if len(p) != 2 || p[0].ID != gone.ID || p[0].Form != "repost" || p[1].ID != original.ID {
		t.Fatalf("feed: %+v", p)
	}
	if p[1].RepostedBy == nil || p[1].RepostedBy.Name != "Ben" || p[1].Why != "Ben, whom you follow, passed it on." || p[1].Reposts != 1 {
		t.Errorf("the original: by %+v, why %q, reposts %d", p[1].RepostedBy, p[1].Why, p[1].Reposts)
	}
	mine := decodeJSON[post](t, w.owner("POST", "/api/posts/"+original.ID.String()+"/repost", nil, 200))
	if mine.ID != original.ID || !mine.RepostedBy.Me || mine.Reposts != 2 {
		t.Errorf("my repost: %+v", mine)
	}
}

func TestRepostTemplates(t *testing.T) {
	w := newWorld(t)
	note := w.says(ben, event.KindNote, "small")
	if e := composeRepost(note); e.Kind != event.KindRepost || e.Content != string(note.Raw()) {
		t.Errorf("a note is embedded in kind 6, got kind %d content %q", e.Kind, e.Content)
	}
	protected := w.says(ben, event.KindNote, "members only", event.Tag{"-"})
	if e := composeRepost(protected); e.Content != "" {
		t.Errorf("a protected post (NIP-70) was embedded")
	}
	article := w.says(ben, event.KindArticle, strings.Repeat("x", maxEmbedded), event.Tag{"d", "slug"})
	e := composeRepost(article)
	want := event.Tags{{"e", article.ID.String(), "", ben.pk.String()}, {"p", ben.pk.String()}, {"k", "30023"}, {"a", article.Address()}}
	if diff := cmp.Diff(want, e.Tags); diff != "" || e.Kind != event.KindGenericRepost || e.Content != "" {
		t.Errorf("repost of a large article: kind %d, %d bytes of content, tags (-want +got):\n%s", e.Kind, len(e.Content), diff)
	}
}

func TestDeleteOwnPostsOnly(t *testing.T) {
	w := newWorld(t).withAna()
	mine := w.posts(map[string]any{"text": "oops"})
	theirs := w.says(ben, event.KindNote, "not yours")
	w.owner("DELETE", "/api/posts/"+theirs.ID.String(), nil, 403)
	w.owner("DELETE", "/api/posts/"+mine.ID.String(), nil, 204)
	w.owner("GET", "/api/posts/"+mine.ID.String(), nil, 404)
}

func TestFollowKeepsWhatOthersWrote(t *testing.T) {
	w := newWorld(t).withAna()
	w.named(ben)
	// Another client's list, with a petname, a foreign tag and a time ahead of our clock.
	list := &event.Event{Kind: event.KindFollows, Content: `{"wss://r":{}}`, CreatedAt: at.Unix() + 600,
		Tags: event.Tags{{"p", cem.pk.String(), "wss://r", "cem"}, {"client", "x"}}}
	if err := list.Sign(ana.key); err != nil {
		t.Fatal(err)
	}
	w.memory.save(list, Receipt{})
	p := decodeJSON[person](t, w.owner("PUT", "/api/people/"+event.EncodeNPub(ben.pk)+"/follow", nil, 200))
	if !p.Following || p.Trust != "following" {
		t.Errorf("after following: %+v", p)
	}
	now, _ := w.door.newest(t.Context(), ana.pk, event.KindFollows)
	want := event.Tags{{"p", cem.pk.String(), "wss://r", "cem"}, {"client", "x"}, {"p", ben.pk.String()}}
	if diff := cmp.Diff(want, now.Tags); diff != "" || now.Content != list.Content || now.CreatedAt != list.CreatedAt+1 {
		t.Errorf("list at %d, content %q (-want +got):\n%s", now.CreatedAt, now.Content, diff)
	}
	w.owner("DELETE", "/api/people/"+ben.pk.String()+"/follow", nil, 200)
	now, _ = w.door.newest(t.Context(), ana.pk, event.KindFollows)
	if diff := cmp.Diff(want[:2], now.Tags); diff != "" {
		t.Errorf("after unfollowing (-want +got):\n%s", diff)
	}
	w.owner("PUT", "/api/people/"+ana.pk.String()+"/follow", nil, 400)
}

func TestProfileKeepsFieldsOfOthers(t *testing.T) {
	w := newWorld(t).withAna()
	w.says(ana, event.KindProfile, `{"name":"Ana","lud16":"ana@x","about":"old"}`)
	w.owner("POST", "/api/person", map[string]string{"name": "Ana B", "about": ""}, 200)
	now, _ := w.door.newest(t.Context(), ana.pk, event.KindProfile)
	if want := `{"lud16":"ana@x","name":"Ana B"}`; now.Content != want {
		t.Errorf("got %s, want %s", now.Content, want)
	}
}

func TestPeopleAndTrust(t *testing.T) {
	w := newWorld(t).withAna()
	w.named(ben, cem, dora)
	w.follows(ana, ben)
	w.follows(ben, cem, ana)
	w.net.peers = []Peer{{ID: "12D3Koodora", Person: dora.pk, Connected: true, Nearby: true, Since: at, LastSeen: at, Transport: "tcp", Addresses: []string{"/ip4/192.168.1.9/tcp/4881"}}}
	w.net.devices = []Device{{Peer: "12D3Kooben", Role: "laptop", LastSeen: at}}
	golden(t, "people", w.owner("GET", "/api/people", nil, 200))
	golden(t, "person-path", w.owner("GET", "/api/people/"+event.EncodeNPub(cem.pk), nil, 200))
	golden(t, "person-guest", w.guest("GET", "/api/people/"+ben.pk.String(), nil, 200))
	golden(t, "nearby", w.owner("POST", "/api/nearby", map[string]any{"network_id": "net1", "on": true}, 200))
	golden(t, "peers", w.owner("GET", "/api/peers", nil, 200))
	w.says(dora, event.KindNote, "Hello, neighbours")
	golden(t, "feed-nearby", w.owner("GET", "/api/feed?scope=nearby", nil, 200))
	w.guest("GET", "/api/feed?scope=nearby", nil, 401)
}

func TestKeptAndRoad(t *testing.T) {
	w := newWorld(t).withAna()
	w.named(ben)
	w.follows(ana, ben)
	w.net.peers = []Peer{{ID: "12D3Kooben", Person: ben.pk}}
	e := w.says(ben, event.KindNote, "Kept well")
	w.net.kept[e.ID] = Kept{Author: AuthorDark, DarkSince: at, Keepers: []Keeper{
		{Peer: "12D3KooAna", Person: ana.pk, This: true, At: at}, {Peer: "12D3Koox", At: at.Add(time.Minute)}}}
	golden(t, "post-kept", w.owner("GET", "/api/posts/"+e.ID.String(), nil, 200))
	golden(t, "post-kept-guest", w.guest("GET", "/api/posts/"+e.ID.String(), nil, 200))
}

func TestInviteAndJoin(t *testing.T) {
	w := newWorld(t).withAna()
	w.named(ben)
	got := decodeJSON[map[string]string](t, w.owner("POST", "/api/invite", map[string]any{}, 200))
	if got["link"] != "http://localhost:4880/#join=mural1qqqq" || !strings.HasPrefix(got["qr_svg"], "<svg ") || strings.Count(got["qr_text"], "\n") < 10 {
		t.Errorf("invitation: %+v", got)
	}
	w.net.joined = ben.pk
	w.owner("POST", "/api/join", map[string]string{"link": "http://elsewhere/"}, 400)
	joined := decodeJSON[struct {
		Person    person
		Connected bool
	}](t, w.owner("POST", "/api/join", map[string]string{"link": got["link"]}, 200))
	if !joined.Connected || !joined.Person.Following || joined.Person.Name != "Ben" {
		t.Errorf("joined: %+v", joined)
	}
}

func TestBackup(t *testing.T) {
	w := newWorld(t).withAna()
	w.owner("POST", "/api/backup", map[string]string{"passphrase": "short"}, 400)
	golden(t, "backup", w.owner("POST", "/api/backup", map[string]string{"passphrase": "four words of mine"}, 200))
}

func TestNodeAndBlobs(t *testing.T) {
	w := newWorld(t).withAna()
	golden(t, "node", w.owner("GET", "/api/node", nil, 200))
	golden(t, "origins", w.owner("POST", "/api/origins", map[string]any{"origin": "https://client.example", "allow": true}, 200))
	w.owner("POST", "/api/origins", map[string]any{"origin": "https://client.example/path", "allow": true}, 400)
	picture := w.importFile("p.jpg", "picture")
	golden(t, "blob", w.owner("GET", "/api/blobs/"+picture+"?fetch=1", nil, 200))
	if got := w.guest("GET", "/api/thumb/"+picture+"?w=320", nil, 200); string(got) != "a small picture" {
		t.Errorf("thumbnail: %q", got)
	}
	w.guest("GET", "/api/thumb/"+strings.Repeat("00", 32), nil, 404)
	w.guest("GET", "/api/thumb/"+picture+"?w=99999", nil, 400)
}

func TestFeedPagesAreWholeAndInOrder(t *testing.T) {
	w := newWorld(t).withAna()
	w.follows(ana, ben, cem)
	var want []string
	for i := range 60 {
		who := []someone{ben, cem}[i%2]
		e := w.says(who, event.KindNote, fmt.Sprint(i))
		want = append(want, e.ID.String())
		if i%3 == 0 { // replies stand under their post, not on the mural
			w.says(ana, event.KindNote, "re", event.Tag{"e", e.ID.String(), "", "root"})
		}
		if i%5 != 0 { // several in one second
			w.clock.forward(-time.Second)
		}
	}
	var got []string
	before := ""
	for range 100 {
		p := decodeJSON[page](t, w.guest("GET", "/api/feed?limit=7&before="+url.QueryEscape(before), nil, 200))
		for _, one := range p.Posts {
			got = append(got, one.ID.String())
		}
		if before = p.Next; before == "" {
			break
		}
	}
	slices.Sort(want)
	sorted := slices.Sorted(slices.Values(got))
	if diff := cmp.Diff(want, sorted); diff != "" {
		t.Errorf("60 posts in pages of 7 (-want +got):\n%s", diff)
	}
	if before != "" {
		t.Errorf("the feed does not end")
	}
}

func TestACrowdedSecondDoesNotStopTheFeed(t *testing.T) {
	w := newWorld(t).withAna()
	w.follows(ana, ben)
	for i := range 150 {
		w.says(ben, event.KindNote, fmt.Sprint(i))
		w.clock.forward(-time.Second)
	}
	seen, before := map[string]bool{}, ""
	for range 60 {
		p := decodeJSON[page](t, w.guest("GET", "/api/feed?limit=5&before="+before, nil, 200))
		for _, one := range p.Posts {
			seen[one.ID.String()] = true
		}
		if before = p.Next; before == "" {
			break
		}
	}
	if len(seen) != 150 || before != "" {
		t.Errorf("saw %d of 150 posts of one second, next %q", len(seen), before)
	}
}

func TestAFeedPageCostsAHandfulOfQueries(t *testing.T) {
	w := newWorld(t).withAna()
	w.named(ben, cem)
	w.follows(ana, ben)
	w.follows(ben, cem)
	for i := range 40 {
		e := w.says(cem, event.KindNote, fmt.Sprint("nostr:", event.EncodeNPub(dora.pk), i))
		w.says(ben, event.KindNote, "on it", event.Tag{"q", e.ID.String()})
		w.says(ben, event.KindRepost, "", event.Tag{"e", e.ID.String()})
	}
	w.owner("GET", "/api/feed", nil, 200) // the circle is known from now on
	w.memory.queries = 0
	if p := decodeJSON[page](t, w.owner("GET", "/api/feed?limit=30", nil, 200)); len(p.Posts) != 30 {
		t.Fatalf("got %d posts", len(p.Posts))
	}
	if w.memory.queries > 8 {
		t.Errorf("a page of 30 posts cost %d queries, want at most 8", w.memory.queries)
	}
}

func TestARefusalIsShownAsASentence(t *testing.T) {
	w := newWorld(t).withAna()
	w.author.refuse = &Problem{422, "blocked", "The node refused this post.", "Change it."}
	golden(t, "error-refused", w.owner("POST", "/api/posts", map[string]string{"text": "x"}, 422))
	w.author.refuse = fmt.Errorf("disk: /secret/path broke")
	golden(t, "error-internal", w.owner("POST", "/api/posts", map[string]string{"text": "x"}, 500))
}

func TestBadWriting(t *testing.T) {
	w := newWorld(t).withAna()
	e := w.says(ben, event.KindNote, "source")
	rows := map[string]any{
		"empty":           map[string]any{"text": "  "},
		"no blob":         map[string]any{"media": []any{file(strings.Repeat("00", 32), "")}},
		"bad hash":        map[string]any{"media": []any{file("../../etc", "")}},
		"bad operation":   map[string]any{"text": "x", "pass": map[string]string{"id": e.ID.String(), "operation": "steal"}},
		"bad id":          map[string]any{"text": "x", "pass": map[string]string{"id": "nsec1", "operation": "quote"}},
		"pass and reply":  map[string]any{"text": "x", "pass": map[string]string{"id": e.ID.String()}, "reply": map[string]string{"id": e.ID.String()}},
		"too many files":  map[string]any{"text": "x", "media": slices.Repeat([]any{file("", "")}, maxDraftMedia+1)},
		"not this at all": []int{1},
	}
	for name, body := range rows {
		t.Run(name, func(t *testing.T) { w.owner("POST", "/api/posts", body, 400) })
	}
	w.owner("POST", "/api/posts", map[string]any{"text": strings.Repeat("x", maxTextBody+1)}, 413)
	w.owner("POST", "/api/posts", map[string]any{"text": "x", "reply": map[string]string{"id": strings.Repeat("ef", 32)}}, 404)
}
