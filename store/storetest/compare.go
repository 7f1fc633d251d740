package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"mural/event"
	"mural/store"
)

// Compare runs random histories on a store and on Memory, and expects the same
// answers from both: events of few authors, kinds, names and seconds, deletions
// of what was, what is to come and what belongs to others, all in any order and
// often twice, under a clock that goes on.
func Compare(t *testing.T, open Open) {
	rapid.Check(t, func(r *rapid.T) {
		clock := &Clock{}
		clock.Set(start)
		w := &world{T: r, clock: clock, tested: open(t, clock.Now), reference: NewMemory(clock.Now)}
		defer closing(r, w.tested)
		w.pool = w.draw(rapid.IntRange(5, 40).Draw(r, "events"))
		r.Repeat(map[string]func(*rapid.T){
			"save":    w.save,
			"query":   w.query,
			"measure": w.measure,
			"age":     w.age,
		})
		w.compareAll()
	})
}

// world is one history.
type world struct {
	*rapid.T
	clock     *Clock
	tested    Storage
	reference *Memory
	pool      []*event.Event
	filler    int
}

var worldKinds = []event.Kind{0, 1, 1, 1, 7, 3, 1111, 10002, 20001, 30000, 30023, 30023, 34841, 34841}

// draw makes events, then deletions and requests to vanish among them.
func (w *world) draw(n int) []*event.Event {
	var pool []*event.Event
	for range n {
		e := &event.Event{Kind: rapid.SampledFrom(worldKinds).Draw(w.T, "kind"), Tags: w.tags()}
		pool = append(pool, w.finish(e))
	}
	for range rapid.IntRange(0, n/3).Draw(w.T, "deletions") {
		e := &event.Event{Kind: event.KindDeletion}
		for range rapid.IntRange(1, 3).Draw(w.T, "targets") {
			target := rapid.SampledFrom(pool).Draw(w.T, "target")
			if address := target.Address(); address != "" && rapid.Bool().Draw(w.T, "by address") {
				e.Tags = append(e.Tags, tag("a", address))
			} else {
				e.Tags = append(e.Tags, tag("e", target.ID.String()))
			}
		}
		pool = append(pool, w.finish(e))
	}
	if rapid.IntRange(0, 5).Draw(w.T, "vanish") == 0 {
		pool = append(pool, w.finish(&event.Event{Kind: event.KindVanish, Tags: event.Tags{tag("relay", "ALL_RELAYS")}}))
	}
	return pool
}

// finish gives an event its author, time and id.
func (w *world) finish(e *event.Event) *event.Event {
	e.PubKey = event.PubKey{byte(rapid.IntRange(1, 3).Draw(w.T, "author"))}
	e.CreatedAt = start + rapid.Int64Range(-6, 6).Draw(w.T, "second")
	e.Content = rapid.StringN(0, 4, -1).Draw(w.T, "content")
	e.ID = e.ComputeID()
	return e
}

func (w *world) tags() (tags event.Tags) {
	letter := rapid.SampledFrom([]string{"t", "e", "d", "d"})
	value := rapid.SampledFrom([]string{"", "x", "y"})
	for range rapid.IntRange(0, 3).Draw(w.T, "tags") {
		tags = append(tags, tag(letter.Draw(w.T, "letter"), value.Draw(w.T, "value")))
	}
	if rapid.IntRange(0, 6).Draw(w.T, "expires") == 0 {
		tags = append(tags, tag("expiration", fmt.Sprint(start+rapid.IntRange(-1, 8).Draw(w.T, "after"))))
	}
	return tags
}

func (w *world) save(r *rapid.T) {
	var entries []store.Entry
	for range rapid.IntRange(1, 6).Draw(r, "entries") {
		e := rapid.SampledFrom(w.pool).Draw(r, "event")
		from := rapid.SampledFrom([]string{"", "a", "b"}).Draw(r, "from")
		entries = append(entries, store.Entry{Event: e, Via: event.ViaPeer, From: from, At: w.clock.Now()})
	}
	w.both(r, entries)
}

func (w *world) both(r *rapid.T, entries []store.Entry) {
	want, err := w.reference.Save(context.Background(), entries)
	if err != nil {
		r.Fatal(err)
	}
	got, err := w.tested.Save(context.Background(), entries)
	if err != nil {
		r.Fatal(err)
	}
	if !slices.Equal(want, got) {
		r.Fatalf("outcomes: got %v, want %v", got, want)
	}
}

// age moves the clock. A save follows, since a store may tidy up when it writes.
func (w *world) age(r *rapid.T) {
	w.clock.Set(w.clock.Now().Unix() + rapid.Int64Range(1, 3).Draw(r, "seconds"))
	w.filler++
	e := &event.Event{Kind: 1, CreatedAt: start, Content: fmt.Sprint("filler ", w.filler)}
	e.ID = e.ComputeID()
	w.both(r, []store.Entry{{Event: e}})
}

func (w *world) query(r *rapid.T) {
	w.same(r, rapid.SliceOfN(rapid.Custom(w.filter), 1, 3).Draw(r, "filters")...)
}

func (w *world) filter(r *rapid.T) (f event.Filter) {
	maybe := func(what string) bool { return rapid.IntRange(0, 2).Draw(r, what) == 0 }
	some := rapid.IntRange(0, 3)
	if maybe("by ids") {
		for range 3 * some.Draw(r, "ids") {
			f.IDs = append(f.IDs, rapid.SampledFrom(w.pool).Draw(r, "id").ID)
		}
	}
	if maybe("by authors") {
		for range some.Draw(r, "authors") {
			f.Authors = append(f.Authors, event.PubKey{byte(rapid.IntRange(1, 4).Draw(r, "author"))})
		}
	}
	if maybe("by kinds") {
		f.Kinds = rapid.SliceOfN(rapid.SampledFrom(append(worldKinds, event.KindDeletion)), 0, 12).Draw(r, "kinds")
	}
	for _, letter := range []byte("ted") {
		if rapid.IntRange(0, 5).Draw(r, "by tag") == 0 {
			f.Tags = map[byte][]string{letter: rapid.SliceOfN(rapid.SampledFrom([]string{"", "x", "y"}), 0, 2).Draw(r, "values")}
		}
	}
	if maybe("since") {
		f.Since = start + rapid.Int64Range(-7, 7).Draw(r, "since")
	}
	if maybe("until") {
		f.Until = start + rapid.Int64Range(-7, 7).Draw(r, "until")
	}
	if maybe("limit") {
		f.Limit = rapid.IntRange(-1, 6).Draw(r, "limit")
	}
	return f
}

// same asks both and compares the events whole.
func (w *world) same(r *rapid.T, filters ...event.Filter) {
	ctx := context.Background()
	want, err := w.reference.Query(ctx, filters...)
	if err != nil {
		r.Fatal(err)
	}
	got, err := w.tested.Query(ctx, filters...)
	if err != nil {
		r.Fatal(err)
	}
	if diff := cmp.Diff(jsons(want), jsons(got)); diff != "" {
		r.Fatalf("query by %s (-want +got):\n%s", text(filters...), diff)
	}
}

func jsons(events []*event.Event) []string {
	out := make([]string, len(events))
	for i, e := range events {
		out[i] = string(e.AppendJSON(nil))
	}
	return out
}

// measure compares count and stamps.
func (w *world) measure(r *rapid.T) {
	ctx := context.Background()
	filters := rapid.SliceOfN(rapid.Custom(w.filter), 1, 3).Draw(r, "filters")
	want, err := w.reference.Stamps(ctx, filters...)
	if err != nil {
		r.Fatal(err)
	}
	got, err := w.tested.Stamps(ctx, filters...)
	if err != nil {
		r.Fatal(err)
	}
	if !slices.Equal(want, got) {
		r.Fatalf("stamps of %s: got %v, want %v", text(filters...), got, want)
	}
	n, err := w.tested.Count(ctx, filters...)
	if err != nil || n != len(want) {
		r.Fatalf("count of %s: got %d (%v), want %d", text(filters...), n, err, len(want))
	}
}

// compareAll looks at everything there is in the end, receipts included.
func (w *world) compareAll() {
	w.same(w.T, event.Filter{})
	for _, e := range w.pool {
		w.same(w.T, event.Filter{IDs: []event.ID{e.ID}})
		w.same(w.T, event.Filter{Authors: []event.PubKey{e.PubKey}, Kinds: []event.Kind{e.Kind}})
		r, ok := w.tested.(receipter)
		if !ok {
			continue
		}
		want, err := w.reference.Receipts(context.Background(), e.ID)
		if err != nil {
			w.Fatal(err)
		}
		got, err := r.Receipts(context.Background(), e.ID)
		if err != nil {
			w.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			w.Fatalf("receipts of %s (-want +got):\n%s", e.ID, diff)
		}
	}
}
