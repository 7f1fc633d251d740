package oracle

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/nbd-wtf/go-nostr"

	"mural/event"
)

// TestFiltersMeanTheSame matches random filters with random events.
func TestFiltersMeanTheSame(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	hex := func() string { return fmt.Sprintf("%064x", r.IntN(4)+1) }
	matched := 0
	for range 20_000 {
		filter := map[string]any{}
		list := func(name string, one func() any) {
			if r.IntN(3) == 0 {
				values := []any{}
				for range 1 + r.IntN(3) {
					values = append(values, one())
				}
				filter[name] = values
			}
		}
		list("ids", func() any { return hex() })
		list("authors", func() any { return hex() })
		list("kinds", func() any { return r.IntN(3) })
		list("#t", func() any { return string("abc"[r.IntN(3)]) })
		list("#e", func() any { return hex() })
		if r.IntN(4) == 0 {
			filter["since"] = 1 + r.IntN(9)
		}
		if r.IntN(4) == 0 {
			filter["until"] = 1 + r.IntN(9)
		}
		raw, err := json.Marshal(filter)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := event.ParseFilter(raw)
		if err != nil {
			t.Fatalf("we cannot read %s: %v", raw, err)
		}
		var theirs nostr.Filter
		if err := json.Unmarshal(raw, &theirs); err != nil {
			t.Fatal(err)
		}
		same := nostr.Event{ID: hex(), PubKey: hex(), Kind: r.IntN(3), CreatedAt: nostr.Timestamp(1 + r.IntN(9))}
		for range r.IntN(4) {
			same.Tags = append(same.Tags, []nostr.Tag{{"t", string("abc"[r.IntN(3)])}, {"e", hex()}, {"tt", "a"}, {"t"}}[r.IntN(4)])
		}
		e := mirror(t, same)
		if got, want := ours.Match(e), theirs.Matches(&same); got != want {
			t.Errorf("filter %s and event %s: we say %v, go-nostr %v", raw, e.AppendJSON(nil), got, want)
		} else if got {
			matched++
		}
		again, err := json.Marshal(ours)
		if err != nil {
			t.Fatal(err)
		}
		if reread, err := event.ParseFilter(again); err != nil || reread.Match(e) != ours.Match(e) {
			t.Errorf("filter %s is written as %s: %v", raw, again, err)
		}
	}
	if matched < 100 {
		t.Errorf("only %d pairs matched: the test says little", matched)
	}
}

func mirror(t *testing.T, e nostr.Event) *event.Event {
	t.Helper()
	id, err := event.ParseID(e.ID)
	if err != nil {
		t.Fatal(err)
	}
	pk, err := event.ParsePubKey(e.PubKey)
	if err != nil {
		t.Fatal(err)
	}
	out := &event.Event{ID: id, PubKey: pk, Kind: event.Kind(e.Kind), CreatedAt: int64(e.CreatedAt)}
	for _, tag := range e.Tags {
		out.Tags = append(out.Tags, event.Tag(tag))
	}
	return out
}
