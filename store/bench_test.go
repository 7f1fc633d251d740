package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"mural/event"
)

// The world of the benchmarks: authors and posts are liked by a power law, most
// events are notes and reactions of about 900 bytes of JSON.
const (
	benchAuthors = 5000
	benchStart   = 1_700_000_000
)

type benchWorld struct {
	rng     *rand.Rand
	authors *rand.Zipf
	events  []*event.Event
}

func newBenchWorld(n int) *benchWorld {
	w := &benchWorld{rng: rand.New(rand.NewPCG(1, 2))}
	w.authors = rand.NewZipf(w.rng, 1.1, 10, benchAuthors-1)
	for range n {
		w.events = append(w.events, w.next())
	}
	return w
}

func benchKey(i uint64) (pk event.PubKey) {
	rng := rand.New(rand.NewPCG(i, 7))
	for j := range pk {
		pk[j] = byte(rng.Uint32())
	}
	return pk
}

func (w *benchWorld) next() *event.Event {
	e := &event.Event{PubKey: benchKey(w.authors.Uint64()), CreatedAt: benchStart + int64(len(w.events)), Kind: 1}
	for i := range e.Sig {
		e.Sig[i] = byte(w.rng.Uint32())
	}
	if past := len(w.events); past > 0 {
		// What is talked about is mostly recent.
		target := w.events[past-1-int(w.rng.ExpFloat64()*500)%past]
		e.Tags = append(e.Tags, event.Tag{"e", target.ID.String(), "wss://relay.example", "root"}, event.Tag{"p", target.PubKey.String()})
	}
	switch w.rng.IntN(10) {
	case 0, 1, 2, 3:
		e.Kind, e.Content = event.KindReaction, "+"
	case 4:
		e.Kind = event.KindRepost
	default:
		e.Content = w.words(20 + w.rng.IntN(60))
		e.Tags = append(e.Tags, event.Tag{"t", fmt.Sprint("topic", w.rng.IntN(300))})
	}
	e.ID = e.ComputeID()
	return e
}

func (w *benchWorld) words(n int) string {
	var b strings.Builder
	for range n {
		fmt.Fprintf(&b, "%s%d ", [...]string{"wall", "river", "salaam", "the", "and", "Brücke"}[w.rng.IntN(6)], w.rng.IntN(2000))
	}
	return b.String()
}

func entries(events []*event.Event) []Entry {
	out := make([]Entry, len(events))
	for i, e := range events {
		out[i] = Entry{Event: e, Via: event.ViaPeer, From: "12D3KooWbench"}
	}
	return out
}

func saveAll(b testing.TB, s *Store, events []*event.Event, size int) {
	b.Helper()
	for len(events) > 0 {
		n := min(size, len(events))
		if _, err := s.Save(context.Background(), entries(events[:n])); err != nil {
			b.Fatal(err)
		}
		events = events[n:]
	}
}

// BenchmarkIngest saves durably on the disk of TMPDIR, 256 events a call.
func BenchmarkIngest(b *testing.B) {
	w := newBenchWorld(b.N)
	s := openTest(b, Options{})
	b.ResetTimer()
	saveAll(b, s, w.events, 256)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkIngestLive saves one event a call from 64 goroutines, as clients do.
func BenchmarkIngestLive(b *testing.B) {
	w := newBenchWorld(b.N)
	s := openTest(b, Options{})
	b.ResetTimer()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
				if _, err := s.Save(context.Background(), entries(w.events[i:i+1])); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkQuery asks a store of 100,000 events (MURAL_BENCH_EVENTS for another
// number): one goroutine, everything in the page cache of the system.
func BenchmarkQuery(b *testing.B) {
	n := 100_000
	if s := os.Getenv("MURAL_BENCH_EVENTS"); s != "" {
		if _, err := fmt.Sscan(s, &n); err != nil {
			b.Fatal(err)
		}
	}
	w := newBenchWorld(n)
	path := filepath.Join(b.TempDir(), "events.db")
	s, err := Open(path, Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	saveAll(b, s, w.events, 1024)
	if info, err := os.Stat(path); err == nil {
		b.Logf("%d bytes on disk per event", info.Size()/int64(n))
	}
	var follows []event.PubKey
	for i := range 300 {
		follows = append(follows, benchKey(uint64(i*i/30)))
	}
	notes := []event.Kind{event.KindNote, event.KindRepost}
	for _, q := range []struct {
		name   string
		filter func() event.Filter
	}{
		{"id", func() event.Filter { return event.Filter{IDs: []event.ID{w.any().ID}} }},
		{"author50", func() event.Filter {
			return event.Filter{Authors: []event.PubKey{w.any().PubKey}, Kinds: notes, Limit: 50}
		}},
		{"authorAnyKind50", func() event.Filter { return event.Filter{Authors: []event.PubKey{w.any().PubKey}, Limit: 50} }},
		{"thread", func() event.Filter {
			return event.Filter{Tags: map[byte][]string{'e': {w.any().ID.String()}}, Kinds: notes}
		}},
		{"home300x100", func() event.Filter { return event.Filter{Authors: follows, Kinds: notes, Limit: 100} }},
		{"homeOld300x100", func() event.Filter {
			return event.Filter{Authors: follows, Kinds: notes, Limit: 100, Until: w.any().CreatedAt}
		}},
		{"inbox50", func() event.Filter {
			return event.Filter{Tags: map[byte][]string{'p': {w.any().PubKey.String()}}, Limit: 50}
		}},
		{"topic50", func() event.Filter {
			return event.Filter{Tags: map[byte][]string{'t': {fmt.Sprint("topic", w.rng.IntN(300))}}, Limit: 50}
		}},
		{"latest200", func() event.Filter { return event.Filter{Limit: 200} }},
		{"didILike", func() event.Filter {
			f := event.Filter{Authors: []event.PubKey{w.any().PubKey}, Kinds: []event.Kind{7}, Tags: map[byte][]string{'e': nil}}
			for range 50 {
				f.Tags['e'] = append(f.Tags['e'], w.any().ID.String())
			}
			return f
		}},
	} {
		b.Run(q.name, func(b *testing.B) {
			found := 0
			for b.Loop() {
				got, err := s.Query(context.Background(), q.filter())
				if err != nil {
					b.Fatal(err)
				}
				found += len(got)
			}
			b.ReportMetric(float64(found)/float64(b.N), "events")
		})
	}
	b.Run("stampsAll", func(b *testing.B) {
		for b.Loop() {
			if got, err := s.Stamps(context.Background(), event.Filter{}); err != nil || len(got) != n {
				b.Fatal(len(got), err)
			}
		}
	})
	b.Run("stamps300authors", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Stamps(context.Background(), event.Filter{Authors: follows}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func (w *benchWorld) any() *event.Event { return w.events[w.rng.IntN(len(w.events))] }
