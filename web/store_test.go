package web

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"mural/event"
	"mural/store"
)

// onDisk is the real event store as a shelf.
type onDisk struct {
	*store.Store
	t   testing.TB
	bus *memory // hands out what is saved
}

func newOnDisk(t testing.TB) *onDisk {
	t.Helper()
	s, err := store.Open(filepath.Join(t.TempDir(), "events.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &onDisk{s, t, newMemory()}
}

func (d *onDisk) save(e *event.Event, r Receipt) {
	d.t.Helper()
	if _, err := d.Save(context.Background(), []store.Entry{{Event: e, Via: r.Via, From: r.Peer, At: r.At}}); err != nil {
		d.t.Fatal(err)
	}
	d.bus.save(e, r)
}

func (d *onDisk) Subscribe(filters []event.Filter, deliver func(*event.Event)) func() {
	return d.bus.Subscribe(filters, deliver)
}

func (d *onDisk) FirstReceipts(ctx context.Context, ids []event.ID) (map[event.ID]Receipt, error) {
	out := map[event.ID]Receipt{}
	for _, id := range ids {
		list, err := d.Receipts(ctx, id)
		if err != nil {
			return nil, err
		}
		if len(list) > 0 {
			out[id] = Receipt{Via: list[0].Via, Peer: list[0].From, At: list[0].At}
		}
	}
	return out, nil
}

func TestTheStoryOnTheRealStore(t *testing.T) {
	w := newWorldOn(t, newOnDisk(t)).withAna()
	w.named(ben)
	w.follows(ana, ben)
	source := w.says(ben, event.KindPicture, "See")
	w.clock.forward(time.Second)
	layer := w.posts(map[string]any{"text": "My words", "pass": map[string]string{"id": source.ID.String(), "operation": "annotate"}})
	w.posts(map[string]any{"text": "Lovely", "reply": map[string]string{"id": source.ID.String()}})
	w.owner("POST", "/api/posts/"+source.ID.String()+"/repost", nil, 200)
	feed := decodeJSON[page](t, w.owner("GET", "/api/feed", nil, 200))
	if len(feed.Posts) != 2 {
		t.Fatalf("feed of %d posts, want the layer and the source", len(feed.Posts))
	}
	got := decodeJSON[struct {
		Post     post
		Lineage  struct{ Nodes []post }
		Comments []post
	}](t, w.owner("GET", "/api/posts/"+source.ID.String(), nil, 200))
	if got.Post.Layers != 1 || got.Post.Reposts != 1 || len(got.Comments) != 1 || len(got.Lineage.Nodes) != 2 || got.Post.Road.Via != event.ViaPeer {
		t.Errorf("layers %d, reposts %d, comments %d, nodes %d, road %+v", got.Post.Layers, got.Post.Reposts, len(got.Comments), len(got.Lineage.Nodes), got.Post.Road)
	}
	w.owner("DELETE", "/api/posts/"+layer.ID.String(), nil, 204)
	if left := decodeJSON[page](t, w.owner("GET", "/api/feed?scope=me", nil, 200)).Posts; len(left) != 1 || left[0].RepostedBy == nil {
		t.Errorf("after deleting the layer my own mural shows %+v", left)
	}
}

// BenchmarkFeed measures one page of 30 of a home mural over HTTP: 300 people
// followed, 20 posts each, on the real store.
func BenchmarkFeed(b *testing.B) {
	disk := newOnDisk(b)
	w := newWorldOn(b, disk).withAna()
	var entries []store.Entry
	sign := func(who someone, kind event.Kind, content string, tags ...event.Tag) {
		w.clock.forward(time.Second)
		e := &event.Event{Kind: kind, Content: content, Tags: tags, CreatedAt: w.clock.Now().Unix()}
		if err := e.Sign(who.key); err != nil {
			b.Fatal(err)
		}
		entries = append(entries, store.Entry{Event: e, Via: event.ViaPeer, From: "12D3Koo", At: w.clock.Now()})
	}
	var people []someone
	for i := range 300 {
		people = append(people, newSomeone(fmt.Sprint("person ", i)))
		sign(people[i], event.KindProfile, fmt.Sprintf(`{"name":"P%d"}`, i))
	}
	for i := range 6000 {
		h := newHash(fmt.Sprint(i)).String()
		sign(people[i%len(people)], event.KindPicture, "A picture #blue", event.Tag{"imeta", "url http://localhost:4880/" + h + ".jpg", "x " + h, "m image/jpeg", "dim 1200x800"}, event.Tag{"x", h})
	}
	if _, err := disk.Save(b.Context(), entries); err != nil {
		b.Fatal(err)
	}
	w.follows(ana, people...)
	w.owner("GET", "/api/feed", nil, 200)
	for b.Loop() {
		w.owner("GET", "/api/feed", nil, 200)
	}
}
