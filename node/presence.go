package node

import (
	"context"
	"slices"

	"mural/event"
	"mural/peer"
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
	return n.devicesOf(e, n.live()), nil
}

// devicesOf reads a devices event; one that cannot be read names no devices.
func (n *Node) devicesOf(e *event.Event, live map[string]peer.Peer) []web.Device {
	list, err := peer.Devices(e)
	if err != nil {
		return nil
	}
	out := make([]web.Device, len(list))
	for i, d := range list {
		now, at := live[d.Peer], n.peerbook.seen(d.Peer)
		if now.LastSeen.After(at) {
			at = now.LastSeen
		}
		out[i] = web.Device{Peer: d.Peer, Role: d.Role, Connected: now.Connected, LastSeen: at, This: d.Peer == n.ID()}
	}
	return out
}

// live gives what the peer host knows, by peer id.
func (n *Node) live() map[string]peer.Peer {
	if n.peers == nil {
		return nil
	}
	all := n.peers.Peers()
	out := make(map[string]peer.Peer, len(all))
	for _, p := range all {
		out[p.ID] = p
	}
	return out
}

// authorStates says of each author of the posts whether their devices can be
// reached. It asks the store once, however long the page is.
func (n *Node) authorStates(ctx context.Context, posts []*event.Event) (map[event.PubKey]web.Kept, error) {
	out := map[event.PubKey]web.Kept{}
	var ask []event.PubKey
	for _, e := range posts {
		if _, ok := out[e.PubKey]; !ok {
			out[e.PubKey] = web.Kept{Author: web.AuthorUnknown}
			ask = append(ask, e.PubKey)
		}
	}
	live := n.live()
	for part := range slices.Chunk(ask, event.MaxFilterValues) {
		found, err := n.store.Query(ctx, event.Filter{Authors: part, Kinds: []event.Kind{event.KindDevices}, Limit: len(part)})
		if err != nil {
			return nil, err
		}
		for _, e := range found {
			out[e.PubKey] = reach(n.devicesOf(e, live))
		}
	}
	if me, ok := n.ring.Person(); ok {
		out[me] = web.Kept{Author: web.AuthorHere}
	}
	return out, nil
}

// reach: a person is connected while one of their devices is, and dark since
// the last one was seen.
func reach(devices []web.Device) web.Kept {
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
	if err := n.peerbook.saw(n.ctx, p); err != nil && n.ctx.Err() == nil {
		n.log.Warn("peer not remembered", "err", err)
	}
}

// recallPeers has the peers called again, in the background, that an
// invitation brought this node together with.
func (n *Node) recallPeers() {
	for _, addrs := range n.peerbook.addresses() {
		if err := n.peers.Remember(addrs); err != nil {
			n.log.Warn("a known peer is not called", "err", err)
		}
	}
}
