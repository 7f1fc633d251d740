package node

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"mural/peer"
	"mural/store"
)

const (
	invitationPrefix = "mural1"
	maxPeerNotes     = 2000        // devices remembered
	sightingEvery    = time.Minute // how exactly the last sighting of a connected device is on disk
)

// peerbook remembers the devices this node has met. On disk it keeps only
// addresses that came by invitation: what was seen on a network is forgotten
// with it, so that a restart elsewhere, or with Nearby off, calls nobody there.
type peerbook struct {
	store *store.Store

	mu    sync.Mutex // guards notes
	notes map[string]store.PeerNote
}

func openPeerbook(ctx context.Context, s *store.Store) (*peerbook, error) {
	list, err := s.PeerNotes(ctx)
	if err != nil {
		return nil, fmt.Errorf("node: reading the devices met before: %w", err)
	}
	b := &peerbook{store: s, notes: make(map[string]store.PeerNote, len(list))}
	for _, p := range list {
		b.notes[p.Peer] = p
	}
	return b, nil
}

// invited notes an invitation: its code, which shows the inviter that this
// device may know who they are, or multiaddrs that end in /p2p/<id>.
func (b *peerbook) invited(ctx context.Context, peerID string, addrs []string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	note := b.notes[peerID]
	note.Peer = peerID
	for _, a := range addrs {
		a = strings.TrimSuffix(a, "/p2p/"+peerID)
		if !slices.Contains(note.Addrs, a) {
			note.Addrs = append([]string{a}, note.Addrs...)
		}
	}
	note.Addrs = note.Addrs[:min(len(note.Addrs), store.MaxPeerAddrs)]
	return b.put(ctx, note)
}

// saw notes who a device belongs to and when it was last heard. A device that
// was only heard of, and strangers' devices, are not noted.
func (b *peerbook) saw(ctx context.Context, p peer.Peer) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	note, known := b.notes[p.ID]
	if p.LastSeen.IsZero() || p.Person.IsZero() && !known {
		return nil
	}
	same := p.Person == note.Person || p.Person.IsZero()
	if known && same && p.Connected && p.LastSeen.Sub(note.LastSeen) < sightingEvery {
		return nil
	}
	note.Peer = p.ID
	if !p.Person.IsZero() {
		note.Person = p.Person
	}
	if p.LastSeen.After(note.LastSeen) {
		note.LastSeen = p.LastSeen
	}
	return b.put(ctx, note)
}

func (b *peerbook) put(ctx context.Context, note store.PeerNote) error {
	if _, known := b.notes[note.Peer]; !known && len(b.notes) >= maxPeerNotes {
		if err := b.forgetOne(ctx); err != nil {
			return err
		}
	}
	if err := b.store.RememberPeer(ctx, note); err != nil {
		return err
	}
	b.notes[note.Peer] = note
	return nil
}

// forgetOne forgets the device seen longest ago, invited ones last.
func (b *peerbook) forgetOne(ctx context.Context) error {
	var oldest store.PeerNote
	for _, n := range b.notes {
		invited, was := len(n.Addrs) > 0, len(oldest.Addrs) > 0
		if oldest.Peer == "" || was && !invited || was == invited && n.LastSeen.Before(oldest.LastSeen) {
			oldest = n
		}
	}
	delete(b.notes, oldest.Peer)
	return b.store.ForgetPeer(ctx, oldest.Peer)
}

// seen gives when a device was last heard; zero if it never was.
func (b *peerbook) seen(peerID string) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.notes[peerID].LastSeen
}

// addresses gives, per device, what came by invitation, as peer.Host.Remember takes it.
func (b *peerbook) addresses() [][]string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out [][]string
	for _, note := range b.notes {
		var addrs []string
		for _, a := range note.Addrs {
			if !strings.HasPrefix(a, invitationPrefix) {
				a += "/p2p/" + note.Peer
			}
			addrs = append(addrs, a)
		}
		if len(addrs) > 0 {
			out = append(out, addrs)
		}
	}
	return out
}
