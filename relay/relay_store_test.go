package relay_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mural/event"
	"mural/relay"
	"mural/store"
)

// kept is a node with the real store and no policy.
type kept struct {
	memory // its subscriptions only
	store  *store.Store
}

func (k *kept) Query(ctx context.Context, f ...event.Filter) ([]*event.Event, error) {
	return k.store.Query(ctx, f...)
}

func (k *kept) Count(ctx context.Context, f ...event.Filter) (int, error) {
	return k.store.Count(ctx, f...)
}

func (k *kept) Stamps(ctx context.Context, f ...event.Filter) ([]event.Stamp, error) {
	return k.store.Stamps(ctx, f...)
}

func (k *kept) Accept(ctx context.Context, from event.Source, es []*event.Event) []event.Verdict {
	verdicts := make([]event.Verdict, len(es))
	var good []int
	for i, err := range event.VerifyBatch(es) {
		verdicts[i].ID = es[i].ID
		if err != nil {
			verdicts[i].Status, verdicts[i].Reason = event.Invalid, err.Error()
			continue
		}
		good = append(good, i)
	}
	entries := make([]store.Entry, len(good))
	for n, i := range good {
		entries[n] = store.Entry{Event: es[i], Via: from.Via, At: time.Now()}
	}
	outcomes, err := k.store.Save(ctx, entries)
	for n, i := range good {
		switch {
		case err != nil:
			verdicts[i].Status = event.Failed
		case outcomes[n] == store.Stored:
			k.publish(es[i])
		case outcomes[n] == store.Duplicate:
			verdicts[i].Status = event.Duplicate
		default:
			verdicts[i].Status, verdicts[i].Reason = event.Blocked, fmt.Sprint("outcome ", outcomes[n])
		}
	}
	return verdicts
}

func openStore(t testing.TB, path string) *kept {
	t.Helper()
	s, err := store.Open(path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &kept{store: s}
}

// TestRelayOnTheRealStore: bytes, order, limits, counts and rules of
// replacement come through the door as the store has them.
func TestRelayOnTheRealStore(t *testing.T) {
	_, url := start(t, relay.Config{}, openStore(t, filepath.Join(t.TempDir(), "events.db")))
	c := dial(t, url)
	for n := range 30 {
		c.ok(note(t, n))
	}
	if got := c.answer("s", `{"limit":3,"authors":["`+key(1).PubKey().String()+`"]}`); len(got) != 3 || got[0] != note(t, 29).ID {
		t.Errorf("limit 3 gave %v", got)
	}
	c.send(`["CLOSE","s"]`)
	c.send(`["COUNT","n",{"kinds":[1]},{"kinds":[1],"limit":2}]`)
	c.expect(`["COUNT","n",{"count":30}]`)

	// NIP-01: of a replaceable kind only the latest is stored.
	old := sign(t, key(1), event.Event{Kind: 0, CreatedAt: 10, Content: `{"name":"ana"}`})
	young := sign(t, key(1), event.Event{Kind: 0, CreatedAt: 11, Content: `{"name":"Ana"}`})
	c.ok(old)
	c.ok(young)
	wantIDs(t, "who asks for the profile", c.answer("p", `{"kinds":[0]}`), young.ID)

	// NIP-09: a deletion request is obeyed and stays in force.
	gone := note(t, 7)
	c.ok(sign(t, key(1), event.Event{Kind: 5, CreatedAt: 1_800_000_000, Tags: event.Tags{{"e", gone.ID.String()}}}))
	wantIDs(t, "who asks for the deleted note", c.answer("g", `{"ids":["`+gone.ID.String()+`"]}`))
	c.publish(gone)
	c.expect(`["OK","%s",false,"blocked: `, gone.ID)
}

// TestAnOKMeansStored: what was acknowledged is there after the relay and its
// store were opened again.
func TestAnOKMeansStored(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.db")
	t.Run("first run", func(t *testing.T) {
		_, url := start(t, relay.Config{}, openStore(t, path))
		c := dial(t, url)
		for n := range 300 {
			c.publish(note(t, n))
		}
		for n := range 300 {
			c.expect(`["OK","%s",true,""]`, note(t, n).ID)
		}
	})
	_, url := start(t, relay.Config{}, openStore(t, path))
	if got := dial(t, url).answer("s", `{"limit":1000}`); len(got) != 300 {
		t.Errorf("%d of 300 acknowledged events are left", len(got))
	}
}

// TestNoEventIsLostOrRepeatedWithTheStore is the race of subscribing while
// events come in, with a store that commits and publishes in two steps.
func TestNoEventIsLostOrRepeatedWithTheStore(t *testing.T) {
	const events, readers = 200, 6
	_, url := start(t, relay.Config{}, openStore(t, filepath.Join(t.TempDir(), "events.db")))
	all := make([]*event.Event, events)
	for i := range all {
		all[i] = note(t, i)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		c := dial(t, url)
		for i := 0; i < events; i += 10 {
			for _, e := range all[i : i+10] {
				c.publish(e)
			}
			for range 10 {
				c.expect(`["OK",`)
			}
		}
	})
	for range readers {
		wg.Go(func() {
			c := dial(t, url)
			c.send(`["REQ","s",{"kinds":[1],"limit":1000}]`)
			seen := map[event.ID]int{}
			for len(seen) < events {
				got, err := c.next()
				if err != nil {
					t.Errorf("after %d events: %v", len(seen), err)
					return
				}
				if !strings.HasPrefix(got, `["EOSE"`) {
					seen[eventOf(t, got, "s").ID]++
				}
			}
			c.quiet()
			for id, n := range seen {
				if n != 1 {
					t.Errorf("event %s came %d times", id, n)
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkEVENTOnTheRealStore publishes with 256 unanswered, verified and
// durable: the whole path of one connection.
func BenchmarkEVENTOnTheRealStore(b *testing.B) {
	_, url := start(b, relay.Config{}, openStore(b, filepath.Join(b.TempDir(), "events.db")))
	c := dial(b, url)
	events := make([]*event.Event, b.N)
	for i := range events {
		events[i] = sized(b, i)
	}
	window := make(chan struct{}, 256)
	b.ResetTimer()
	go func() {
		for _, e := range events {
			window <- struct{}{}
			c.publish(e)
		}
	}()
	for range events {
		c.expect(`["OK",`)
		<-window
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
