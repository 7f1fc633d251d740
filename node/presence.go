package node

import (
	"context"
	"time"

	"mural/event"
	"mural/peer"
	"mural/store"
	"mural/web"
)

// Peers gives the other nodes this one talks to or has met.
func (n *Node) Peers(context.Context) ([]web.Peer, error) {
	if n.peers == nil {
		return nil, nil
	}
	all := n.peers.Peers()
	out := make([]web.Peer, len(all))
	for i, p := range all {
		out[i] = asWebPeer(p)
	}
	return out, nil
}

func asWebPeer(p peer.Peer) web.Peer {
	return web.Peer{ID: p.ID, Person: p.Person, Connected: p.Connected, Nearby: p.Nearby, Since: p.Since,
		LastSeen: p.LastSeen, BytesIn: p.BytesIn, BytesOut: p.BytesOut, Transport: p.Transport, Addresses: p.Addrs}
}

func (n *Node) connected() []string {
	if n.peers == nil {
		return nil
	}
	var out []string
	for _, p := range n.peers.Peers() {
		if p.Connected {
			out = append(out, p.ID)
		}
	}
	return out
}

func (n *Node) personOf(peerID string) event.PubKey {
	for _, p := range n.peers.Peers() {
		if p.ID == peerID {
			return p.Person
		}
	}
	return event.PubKey{}
}

// Devices gives a person's devices: what their devices event says, joined with
// what this node has seen of them.
func (n *Node) Devices(ctx context.Context, who event.PubKey) ([]web.Device, error) {
	e, err := n.newest(ctx, who, event.KindDevices)
	if err != nil || e == nil {
		return nil, err
	}
	list, err := peer.Devices(e)
	if err != nil {
		return nil, nil // a devices event that cannot be read names no devices
	}
	seen, err := n.seen(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]web.Device, len(list))
	for i, d := range list {
		s := seen[d.Peer]
		out[i] = web.Device{Peer: d.Peer, Role: d.Role, Connected: s.connected, LastSeen: s.at, This: d.Peer == n.ID()}
	}
	return out, nil
}

type sighting struct {
	connected bool
	at        time.Time
}

func (n *Node) seen(ctx context.Context) (map[string]sighting, error) {
	notes, err := n.store.PeerNotes(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string]sighting{}
	for _, p := range notes {
		out[p.Peer] = sighting{at: p.LastSeen}
	}
	if n.peers == nil {
		return out, nil
	}
	for _, p := range n.peers.Peers() {
		s := sighting{connected: p.Connected, at: p.LastSeen}
		if s.at.Before(out[p.ID].at) {
			s.at = out[p.ID].at
		}
		out[p.ID] = s
	}
	return out, nil
}

// authorState says whether a person's devices can be reached: connected while
// one is, dark since the last one was seen.
func (n *Node) authorState(ctx context.Context, who event.PubKey) web.Kept {
	if me, ok := n.ring.Person(); ok && me == who {
		return web.Kept{Author: web.AuthorHere}
	}
	devices, err := n.Devices(ctx, who)
	if err != nil {
		return web.Kept{Author: web.AuthorUnknown}
	}
	k := web.Kept{Author: web.AuthorUnknown}
	for _, d := range devices {
		switch {
		case d.Connected:
			return web.Kept{Author: web.AuthorConnected}
		case d.LastSeen.After(k.DarkSince):
			k = web.Kept{Author: web.AuthorDark, DarkSince: d.LastSeen}
		}
	}
	return k
}

// peerChanged hears from package peer that a node came, went or said who it is.
func (n *Node) peerChanged(p peer.Peer) {
	if p.Connected {
		n.fetcher.peerCame()
	} else {
		n.keeping.peerWent(p.ID)
	}
	n.keeping.wake()
	wp := asWebPeer(p)
	n.watch.tell(web.Change{Peer: &wp, Nearby: p.Nearby})
	note := store.PeerNote{Peer: p.ID, Person: p.Person, Addrs: p.Addrs, LastSeen: p.LastSeen}
	if err := n.store.RememberPeer(n.ctx, note); err != nil && n.ctx.Err() == nil {
		n.log.Warn("peer not remembered", "err", err)
	}
}

// recallPeers redials, in the background, whom this node knew before it went down.
func (n *Node) recallPeers(ctx context.Context) error {
	notes, err := n.store.PeerNotes(ctx)
	if err != nil {
		return err
	}
	for _, p := range notes {
		if len(p.Addrs) > 0 {
			n.work.Go(func() { n.redial(p) })
		}
	}
	return nil
}

const redialTime = 10 * time.Second

func (n *Node) redial(p store.PeerNote) {
	ctx, cancel := context.WithTimeout(n.ctx, redialTime)
	defer cancel()
	addrs := make([]string, len(p.Addrs))
	for i, a := range p.Addrs {
		addrs[i] = a + "/p2p/" + p.Peer
	}
	if _, err := n.peers.Connect(ctx, addrs); err != nil {
		n.log.Debug("a known peer does not answer", "peer", p.Peer, "err", err)
	}
}
