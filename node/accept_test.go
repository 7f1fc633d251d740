package node

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mural/event"
	"mural/store"
)

func TestAcceptAnswersEachEventOfAMixedBatchInOrder(t *testing.T) {
	ctx := context.Background()
	n, c := alone(t)
	a := newAuthor(t)
	known, deleted := a.note(c.unix(0), "known"), a.note(c.unix(0), "deleted")
	profile := a.signs(event.Event{Kind: 0, CreatedAt: c.unix(0), Content: `{"name":"new"}`})
	request := a.signs(event.Event{Kind: 5, CreatedAt: c.unix(0), Tags: event.Tags{{"e", deleted.ID.String()}}})
	for _, e := range []*event.Event{known, deleted, profile, request} {
		accepts(t, n, fromOwner, e, event.Accepted)
	}
	wrongID, wrongSig := *a.note(c.unix(0), "wrong id"), *a.note(c.unix(0), "wrong signature")
	wrongID.ID[0] ^= 1
	wrongSig.Sig[0] ^= 1
	expired := event.Tag{"expiration", fmt.Sprint(c.unix(-time.Hour))}
	twice := a.note(c.unix(0), "twice")
	rows := []struct {
		name string
		e    *event.Event
		want event.Status
		here bool
	}{
		{"valid", a.note(c.unix(0), "valid"), event.Accepted, true},
		{"wrong id", &wrongID, event.Invalid, false},
		{"wrong signature", &wrongSig, event.Invalid, false},
		{"known", known, event.Duplicate, true},
		{"expired", a.note(c.unix(0), "expired", expired), event.Invalid, false},
		{"deleted by its author", deleted, event.Blocked, false},
		{"older than what is here", a.signs(event.Event{Kind: 0, CreatedAt: c.unix(-time.Hour)}), event.Duplicate, false},
		{"from the future", a.note(c.unix(time.Hour), "future"), event.Invalid, false},
		{"protected", a.note(c.unix(0), "protected", event.Tag{"-"}), event.AuthNeeded, false},
		{"answer to a relay's challenge", a.signs(event.Event{Kind: event.KindAuth, CreatedAt: c.unix(0)}), event.Invalid, false},
		{"ephemeral", a.signs(event.Event{Kind: 20001, CreatedAt: c.unix(0)}), event.Accepted, false},
		{"first of two", twice, event.Accepted, true},
		{"second of two", twice, event.Duplicate, true},
		{"a little ahead", a.note(c.unix(10*time.Minute), "ahead"), event.Accepted, true},
	}
	var heard []event.ID
	var mu sync.Mutex
	defer n.Subscribe([]event.Filter{{}}, func(e *event.Event) {
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, e.ID)
	})()
	var batch []*event.Event
	for _, row := range rows {
		batch = append(batch, row.e)
	}
	verdicts := n.Accept(ctx, fromOwner, batch)
	want := 0
	for i, row := range rows {
		v := verdicts[i]
		if v.ID != row.e.ID || v.Status != row.want {
			t.Errorf("%s: verdict %q (%s), want %q", row.name, v.Status, v.Reason, row.want)
		}
		if v.Status != event.Accepted && v.Reason == "" {
			t.Errorf("%s: refused without a reason", row.name)
		}
		if isHere(t, n, row.e) != row.here {
			t.Errorf("%s: here is %v, want %v", row.name, !row.here, row.here)
		}
		if row.want == event.Accepted {
			want++
		}
	}
	if len(heard) != want {
		t.Errorf("subscribers heard of %d events, want the %d that are new", len(heard), want)
	}
	if got := n.metrics.stored.Load(); got != int64(4+want) {
		t.Errorf("metrics count %d accepted events, want %d", got, 4+want)
	}
	if got := n.Accept(ctx, fromOwner, nil); len(got) != 0 {
		t.Errorf("an empty batch got %d verdicts", len(got))
	}
}

func TestReceiptsSayWhoBroughtAnEventAndWhoHadItToo(t *testing.T) {
	ctx := context.Background()
	n, c := alone(t)
	newPerson(t, n)
	a := newAuthor(t)
	follow(t, n, a.pub)
	e := a.note(c.unix(0), "hello")
	accepts(t, n, fromPeer("peer-1"), e, event.Accepted)
	c.pass(time.Minute)
	accepts(t, n, fromPeer("peer-2"), e, event.Duplicate)
	list, err := n.store.Receipts(ctx, e.ID)
	if err != nil || len(list) != 2 || list[0].From != "peer-1" || list[1].From != "peer-2" {
		t.Fatalf("receipts are %v (%v), want both peers in order", list, err)
	}
	absent := event.ID{1}
	first, err := n.FirstReceipts(ctx, []event.ID{e.ID, absent})
	if err != nil || len(first) != 1 || first[e.ID].Peer != "peer-1" || first[e.ID].Via != event.ViaPeer || !first[e.ID].At.Equal(list[0].At) {
		t.Errorf("first receipts are %v (%v), want peer-1's alone", first, err)
	}
}

func TestStoreThatFailsIsAnErrorOfEveryEvent(t *testing.T) {
	n, c := alone(t)
	if err := n.store.Close(); err != nil {
		t.Fatal(err)
	}
	a := newAuthor(t)
	for _, v := range n.Accept(context.Background(), fromOwner, []*event.Event{a.note(c.unix(0), "a"), a.note(c.unix(0), "b")}) {
		if v.Status != event.Failed || !strings.Contains(v.Reason, "try again") {
			t.Errorf("verdict %q (%s), want an error that says to try again", v.Status, v.Reason)
		}
	}
	if v := n.failed(event.ID{}, fmt.Errorf("saving: %w", store.ErrFull)); !strings.Contains(v.Reason, "disk") {
		t.Errorf("a full disk is told as %q", v.Reason)
	}
}

func TestEventsFromTheFutureAreParkedBySessionsAndBounded(t *testing.T) {
	n, c := alone(t)
	newPerson(t, n)
	a := newAuthor(t)
	follow(t, n, a.pub)
	src := fromPeer("p")
	for i := range maxParkedPerKey {
		accepts(t, n, src, a.note(c.unix(time.Hour), fmt.Sprint(i)), event.Accepted)
	}
	accepts(t, n, src, a.note(c.unix(time.Hour), "one too many"), event.Invalid)
	accepts(t, n, src, a.signs(event.Event{Kind: 0, CreatedAt: c.unix(time.Hour)}), event.Invalid) // it would lock the profile
	accepts(t, n, src, a.note(c.unix(0), "now"), event.Accepted)
	c.pass(2 * time.Hour)
	accepts(t, n, src, a.note(c.unix(time.Hour), "when their time has come, there is room"), event.Accepted)
}

func TestAcceptIsSafeForManyAtOnce(t *testing.T) {
	n, c := alone(t)
	a := newAuthor(t)
	shared := a.note(c.unix(0), "everybody brings it")
	var all sync.WaitGroup
	var mu sync.Mutex
	fresh := 0
	for i := range 8 {
		all.Go(func() {
			own := a.note(c.unix(0), fmt.Sprint(i))
			v := n.Accept(context.Background(), fromOwner, []*event.Event{own, shared})
			mu.Lock()
			defer mu.Unlock()
			if v[0].Status != event.Accepted || !v[1].OK() {
				t.Errorf("verdicts %v", v)
			}
			if v[1].Status == event.Accepted {
				fresh++
			}
		})
	}
	all.Wait()
	if fresh != 1 {
		t.Errorf("one event was new %d times", fresh)
	}
}

func TestARepostBringsWhatItCarries(t *testing.T) {
	n, c := alone(t)
	newPerson(t, n)
	ana, stranger := newAuthor(t), newAuthor(t)
	follow(t, n, ana.pub)
	src := fromPeer("p")
	repost := func(of *event.Event, content string) *event.Event {
		return ana.signs(event.Event{Kind: event.KindRepost, CreatedAt: c.unix(0), Content: content, Tags: event.Tags{{"e", of.ID.String()}}})
	}
	work := stranger.note(c.unix(0), "work")
	accepts(t, n, src, work, event.Restricted)
	accepts(t, n, src, repost(work, string(work.Raw())), event.Accepted)
	if !isHere(t, n, work) {
		t.Error("what a followed person reposted did not come")
	}
	if list, _ := n.store.Receipts(context.Background(), work.ID); len(list) != 1 || list[0].From != "p" {
		t.Errorf("receipts of it are %v, want the session that brought the repost", list)
	}
	named := stranger.note(c.unix(0), "named, not carried")
	accepts(t, n, src, repost(named, ""), event.Accepted)
	accepts(t, n, src, named, event.Accepted) // asked for by name

	protected := stranger.note(c.unix(0), "protected", event.Tag{"-"})
	forged := *stranger.note(c.unix(0), "forged")
	forged.Sig[0] ^= 1
	other := stranger.note(c.unix(0), "not the one that is named")
	inner := stranger.signs(event.Event{Kind: event.KindRepost, CreatedAt: c.unix(0), Content: "x", Tags: event.Tags{{"e", other.ID.String()}}})
	rows := []struct {
		name string
		of   *event.Event
		raw  []byte
	}{
		{"protected", protected, protected.Raw()},
		{"forged", &forged, forged.AppendJSON(nil)},
		{"repost in a repost", inner, inner.Raw()},
		{"no event", stranger.note(c.unix(0), "x"), []byte("{}")},
		{"cut", stranger.note(c.unix(0), "y"), []byte(`{"id":"`)},
	}
	for _, row := range rows {
		accepts(t, n, src, repost(row.of, string(row.raw)), event.Accepted)
		if isHere(t, n, row.of) {
			t.Errorf("%s: it came in through a repost", row.name)
		}
	}
	accepts(t, n, src, repost(work, string(other.Raw())), event.Accepted)
	if isHere(t, n, other) {
		t.Error("an event came that the repost's tag does not name")
	}
}

// A refused repost brings nothing.
func TestAStrangersRepostBringsNothing(t *testing.T) {
	n, c := alone(t)
	newPerson(t, n)
	a, b := newAuthor(t), newAuthor(t)
	work := a.note(c.unix(0), "work")
	r := b.signs(event.Event{Kind: event.KindRepost, CreatedAt: c.unix(0), Content: string(work.Raw()), Tags: event.Tags{{"e", work.ID.String()}}})
	accepts(t, n, fromPeer("p"), r, event.Restricted)
	if isHere(t, n, work) || n.wanted.has(work.ID) {
		t.Error("a refused repost brought its original")
	}
}

func TestALayerBringsTheStrangersWorkItWasMadeFrom(t *testing.T) {
	n, c := alone(t)
	newPerson(t, n)
	ana, stranger := newAuthor(t), newAuthor(t)
	follow(t, n, ana.pub)
	deeper := stranger.note(c.unix(0), "deeper")
	source := stranger.note(c.unix(0), "source", event.Tag{"q", deeper.ID.String()})
	src := fromPeer("p")
	accepts(t, n, src, source, event.Restricted)
	layer := ana.note(c.unix(0), "my words", event.Tag{"q", source.ID.String()})
	accepts(t, n, src, layer, event.Accepted)
	if got := n.wanted.list(); !slices.Equal(got, []event.ID{source.ID}) {
		t.Fatalf("asked for are %v, want the source", got)
	}
	accepts(t, n, src, source, event.Accepted)
	accepts(t, n, src, deeper, event.Accepted) // the source's own source
	if got := n.wanted.list(); len(got) != 0 {
		t.Errorf("still asked for: %v", got)
	}
	accepts(t, n, src, stranger.note(c.unix(0), "something else"), event.Restricted)
}
