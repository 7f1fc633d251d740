package node

import (
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"mural/event"
)

// Bounds of what is asked for by name.
const (
	maxWanted     = 2000           // events asked for at once
	wantedLife    = 24 * time.Hour // how long a missing source is asked for
	wantedPerDay  = 10_000         // events newly asked for in a day
	maxHops       = 8              // how far from a post of somebody trusted its sources are followed
	strangerFanIn = 8              // sources followed of a post that was itself only asked for
)

// wanted is the list of events asked for by name: what layers and reposts that
// are kept here were made from. A stranger's work crosses trust rings this way,
// and no other; so a stranger's own sources are followed only so far.
type wanted struct {
	now   func() time.Time
	mu    sync.Mutex // guards what follows
	ids   map[event.ID]request
	fresh *rate.Limiter
}

// request is an event asked for.
type request struct {
	at   time.Time
	hops int // how many sources away from a post that was not asked for
}

func newWanted(now func() time.Time) *wanted {
	return &wanted{now: now, ids: map[event.ID]request{}, fresh: rate.NewLimiter(rate.Every(24*time.Hour/wantedPerDay), maxWanted)}
}

// add notes ids that are so many hops away from a post that was not asked for,
// and says whether one was not asked for before.
func (w *wanted) add(hops int, ids ...event.ID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if hops > maxHops {
		return false
	}
	if hops > 1 {
		ids = ids[:min(len(ids), strangerFanIn)]
	}
	news := false
	for _, id := range ids {
		if _, ok := w.ids[id]; !ok && w.room() && w.fresh.AllowN(w.now(), 1) {
			w.ids[id] = request{w.now(), hops}
			news = true
		}
	}
	return news
}

func (w *wanted) room() bool {
	if len(w.ids) >= maxWanted {
		w.expire()
	}
	return len(w.ids) < maxWanted
}

func (w *wanted) expire() {
	for id, asked := range w.ids {
		if w.now().Sub(asked.at) > wantedLife {
			delete(w.ids, id)
		}
	}
}

func (w *wanted) has(id event.ID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, ok := w.ids[id]
	return ok
}

// remove takes an event off the list and says how far away it was.
func (w *wanted) remove(id event.ID) (hops int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	hops = w.ids[id].hops
	delete(w.ids, id)
	return hops
}

// list gives the ids in a stable order, without those asked for too long.
func (w *wanted) list() []event.ID {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expire()
	out := make([]event.ID, 0, len(w.ids))
	for id := range w.ids {
		out = append(out, id)
	}
	slices.SortFunc(out, func(a, b event.ID) int { return slices.Compare(a[:], b[:]) })
	return out
}
