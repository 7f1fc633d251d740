package node

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"mural/event"
	"mural/peer"
	"mural/store"
)

func openBook(t *testing.T, s *store.Store) *peerbook {
	t.Helper()
	b, err := openPeerbook(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Silent means silent: what was seen on a network is not called again from disk.
func TestOnlyInvitedAddressesAreKept(t *testing.T) {
	ctx := context.Background()
	n, c := alone(t)
	b := n.peerbook
	ana := newAuthor(t).pub
	near := peer.Peer{ID: "near", Person: ana, Connected: true, Nearby: true, LastSeen: c.now(), Addrs: []string{"/ip4/192.168.1.9/tcp/4881"}}
	invited := peer.Peer{ID: "invited", Person: ana, Connected: true, LastSeen: c.now(), Addrs: []string{"/ip4/10.0.0.2/tcp/4881", "/ip4/192.168.1.8/tcp/4881"}}
	if err := b.invited(ctx, "invited", []string{"/ip4/10.0.0.2/tcp/4881/p2p/invited"}); err != nil {
		t.Fatal(err)
	}
	for _, p := range []peer.Peer{near, invited} {
		if err := b.saw(ctx, p); err != nil {
			t.Fatal(err)
		}
	}
	again := openBook(t, n.store)
	if got := again.addresses(); len(got) != 1 || !slices.Equal(got[0], []string{"/ip4/10.0.0.2/tcp/4881/p2p/invited"}) {
		t.Errorf("called after a restart: %v, want what the invitation named alone", got)
	}
	if !again.seen("near").Equal(c.now()) || !again.seen("invited").Equal(c.now()) {
		t.Error("when a device was seen did not survive a restart")
	}
}

func TestSightingsNeverGoBackAndStrangersAreNotNoted(t *testing.T) {
	ctx := context.Background()
	n, c := alone(t)
	b := n.peerbook
	ana := newAuthor(t).pub
	saw := func(p peer.Peer) {
		if err := b.saw(ctx, p); err != nil {
			t.Fatal(err)
		}
	}
	saw(peer.Peer{ID: "stranger", Connected: true, LastSeen: c.now()})
	saw(peer.Peer{ID: "heard of", Person: ana, Nearby: true})
	if len(b.notes) != 0 {
		t.Errorf("noted are %v, want nobody", b.notes)
	}
	then := c.now()
	saw(peer.Peer{ID: "p", Person: ana, LastSeen: then})
	saw(peer.Peer{ID: "p", Nearby: true})                                // found again after a restart, not yet met
	saw(peer.Peer{ID: "p", Person: ana, LastSeen: then.Add(-time.Hour)}) // an old message
	saw(peer.Peer{ID: "p", LastSeen: then})                              // it has not introduced itself yet
	if got := openBook(t, n.store).notes["p"]; !got.LastSeen.Equal(then) || got.Person != ana {
		t.Errorf("the note is %+v, want the last sighting of %s", got, then)
	}
	for i := range maxPeerNotes + 5 {
		b.notes[fmt.Sprint(i)] = store.PeerNote{Peer: fmt.Sprint(i), LastSeen: then.Add(time.Duration(i) * time.Second)}
	}
	b.notes["kept"] = store.PeerNote{Peer: "kept", Addrs: []string{"/ip4/1.1.1.1/tcp/1"}}
	before := len(b.notes)
	if err := b.forgetOne(ctx); err != nil || len(b.notes) != before-1 || b.notes["kept"].Peer == "" {
		t.Errorf("forgetting one left %d of %d notes (%v), want the invited one among them", len(b.notes), before, err)
	}
}

func TestAuthorIsDarkSinceTheLastOfTheirDevicesWasSeen(t *testing.T) {
	ctx := context.Background()
	n, c := alone(t)
	me := newPerson(t, n)
	other, _ := alone(t)
	ana := newPerson(t, other)
	devices, err := other.newest(ctx, ana, event.KindDevices)
	if err != nil {
		t.Fatal(err)
	}
	accepts(t, n, fromOwner, devices, event.Accepted)
	if err := n.peerbook.saw(ctx, peer.Peer{ID: other.ID(), Person: ana, LastSeen: c.now()}); err != nil {
		t.Fatal(err)
	}
	post := publish(t, n, &event.Event{Kind: event.KindNote, Content: "mine"})
	stranger := newAuthor(t)
	page := []*event.Event{post, {ID: event.ID{1}, PubKey: ana}, {ID: event.ID{2}, PubKey: stranger.pub}, {ID: event.ID{3}, PubKey: ana}}
	kept, err := n.Kept(ctx, page)
	if err != nil || len(kept) != len(page) {
		t.Fatalf("%d answers for %d posts (%v)", len(kept), len(page), err)
	}
	if k := kept[post.ID]; k.Author != "here" || len(k.Keepers) != 1 || !k.Keepers[0].This || k.Keepers[0].Person != me {
		t.Errorf("my own post: %+v, want it here", k)
	}
	for _, id := range []event.ID{{1}, {3}} {
		if k := kept[id]; k.Author != "dark" || !k.DarkSince.Equal(c.now()) {
			t.Errorf("ana's post: %+v, want dark since %s", k, c.now())
		}
	}
	if k := kept[event.ID{2}]; k.Author != "unknown" {
		t.Errorf("a stranger's post: %+v, want unknown", k)
	}
}
