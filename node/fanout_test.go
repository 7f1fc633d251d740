package node

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"mural/event"
)

// TestFanoutAgreesWithTheFilters compares the index with the plain meaning of
// filters (NIP-01) on random subscriptions and events.
func TestFanoutAgreesWithTheFilters(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { agree(t, rand.New(rand.NewPCG(seed, 1))) })
	}
}

func agree(t *testing.T, r *rand.Rand) {
	var f Fanout
	type reader struct {
		filters []event.Filter
		got     int // in this step
		cancel  func()
	}
	var readers []*reader
	for range 400 {
		switch n := r.IntN(10); {
		case n < 3:
			s := &reader{filters: make([]event.Filter, 1+r.IntN(3))}
			for i := range s.filters {
				s.filters[i] = randomFilter(r)
			}
			s.cancel = f.Subscribe(slices.Clone(s.filters), func(*event.Event) { s.got++ })
			readers = append(readers, s)
		case n == 3 && len(readers) > 0:
			at := r.IntN(len(readers))
			readers[at].cancel()
			readers[at].cancel() // twice does nothing
			readers = slices.Delete(readers, at, at+1)
		default:
			e := randomEvent(r)
			f.Publish(e)
			for _, s := range readers {
				want := 0
				if slices.ContainsFunc(s.filters, func(f event.Filter) bool { return f.Match(e) }) {
					want = 1
				}
				if s.got != want {
					t.Fatalf("delivered %d times, want %d: event %s\nfilters %+v", s.got, want, e.Raw(), s.filters)
				}
				s.got = 0
			}
		}
		if f.Len() != len(readers) {
			t.Fatalf("Len %d, want %d", f.Len(), len(readers))
		}
	}
	for _, s := range readers {
		s.cancel()
	}
	if left := len(f.ids) + len(f.authors) + len(f.tags) + len(f.kinds) + len(f.rest.entries) + f.Len(); left != 0 {
		t.Errorf("%d entries are left after every subscription ended", left)
	}
}

func randomFilter(r *rand.Rand) event.Filter {
	var f event.Filter
	if r.IntN(8) == 0 {
		f.IDs = many(r, func() event.ID { return event.ID{0: byte(r.IntN(8)), 31: 9} })
	}
	if r.IntN(3) == 0 {
		f.Authors = many(r, func() event.PubKey { return event.PubKey{0: byte(r.IntN(6))} })
	}
	if r.IntN(3) == 0 {
		f.Kinds = many(r, func() event.Kind { return event.Kind(r.IntN(4)) })
	}
	if r.IntN(3) == 0 {
		f.Tags = map[byte][]string{}
		for range 1 + r.IntN(2) {
			f.Tags["etT"[r.IntN(3)]] = many(r, func() string { return string("abc"[r.IntN(3)]) })
		}
	}
	if r.IntN(6) == 0 {
		f.Since = int64(r.IntN(100))
	}
	if r.IntN(6) == 0 {
		f.Until = int64(r.IntN(100))
	}
	return f
}

// many gives mostly a few values, with repeats, and seldom none.
func many[T any](r *rand.Rand, one func() T) []T {
	out := []T{}
	for range r.IntN(5) {
		out = append(out, one())
	}
	return out
}

func randomEvent(r *rand.Rand) *event.Event {
	e := &event.Event{
		ID:        event.ID{0: byte(r.IntN(8)), 31: 9},
		PubKey:    event.PubKey{0: byte(r.IntN(6))},
		Kind:      event.Kind(r.IntN(4)),
		CreatedAt: int64(r.IntN(100)),
	}
	for range r.IntN(6) {
		tag := event.Tag{[]string{"e", "t", "T", "imeta", ""}[r.IntN(5)], string("abcd"[r.IntN(4)])}
		e.Tags = append(e.Tags, tag[:1+r.IntN(2)])
	}
	return e
}

// TestFanoutDelivererMayCancelAndSubscribe: deliver is called without a lock
// that Subscribe and cancel need.
func TestFanoutDelivererMayCancelAndSubscribe(t *testing.T) {
	var f Fanout
	var second int
	var cancel func()
	cancel = f.Subscribe([]event.Filter{{}}, func(*event.Event) {
		cancel()
		f.Subscribe([]event.Filter{{Kinds: []event.Kind{1}}}, func(*event.Event) { second++ })
	})
	f.Publish(&event.Event{Kind: 1})
	f.Publish(&event.Event{Kind: 1})
	if second != 1 || f.Len() != 1 {
		t.Errorf("second subscription got %d events, %d open; want 1 and 1", second, f.Len())
	}
}

func TestFanoutUnderConcurrentUse(t *testing.T) {
	var f Fanout
	var steady atomic.Int64
	f.Subscribe([]event.Filter{{Authors: []event.PubKey{{1}}}, {Kinds: []event.Kind{1}}}, func(*event.Event) { steady.Add(1) })
	const publishers, each = 4, 500
	var publishing, churning sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		churning.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					f.Subscribe([]event.Filter{{Kinds: []event.Kind{1, 2}, Authors: []event.PubKey{{1}, {2}}}}, func(*event.Event) {})()
				}
			}
		})
	}
	for range publishers {
		publishing.Go(func() {
			for range each {
				f.Publish(&event.Event{Kind: 1, PubKey: event.PubKey{1}})
			}
		})
	}
	publishing.Wait()
	close(stop)
	churning.Wait()
	if got := steady.Load(); got != publishers*each {
		t.Errorf("steady subscriber got %d events, want %d", got, publishers*each)
	}
}

// TestFanoutRepeatedTagsCostNothing: an event that names one value two
// thousand times looks at its readers once.
func TestFanoutRepeatedTagsCostNothing(t *testing.T) {
	var f Fanout
	compared := 0
	for range 1000 {
		f.Subscribe([]event.Filter{{Tags: map[byte][]string{'t': {"x"}}, Until: 1}}, func(*event.Event) { compared++ })
	}
	e := &event.Event{CreatedAt: 2}
	for range event.MaxTags {
		e.Tags = append(e.Tags, event.Tag{"t", "x"})
	}
	f.Publish(e)
	if compared != 0 || f.tags[tagValue{'t', "x"}].turn != f.turn {
		t.Errorf("%d deliveries of an event after until", compared)
	}
}

// BenchmarkFanout publishes to 10,000 home subscriptions of 300 authors each,
// out of 20,000: about 150 of them want each event. The figure is the time of
// one delivery.
func BenchmarkFanout(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	var f Fanout
	author := func(n int) (pk event.PubKey) { binary.BigEndian.PutUint32(pk[:], uint32(n)); return pk }
	delivered := 0
	for range 10_000 {
		authors := make([]event.PubKey, 300)
		for i := range authors {
			authors[i] = author(r.IntN(20_000))
		}
		f.Subscribe([]event.Filter{{Kinds: []event.Kind{1, 6, 20, 22}, Authors: authors}}, func(*event.Event) { delivered++ })
	}
	events := make([]*event.Event, 1024)
	for i := range events {
		events[i] = &event.Event{Kind: 1, PubKey: author(r.IntN(20_000)), Tags: event.Tags{{"p", "x"}, {"e", "y"}}}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		f.Publish(events[i%len(events)])
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(max(1, delivered)), "ns/delivery")
}
