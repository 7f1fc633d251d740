package storetest

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"mural/event"
	"mural/store"
)

// Memory is the reference: a store that keeps a list and looks at all of it
// each time, so that its rules can be read. It is for tests.
type Memory struct {
	Now        func() time.Time
	MaxResults int

	mu        sync.Mutex // guards all below
	held      []*held    // in the order of their arrival
	deleted   map[grave]bool
	addresses map[string]int64       // address -> created_at up to which it is deleted
	vanished  map[event.PubKey]int64 // author -> created_at up to which everything is gone
}

type held struct {
	*event.Event
	receipts []store.Receipt
}

// grave says that an author deleted the event with this id.
type grave struct {
	target event.ID
	author event.PubKey
}

var _ Storage = (*Memory)(nil)

// NewMemory makes an empty one.
func NewMemory(now func() time.Time) *Memory {
	return &Memory{
		Now: now, MaxResults: store.DefaultMaxResults,
		deleted: map[grave]bool{}, addresses: map[string]int64{}, vanished: map[event.PubKey]int64{},
	}
}

// Save applies the rules to one entry after the other.
func (m *Memory) Save(_ context.Context, entries []store.Entry) ([]store.Outcome, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drop(func(h *held) bool { return m.expired(h.Event) })
	outcomes := make([]store.Outcome, len(entries))
	for i, entry := range entries {
		outcomes[i] = m.save(entry)
	}
	return outcomes, nil
}

func (m *Memory) save(entry store.Entry) store.Outcome {
	e := entry.Event
	switch {
	case e.Kind.IsEphemeral(), e.CreatedAt < 0, e.CreatedAt > store.MaxCreatedAt:
		return store.Refused
	case m.expired(e):
		return store.Expired
	}
	if i := slices.IndexFunc(m.held, func(h *held) bool { return h.ID == e.ID }); i >= 0 {
		m.held[i].receive(entry)
		return store.Duplicate
	}
	if m.blocked(e) {
		return store.Blocked
	}
	m.obey(e)
	h := &held{Event: e}
	h.receive(entry)
	rival := m.newest(e.Address())
	keep := e.Kind == 34840 || e.Kind == 34841 || e.Kind == 30023
	outcome := store.Stored
	if rival != nil && newer(rival.Event, e) {
		if outcome = store.Superseded; !keep {
			return outcome
		}
	} else if rival != nil && !keep {
		m.drop(func(h *held) bool { return h == rival })
	}
	m.held = append(m.held, h)
	return outcome
}

func (h *held) receive(entry store.Entry) {
	known := slices.ContainsFunc(h.receipts, func(r store.Receipt) bool { return r.Via == entry.Via && r.From == entry.From })
	if !known && len(h.receipts) < store.MaxReceipts {
		h.receipts = append(h.receipts, store.Receipt{Via: entry.Via, From: entry.From, At: time.Unix(entry.At.Unix(), 0)})
	}
}

func (m *Memory) expired(e *event.Event) bool {
	at, ok := e.Expiration()
	return ok && at <= m.Now().Unix()
}

func (m *Memory) blocked(e *event.Event) bool {
	if until, gone := m.vanished[e.PubKey]; gone && e.CreatedAt <= until {
		return true
	}
	if isRequest(e) {
		return false
	}
	until, gone := m.addresses[e.Address()]
	return m.deleted[grave{e.ID, e.PubKey}] || (gone && e.CreatedAt <= until)
}

func isRequest(e *event.Event) bool {
	return e.Kind == event.KindDeletion || e.Kind == event.KindVanish
}

func (m *Memory) obey(e *event.Event) {
	if e.Kind == event.KindVanish && slices.ContainsFunc(e.Tags.All("relay"), func(t event.Tag) bool { return t.Value(1) == "ALL_RELAYS" }) {
		m.drop(func(h *held) bool { return h.PubKey == e.PubKey && h.CreatedAt <= e.CreatedAt })
		m.vanished[e.PubKey] = max(m.vanished[e.PubKey], e.CreatedAt)
	}
	if e.Kind != event.KindDeletion {
		return
	}
	for _, tag := range e.Tags {
		id, err := event.ParseID(tag.Value(1))
		if err == nil && tag[0] == "e" {
			m.drop(func(h *held) bool { return h.ID == id && h.PubKey == e.PubKey && !isRequest(h.Event) })
			m.deleted[grave{id, e.PubKey}] = true
		}
		a, err := event.ParseAddress(tag.Value(1))
		if err == nil && tag[0] == "a" && a.PubKey == e.PubKey {
			m.drop(func(h *held) bool { return h.Address() == a.String() && h.CreatedAt <= e.CreatedAt })
			m.addresses[a.String()] = max(m.addresses[a.String()], e.CreatedAt)
		}
	}
}

func (m *Memory) drop(gone func(*held) bool) { m.held = slices.DeleteFunc(m.held, gone) }

// newest gives the newest version held of an address.
func (m *Memory) newest(address string) (best *held) {
	for _, h := range m.held {
		if address != "" && h.Address() == address && (best == nil || newer(h.Event, best.Event)) {
			best = h
		}
	}
	return best
}

func newer(a, b *event.Event) bool {
	if a.CreatedAt != b.CreatedAt {
		return a.CreatedAt > b.CreatedAt
	}
	return slices.Compare(a.ID[:], b.ID[:]) < 0
}

// find gives all matches of one filter, newest first.
func (m *Memory) find(f event.Filter) (out []*event.Event) {
	for _, h := range m.held {
		visible := f.IDs != nil || h.Address() == "" || m.newest(h.Address()) == h
		if visible && !m.expired(h.Event) && f.Match(h.Event) {
			out = append(out, h.Event)
		}
	}
	slices.SortFunc(out, compare)
	return out
}

func compare(a, b *event.Event) int {
	switch {
	case a.ID == b.ID:
		return 0
	case newer(a, b):
		return -1
	}
	return 1
}

// Query filters, sorts and cuts.
func (m *Memory) Query(_ context.Context, filters ...event.Filter) (out []*event.Event, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range filters {
		limit := f.Limit
		if limit == 0 {
			limit = m.MaxResults
		}
		found := m.find(f)
		out = append(out, found[:max(0, min(limit, len(found)))]...)
	}
	slices.SortFunc(out, compare)
	return slices.Compact(out), nil
}

// Stamps gives all matches, ascending.
func (m *Memory) Stamps(_ context.Context, filters ...event.Filter) (out []event.Stamp, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range filters {
		for _, e := range m.find(f) {
			out = append(out, e.Stamp())
		}
	}
	slices.SortFunc(out, func(a, b event.Stamp) int {
		if a.CreatedAt != b.CreatedAt {
			return int(a.CreatedAt - b.CreatedAt)
		}
		return slices.Compare(a.ID[:], b.ID[:])
	})
	return slices.Compact(out), nil
}

// Count counts the stamps.
func (m *Memory) Count(ctx context.Context, filters ...event.Filter) (int, error) {
	stamps, err := m.Stamps(ctx, filters...)
	return len(stamps), err
}

// Receipts gives the receipts of an event, oldest first, those of one second by their senders.
func (m *Memory) Receipts(_ context.Context, id event.ID) ([]store.Receipt, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, h := range m.held {
		if h.ID == id {
			out := slices.Clone(h.receipts)
			slices.SortFunc(out, func(a, b store.Receipt) int {
				return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Via, b.Via), cmp.Compare(a.From, b.From))
			})
			return out, nil
		}
	}
	return nil, nil
}
