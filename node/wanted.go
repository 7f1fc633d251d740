package node

import (
	"slices"
	"sync"
	"time"

	"mural/event"
)

// Bounds of what is asked for by name.
const (
	maxWanted  = 2000           // events asked for at once
	wantedLife = 24 * time.Hour // how long a missing source is asked for
)

// wanted is the list of events asked for by name: sources of layers that are
// kept here. A stranger's work crosses trust rings this way, and no other.
type wanted struct {
	now func() time.Time
	mu  sync.Mutex
	ids map[event.ID]time.Time
}

func newWanted(now func() time.Time) *wanted {
	return &wanted{now: now, ids: map[event.ID]time.Time{}}
}

// add notes ids, and says whether one was not asked for before.
func (w *wanted) add(ids ...event.ID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	news := false
	for _, id := range ids {
		if _, ok := w.ids[id]; !ok && w.room() {
			w.ids[id] = w.now()
			news = true
		}
	}
	return news
}

func (w *wanted) room() bool {
	if len(w.ids) < maxWanted {
		return true
	}
	for id, at := range w.ids {
		if w.now().Sub(at) > wantedLife {
			delete(w.ids, id)
		}
	}
	return len(w.ids) < maxWanted
}

func (w *wanted) has(id event.ID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, ok := w.ids[id]
	return ok
}

func (w *wanted) remove(id event.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.ids, id)
}

// list gives the ids in a stable order.
func (w *wanted) list() []event.ID {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([]event.ID, 0, len(w.ids))
	for id := range w.ids {
		out = append(out, id)
	}
	slices.SortFunc(out, func(a, b event.ID) int { return slices.Compare(a[:], b[:]) })
	return out
}
