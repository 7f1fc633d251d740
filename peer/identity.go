package peer

import (
	"context"
	"slices"

	corepeer "github.com/libp2p/go-libp2p/core/peer"

	"mural/event"
)

// prove finds whose device the peer is: the author of a valid devices event
// in es that lists it, unless a newer one that is known here does not.
func (h *Host) prove(ctx context.Context, id corepeer.ID, es []*event.Event) (person event.PubKey, profile *event.Event) {
	for _, e := range es {
		if e.Kind == event.KindDevices && lists(h.newestDevices(ctx, e), id) {
			person = e.PubKey
		}
	}
	for _, e := range es {
		if e.Kind == event.KindProfile && !person.IsZero() && e.PubKey == person {
			profile = e
		}
	}
	return person, profile
}

func lists(e *event.Event, id corepeer.ID) bool {
	ds, err := Devices(e)
	return err == nil && slices.ContainsFunc(ds, func(d Device) bool { return d.Peer == id.String() })
}

// newestDevices gives the person's newest devices event among e and what is stored.
func (h *Host) newestDevices(ctx context.Context, e *event.Event) *event.Event {
	stored, err := h.events.Query(ctx, event.Filter{Authors: []event.PubKey{e.PubKey}, Kinds: []event.Kind{event.KindDevices}, Limit: 1})
	if err != nil {
		h.log.Warn("devices event not looked up", "err", err)
		return e
	}
	for _, o := range stored {
		if o.CreatedAt > e.CreatedAt {
			e = o
		}
	}
	return e
}

// reconsider looks again at the peers that claim to be this person's: a newer
// devices event may have revoked one. What was proven by a hello stays
// proven only while the newest event lists the device.
func (h *Host) reconsider(ctx context.Context, person event.PubKey) {
	h.mu.Lock()
	var ids []corepeer.ID
	for id, c := range h.contacts {
		if c.person == person {
			ids = append(ids, id)
		}
	}
	h.mu.Unlock()
	if len(ids) == 0 {
		return
	}
	e := h.newestDevices(ctx, &event.Event{PubKey: person, Kind: event.KindDevices, CreatedAt: -1})
	for _, id := range ids {
		if e.CreatedAt >= 0 && !lists(e, id) {
			if s := h.disown(id); s != nil {
				s.say(ctx)
			}
		}
	}
}

// disown takes a peer for nobody's device from now on, and gives its session, if any.
func (h *Host) disown(id corepeer.ID) *session {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.contacts[id]
	if c == nil {
		return nil
	}
	c.person, c.profile, c.friend = event.PubKey{}, nil, h.knows(h.ctx, event.PubKey{})
	h.tellLocked(c)
	return c.session
}
