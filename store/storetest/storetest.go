// Package storetest says what any event store has to do, as a suite that runs
// on it. Run holds a store against named promises, Compare against a naive one
// in memory on random histories.
package storetest

import (
	"context"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mural/event"
	"mural/store"
)

// Storage is what the suite holds a store to. Its words are those of package store.
type Storage interface {
	Save(context.Context, []store.Entry) ([]store.Outcome, error)
	Query(context.Context, ...event.Filter) ([]*event.Event, error)
	Count(context.Context, ...event.Filter) (int, error)
	Stamps(context.Context, ...event.Filter) ([]event.Stamp, error)
}

// receipter is a store that keeps receipts too.
type receipter interface {
	Receipts(context.Context, event.ID) ([]store.Receipt, error)
}

// Open gives an empty store that reads the time from now. The suite closes it
// when it is an io.Closer.
type Open func(t testing.TB, now func() time.Time) Storage

func closing(t interface{ Fatal(...any) }, s Storage) {
	if c, ok := s.(io.Closer); ok {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// start is when the suite's events are made, in Unix seconds.
const start = 1_700_000_000

// Run holds a store against the promises of the package store.
func Run(t *testing.T, open Open) {
	for _, p := range promises {
		t.Run(p.name, func(t *testing.T) {
			clock := &Clock{}
			clock.Set(start)
			s := open(t, clock.Now)
			defer closing(t, s)
			p.check(&bench{T: t, Storage: s, clock: clock})
		})
	}
}

// Clock stands still until it is set.
type Clock struct{ second atomic.Int64 }

// Now gives the second it was set to.
func (c *Clock) Now() time.Time { return time.Unix(c.second.Load(), 0) }

// Set moves the clock to a Unix second.
func (c *Clock) Set(second int64) { c.second.Store(second) }

// bench is a store under test, and the words in which the promises are told.
type bench struct {
	*testing.T
	Storage
	clock *Clock
}

// author gives the i-th of a row of persons.
func author(i int) event.SecretKey { return event.SecretKey{30: 1, 31: byte(i)} }

// makes signs an event of author i, made at second start+at.
func (b *bench) makes(i int, at int64, kind event.Kind, content string, tags ...event.Tag) *event.Event {
	b.Helper()
	e := &event.Event{Kind: kind, CreatedAt: start + at, Content: content, Tags: tags}
	if e.Tags == nil {
		e.Tags = event.Tags{}
	}
	if err := e.Sign(author(i)); err != nil {
		b.Fatal(err)
	}
	return e
}

// saves saves one event and checks what became of it.
func (b *bench) saves(e *event.Event, want store.Outcome) {
	b.Helper()
	got, err := b.Save(context.Background(), []store.Entry{{Event: e, Via: event.ViaPeer, From: "somebody", At: b.clock.Now()}})
	if err != nil {
		b.Fatal(err)
	}
	if len(got) != 1 || got[0] != want {
		b.Fatalf("saving kind %d %q: got %v, want %v", e.Kind, e.Content, got, want)
	}
}

// finds checks that a query by one filter gives these events in this order, and
// that count and stamps agree where the filter has no limit.
func (b *bench) finds(f event.Filter, want ...*event.Event) {
	b.Helper()
	b.findsAny([]event.Filter{f}, want...)
	if f.Limit != 0 {
		return
	}
	n, err := b.Count(context.Background(), f)
	if err != nil || n != len(want) {
		b.Errorf("count of %s: got %d (%v), want %d", text(f), n, err, len(want))
	}
	stamps, err := b.Stamps(context.Background(), f)
	if err != nil || len(stamps) != len(want) {
		b.Fatalf("stamps of %s: got %d (%v), want %d", text(f), len(stamps), err, len(want))
	}
	for i, s := range stamps {
		if i > 0 && (stamps[i-1].CreatedAt > s.CreatedAt || (stamps[i-1].CreatedAt == s.CreatedAt && stamps[i-1].ID.String() >= s.ID.String())) {
			b.Errorf("stamp %d of %s is not after the one before it", i, text(f))
		}
	}
}

func (b *bench) findsAny(filters []event.Filter, want ...*event.Event) {
	b.Helper()
	got, err := b.Query(context.Background(), filters...)
	if err != nil {
		b.Fatal(err)
	}
	if diff := cmp.Diff(ids(want), ids(got)); diff != "" {
		b.Fatalf("query by %s (-want +got):\n%s", text(filters...), diff)
	}
}

func ids(events []*event.Event) []string {
	out := make([]string, len(events))
	for i, e := range events {
		out[i] = e.ID.String()
	}
	return out
}

func text(filters ...event.Filter) (s string) {
	for _, f := range filters {
		j, _ := f.MarshalJSON() // it has no way to fail
		s += string(j)
	}
	return s
}
