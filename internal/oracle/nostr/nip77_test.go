package oracle

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nbd-wtf/go-nostr"
	"github.com/nbd-wtf/go-nostr/nip11"
	"github.com/nbd-wtf/go-nostr/nip45"
	"github.com/nbd-wtf/go-nostr/nip45/hyperloglog"
	"github.com/nbd-wtf/go-nostr/nip77"
)

// shelf is the client's own store.
type shelf struct {
	mu     sync.Mutex
	events []*nostr.Event
}

var _ nostr.RelayStore = (*shelf)(nil)

func (s *shelf) Publish(_ context.Context, e nostr.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, &e)
	return nil
}

func (s *shelf) QuerySync(_ context.Context, f nostr.Filter) (out []*nostr.Event, _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if f.Matches(e) {
			out = append(out, e)
		}
	}
	return out, nil
}

func (s *shelf) QueryEvents(ctx context.Context, f nostr.Filter) (chan *nostr.Event, error) {
	events, err := s.QuerySync(ctx, f)
	out := make(chan *nostr.Event, len(events))
	for _, e := range events {
		out <- e
	}
	close(out)
	return out, err
}

func (s *shelf) ids() (ids []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		ids = append(ids, e.ID)
	}
	slices.Sort(ids)
	return ids
}

// reconciler is a person at a relay that announces NIP-77.
func reconciler(t *testing.T) *person {
	t.Helper()
	p := visit(t)
	info, err := nip11.Fetch(p.ctx, p.url)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(info.SupportedNIPs, func(n any) bool { return fmt.Sprint(n) == "77" }) {
		t.Skip("the relay does not announce NIP-77")
	}
	return p
}

// TestClientReconciles: go-nostr's own NIP-77 client brings both sides level.
func TestClientReconciles(t *testing.T) {
	p := reconciler(t)
	here := &shelf{}
	var all []string
	for n := range 400 {
		e := p.sign(nostr.Event{Kind: 1, Content: fmt.Sprint(n), CreatedAt: nostr.Now() - nostr.Timestamp(n*500)})
		all = append(all, e.ID)
		if n%10 != 3 {
			p.mustPublish(e)
		}
		if n%10 != 7 {
			here.Publish(p.ctx, e)
		}
	}
	slices.Sort(all)
	filter := nostr.Filter{Authors: []string{p.pk}, Kinds: []int{1}}
	if err := nip77.NegentropySync(p.ctx, here, p.url, filter, nip77.Both); err != nil {
		t.Fatal(err)
	}
	if got := here.ids(); !slices.Equal(got, all) {
		t.Errorf("the client holds %d events, want %d", len(got), len(all))
	}
	filter.Limit = len(all)
	if got := p.query(filter); len(got) != len(all) {
		t.Errorf("the relay holds %d events, want %d", len(got), len(all))
	}
}

// TestClientReconcilesTombstones: what its author deleted does not come back
// through a client that still has it.
func TestClientReconcilesTombstones(t *testing.T) {
	p := reconciler(t)
	here := &shelf{}
	note := p.sign(nostr.Event{Kind: 1, Content: "to be deleted", CreatedAt: nostr.Now() - 5})
	here.Publish(p.ctx, note)
	p.mustPublish(note)
	request := p.sign(nostr.Event{Kind: 5, Tags: nostr.Tags{{"e", note.ID}, {"k", "1"}}})
	p.mustPublish(request)
	filter := nostr.Filter{Authors: []string{p.pk}, Kinds: []int{1, 5}}
	if err := nip77.NegentropySync(p.ctx, here, p.url, filter, nip77.Both); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(here.ids(), request.ID) {
		t.Error("the client did not get the deletion request")
	}
	p.wants("after a client offered the deleted note", filter, request.ID)
}

// TestClientReadsOurErrors: go-nostr's envelopes read what ours write.
func TestClientReadsOurErrors(t *testing.T) {
	p := reconciler(t)
	got := make(chan nostr.Envelope, 16)
	relay, err := nostr.RelayConnect(p.ctx, p.url, nostr.WithCustomHandler(func(data string) { got <- nip77.ParseNegMessage(data) }))
	if err != nil {
		t.Fatal(err)
	}
	defer relay.Close()
	empty := their(nil, 0).Start()
	for _, row := range []struct{ send, want string }{
		{`["NEG-OPEN","a",{"kinds":[1059]},"` + empty + `"]`, "auth-required: "},
		{`["NEG-OPEN","a",{"kinds":[1]},"6"]`, "invalid: "},
		{`["NEG-MSG","a","` + empty + `"]`, "closed: "},
		{`["NEG-OPEN","a",{"kinds":[1],"authors":["` + p.pk + `"]},"` + empty + `"]`, ""},
		{`["NEG-OPEN","b",{"kinds":[1],"authors":["` + p.pk + `"]},"` + empty + `"]`, ""},
		{`["NEG-MSG","a","` + empty + `"]`, ""},
	} {
		if err := <-relay.Write([]byte(row.send)); err != nil {
			t.Fatal(err)
		}
		select {
		case envelope := <-got:
			failed, isError := envelope.(*nip77.ErrorEnvelope)
			switch {
			case row.want == "" && isError:
				t.Errorf("%s: %s", row.send, failed.Reason)
			case row.want != "" && (!isError || !strings.HasPrefix(failed.Reason, row.want)):
				t.Errorf("%s: got %v, want %s", row.send, envelope, row.want)
			}
		case <-time.After(patience):
			t.Fatalf("%s: no answer", row.send)
		}
	}
}

// TestClientMergesOurRegisters: go-nostr finds the same HyperLogLog.
func TestClientMergesOurRegisters(t *testing.T) {
	p := visit(t)
	note := p.sign(nostr.Event{Kind: 1, Content: "liked"})
	p.mustPublish(note)
	filter := nostr.Filter{Kinds: []int{7}, Tags: nostr.TagMap{"e": {note.ID}}}
	want := hyperloglog.New(nip45.HyperLogLogEventPubkeyOffsetForFilter(filter))
	const likes = 150
	for range likes {
		fan := *p
		fan.key = nostr.GeneratePrivateKey()
		e := fan.sign(nostr.Event{Kind: 7, Content: "+", Tags: nostr.Tags{{"e", note.ID}}})
		p.mustPublish(e)
		want.Add(e.PubKey)
	}
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	n, registers, err := p.relay.Count(ctx, nostr.Filters{filter})
	if err != nil || n != likes {
		t.Errorf("count is %d, %v; want %d", n, err, likes)
	}
	if !slices.Equal(registers, want.GetRegisters()) {
		t.Errorf("registers are\n%x, want\n%x", registers, want.GetRegisters())
	}
}
