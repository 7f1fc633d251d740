package node

import (
	"context"
	"slices"

	"mural/event"
	"mural/web"
)

// Query gives stored events, newest first, without duplicates.
func (n *Node) Query(ctx context.Context, f ...event.Filter) ([]*event.Event, error) {
	return n.store.Query(ctx, f...)
}

// Count says how many stored events match.
func (n *Node) Count(ctx context.Context, f ...event.Filter) (int, error) {
	return n.store.Count(ctx, f...)
}

// Stamps gives the stamps of all stored events that match, for clients that
// reconcile (NIP-77).
func (n *Node) Stamps(ctx context.Context, f ...event.Filter) ([]event.Stamp, error) {
	return n.store.Stamps(ctx, f...)
}

// Subscribe calls deliver for each event taken in from now on that matches.
func (n *Node) Subscribe(f []event.Filter, deliver func(*event.Event)) (cancel func()) {
	return n.fanout.Subscribe(f, deliver)
}

// Watch calls notify for each change that is not a new event.
func (n *Node) Watch(notify func(web.Change)) (cancel func()) { return n.watch.Watch(notify) }

// FirstReceipts says how each of the events first came here.
func (n *Node) FirstReceipts(ctx context.Context, ids []event.ID) (map[event.ID]web.Receipt, error) {
	first, err := n.store.FirstReceipts(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := make(map[event.ID]web.Receipt, len(first))
	for id, r := range first {
		out[id] = web.Receipt{Via: r.Via, Peer: r.From, At: r.At}
	}
	return out, nil
}

// known says which of the events are here.
func (n *Node) known(ctx context.Context, ids []event.ID) (map[event.ID]bool, error) {
	out := make(map[event.ID]bool, len(ids))
	for part := range slices.Chunk(ids, event.MaxFilterValues) {
		stamps, err := n.store.Stamps(ctx, event.Filter{IDs: part})
		if err != nil {
			return nil, err
		}
		for _, s := range stamps {
			out[s.ID] = true
		}
	}
	return out, nil
}
