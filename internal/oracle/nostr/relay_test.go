package oracle

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nbd-wtf/go-nostr"
	"github.com/nbd-wtf/go-nostr/nip11"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// person is a fresh key with a connection to the relay under test.
type person struct {
	t     *testing.T
	ctx   context.Context
	relay *nostr.Relay
	url   string
	key   string
	pk    string
}

// visit connects to the node that MURAL_RELAY names.
func visit(t *testing.T) *person {
	t.Helper()
	url := os.Getenv("MURAL_RELAY")
	if url == "" {
		t.Skip("MURAL_RELAY names no relay, for example ws://localhost:4880")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	t.Cleanup(cancel)
	relay, err := nostr.RelayConnect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { relay.Close() })
	key := nostr.GeneratePrivateKey()
	pk, err := nostr.GetPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return &person{t, ctx, relay, url, key, pk}
}

func (p *person) sign(e nostr.Event) nostr.Event {
	p.t.Helper()
	if e.CreatedAt == 0 {
		e.CreatedAt = nostr.Now()
	}
	if err := e.Sign(p.key); err != nil {
		p.t.Fatal(err)
	}
	return e
}

// publish gives what the relay said against it, "" for an OK.
func (p *person) publish(e nostr.Event) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := p.relay.Publish(ctx, e); err != nil {
		return strings.TrimPrefix(err.Error(), "msg: ")
	}
	return ""
}

func (p *person) mustPublish(e nostr.Event) {
	p.t.Helper()
	if why := p.publish(e); why != "" {
		p.t.Fatalf("kind %d is refused: %s", e.Kind, why)
	}
}

func (p *person) query(f nostr.Filter) (ids []string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	events, err := p.relay.QuerySync(ctx, f)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, e := range events {
		if ok, err := e.CheckSignature(); !ok || !e.CheckID() {
			p.t.Errorf("the relay sent an event that go-nostr does not believe: %v", err)
		}
		ids = append(ids, e.ID)
	}
	return ids
}

func (p *person) wants(what string, f nostr.Filter, want ...string) {
	p.t.Helper()
	if got := p.query(f); !slices.Equal(got, want) {
		p.t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestClientPublishesAndQueries(t *testing.T) {
	p := visit(t)
	var ids []string
	for n, content := range []string{"plain", "é😀\u2028\x01\"\\/\t", "<b>&</b>"} {
		e := p.sign(nostr.Event{Kind: 1, Content: content, CreatedAt: nostr.Now() - 10 + nostr.Timestamp(n), Tags: nostr.Tags{{"t", "Über"}}})
		p.mustPublish(e)
		ids = append([]string{e.ID}, ids...)
	}
	mine := nostr.Filter{Authors: []string{p.pk}}
	p.wants("all of mine, newest first", mine, ids...)
	p.wants("by id", nostr.Filter{IDs: []string{ids[1]}}, ids[1])
	p.wants("by tag", nostr.Filter{Authors: []string{p.pk}, Tags: nostr.TagMap{"t": {"Über"}}}, ids...)
	p.wants("the newest", nostr.Filter{Authors: []string{p.pk}, Limit: 1}, ids[0])
	until := nostr.Now() - 9
	p.wants("until", nostr.Filter{Authors: []string{p.pk}, Until: &until}, ids[1], ids[2])
	p.wants("another kind", nostr.Filter{Authors: []string{p.pk}, Kinds: []int{7}})
}

func TestClientIsRefusedWithAReason(t *testing.T) {
	p := visit(t)
	forged := p.sign(nostr.Event{Kind: 1, Content: "signed"})
	forged.Content = "forged"
	if why := p.publish(forged); !strings.HasPrefix(why, "invalid: ") {
		t.Errorf("a forged event is answered with %q", why)
	}
	far := p.sign(nostr.Event{Kind: 1, CreatedAt: nostr.Now() + 3600})
	if why := p.publish(far); !strings.HasPrefix(why, "invalid: ") {
		t.Errorf("an event from the future is answered with %q", why)
	}
}

func TestClientReplaces(t *testing.T) {
	p := visit(t)
	for _, kind := range []int{0, 10002, 30023} {
		at := nostr.Now() - 100
		old := p.sign(nostr.Event{Kind: kind, CreatedAt: at, Content: "{}", Tags: nostr.Tags{{"d", "x"}}})
		young := p.sign(nostr.Event{Kind: kind, CreatedAt: at + 1, Content: "{}", Tags: nostr.Tags{{"d", "x"}}})
		p.mustPublish(young)
		p.publish(old) // whatever the relay says to it
		p.wants(fmt.Sprint("the latest of kind ", kind), nostr.Filter{Authors: []string{p.pk}, Kinds: []int{kind}}, young.ID)
	}
}

func TestClientDeletes(t *testing.T) {
	p, stranger := visit(t), visit(t)
	note := p.sign(nostr.Event{Kind: 1, Content: "to be deleted", CreatedAt: nostr.Now() - 5})
	p.mustPublish(note)
	request := nostr.Event{Kind: 5, Tags: nostr.Tags{{"e", note.ID}, {"k", "1"}}}
	stranger.publish(stranger.sign(request))
	p.wants("after a stranger's request", nostr.Filter{IDs: []string{note.ID}}, note.ID)
	p.mustPublish(p.sign(request))
	p.wants("after its author's request", nostr.Filter{IDs: []string{note.ID}})
	if why := p.publish(note); !strings.HasPrefix(why, "blocked: ") {
		t.Errorf("a deleted event comes back with %q", why)
	}
}

func TestClientCounts(t *testing.T) {
	p := visit(t)
	for n := range 7 {
		p.mustPublish(p.sign(nostr.Event{Kind: 1, Content: fmt.Sprint(n), CreatedAt: nostr.Now() - nostr.Timestamp(n)}))
	}
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	n, _, err := p.relay.Count(ctx, nostr.Filters{{Authors: []string{p.pk}, Kinds: []int{1}}}) // go-nostr counts one filter only
	if err != nil || n != 7 {
		t.Errorf("count is %d, %v; want 7", n, err)
	}
}

func TestClientListens(t *testing.T) {
	p, other := visit(t), visit(t)
	before := other.sign(nostr.Event{Kind: 1, Content: "before", CreatedAt: nostr.Now() - 5})
	other.mustPublish(before)
	sub, err := p.relay.Subscribe(p.ctx, nostr.Filters{{Authors: []string{other.pk}, Kinds: []int{1, 24880}}})
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Unsub()
	wantNext(t, sub, before.ID)
	select {
	case <-sub.EndOfStoredEvents:
	case <-time.After(patience):
		t.Fatal("no EOSE")
	}
	after := other.sign(nostr.Event{Kind: 1, Content: "after"})
	other.mustPublish(after)
	wantNext(t, sub, after.ID)
	hand := other.sign(nostr.Event{Kind: 24880})
	other.mustPublish(hand)
	wantNext(t, sub, hand.ID)
	p.wants("ephemeral events are not stored", nostr.Filter{Authors: []string{other.pk}, Kinds: []int{24880}})
}

func wantNext(t *testing.T, sub *nostr.Subscription, id string) {
	t.Helper()
	select {
	case e := <-sub.Events:
		if e.ID != id {
			t.Fatalf("event %s came, want %s", e.ID, id)
		}
	case why := <-sub.ClosedReason:
		t.Fatalf("the relay closed the subscription: %s", why)
	case <-time.After(patience):
		t.Fatalf("event %s did not come", id)
	}
}

func TestClientProvesItsKey(t *testing.T) {
	p, sender := visit(t), visit(t)
	wrap := sender.sign(nostr.Event{Kind: 1059, Content: "sealed", Tags: nostr.Tags{{"p", p.pk}}})
	sender.mustPublish(wrap)
	inbox := nostr.Filter{Kinds: []int{1059}, Tags: nostr.TagMap{"p": {p.pk}}}
	wantClosed(t, p, inbox, "auth-required: ")
	wantClosed(t, sender, nostr.Filter{Kinds: []int{1059}, Tags: nostr.TagMap{"p": {p.pk}}}, "auth-required: ")
	for _, who := range []*person{p, sender} {
		if err := who.relay.Auth(who.ctx, func(e *nostr.Event) error { return e.Sign(who.key) }); err != nil {
			t.Fatalf("AUTH: %v", err)
		}
	}
	p.wants("my inbox", inbox, wrap.ID)
	wantClosed(t, visit(t), inbox, "auth-required: ")

	protected := p.sign(nostr.Event{Kind: 1, Content: "protected", Tags: nostr.Tags{{"-"}}})
	if why := sender.publish(protected); !strings.HasPrefix(why, "restricted: ") {
		t.Errorf("a protected event of somebody else is answered with %q", why)
	}
	p.mustPublish(protected)
}

func wantClosed(t *testing.T, p *person, f nostr.Filter, prefix string) {
	t.Helper()
	sub, err := p.relay.Subscribe(p.ctx, nostr.Filters{f})
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Unsub()
	select {
	case why := <-sub.ClosedReason:
		if !strings.HasPrefix(why, prefix) {
			t.Errorf("closed with %q, want %s", why, prefix)
		}
	case <-sub.EndOfStoredEvents:
		t.Errorf("answered, want CLOSED %s", prefix)
	case <-time.After(patience):
		t.Error("no answer")
	}
}

func TestClientReadsTheDocument(t *testing.T) {
	p := visit(t)
	info, err := nip11.Fetch(p.ctx, p.url)
	if err != nil {
		t.Fatal(err)
	}
	for _, nip := range []any{1, 9, 11, 40, 42, 45, 70} {
		if !slices.ContainsFunc(info.SupportedNIPs, func(n any) bool { return fmt.Sprint(n) == fmt.Sprint(nip) }) {
			t.Errorf("NIP %v is not announced: %v", nip, info.SupportedNIPs)
		}
	}
	if info.Limitation == nil || info.Limitation.MaxMessageLength == 0 {
		t.Error("no limits are announced")
	}
}
