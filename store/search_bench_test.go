package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mural/event"
)

// searchWorld makes notes of 15 to 65 words from 60,000, liked by a power law.
type searchWorld struct {
	rng   *rand.Rand
	words []string
	likes *rand.Zipf
}

func newSearchWorld() *searchWorld {
	rng := rand.New(rand.NewPCG(1, 2))
	w := &searchWorld{rng: rng, likes: rand.NewZipf(rng, 1.15, 3, 60_000-1)}
	for range 60_000 {
		word := make([]byte, 3+rng.IntN(8))
		for j := range word {
			word[j] = byte('a' + rng.IntN(26))
		}
		w.words = append(w.words, string(word))
	}
	return w
}

func (w *searchWorld) note(i int) *event.Event {
	var b strings.Builder
	for range 15 + w.rng.IntN(50) {
		b.WriteString(w.words[w.likes.Uint64()])
		b.WriteByte(' ')
	}
	e := &event.Event{PubKey: benchKey(uint64(w.rng.IntN(benchAuthors))), Kind: 1, CreatedAt: benchStart + int64(i)*10, Content: b.String()}
	e.ID = e.ComputeID()
	return e
}

// BenchmarkSearch searches 100,000 notes (MURAL_BENCH_EVENTS for another
// number). Its log says what the index costs per event, in time and on disk.
func BenchmarkSearch(b *testing.B) {
	n := 100_000
	if s := os.Getenv("MURAL_BENCH_EVENTS"); s != "" {
		if _, err := fmt.Sscan(s, &n); err != nil {
			b.Fatal(err)
		}
	}
	w := newSearchWorld()
	s, err := Open(filepath.Join(b.TempDir(), "events.db"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	fillAndIndex(b, s, w, n)
	var follows []event.PubKey
	for i := range 300 {
		follows = append(follows, benchKey(uint64(i*i/30)))
	}
	for _, q := range []struct {
		name string
		f    event.Filter
	}{
		{"commonest", event.Filter{Search: w.words[0]}},
		{"common", event.Filter{Search: w.words[10]}},
		{"medium", event.Filter{Search: w.words[200]}},
		{"rare", event.Filter{Search: w.words[9000]}},
		{"twoCommon", event.Filter{Search: w.words[10] + " " + w.words[30]}},
		{"prefix", event.Filter{Search: w.words[200][:3]}},
		{"phrase", event.Filter{Search: `"` + w.words[0] + " " + w.words[10] + `"`}},
		{"excluded", event.Filter{Search: w.words[10] + " -" + w.words[0]}},
		{"author", event.Filter{Search: w.words[10], Authors: follows[7:8]}},
		{"follows300", event.Filter{Search: w.words[200], Authors: follows, Kinds: []event.Kind{1}}},
		{"old", event.Filter{Search: w.words[10], Until: benchStart + int64(n)}},
		{"nothing", event.Filter{Search: w.words[9000] + " " + w.words[9001] + " " + w.words[9002]}},
	} {
		q.f.Limit = 20
		for name, ask := range map[string]func(context.Context, ...event.Filter) ([]*event.Event, error){"newest20": s.QueryNewest, "best20": s.Query} {
			b.Run(q.name+"/"+name, func(b *testing.B) {
				found := 0
				for b.Loop() {
					got, err := ask(context.Background(), q.f)
					if err != nil {
						b.Fatal(err)
					}
					found += len(got)
				}
				b.ReportMetric(float64(found)/float64(b.N), "events")
			})
		}
	}
	b.Run("countCommonest", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Count(context.Background(), event.Filter{Search: w.words[0]}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func fillAndIndex(b *testing.B, s *Store, w *searchWorld, n int) {
	b.Helper()
	var events []*event.Event
	bytes := 0
	for i := range n {
		events = append(events, w.note(i))
		bytes += len(events[i].Content)
	}
	start := time.Now()
	saveAll(b, s, events, 1024)
	for s.writer.unindexed.Load() > 0 {
		if err := s.writer.catchUp(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
	took := time.Since(start)
	start = time.Now()
	if err := s.writer.do(context.Background(), 0, func(t *tx) error { return t.exec("UPDATE projection SET upto=0") }); err != nil {
		b.Fatal(err)
	}
	for s.writer.unindexed.Load() > 0 {
		if err := s.writer.catchUp(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
	again := time.Since(start)
	size := func(table string) (n int64) {
		if err := s.read(context.Background(), func(c *conn) (err error) {
			n, err = c.number("SELECT sum(length(block)) FROM search_" + table)
			return err
		}); err != nil {
			b.Fatal(err)
		}
		return n
	}
	stats, err := s.Stats(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%d notes of %d bytes of text: saved and indexed in %.0f us each, indexed over again in %.0f us; index %d bytes each, file %d",
		n, bytes/n, float64(took.Microseconds())/float64(n), float64(again.Microseconds())/float64(n), size("data")/int64(n), stats.Bytes/int64(n))
}
