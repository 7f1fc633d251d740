package relay

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"mural/event"
	"mural/negentropy"
)

// shelf holds the sets of open reconciliations. Those who open the same filter
// with the same rights at about the same time get the same set.
type shelf struct {
	taking *semaphore.Weighted

	mu    sync.Mutex // guards all below, and the fields of each set that say so
	sets  map[setKey]*sharedSet
	items int // of all sets in memory, also those that are being taken
}

// setKey is the digest of a filter and of who asks.
type setKey [sha256.Size]byte

// sharedSet is a set with those who use it.
type sharedSet struct {
	key   setKey
	stale atomic.Bool   // a matching event came in: it is not given to others
	ready chan struct{} // closed when the fields below are set
	set   *negentropy.Set
	items int
	err   error

	unwatch func() // ends the watch that makes it stale
	aging   *time.Timer
	// Guarded by the shelf's lock.
	uses int
	aged bool // it is not given to others any more
}

var (
	errSetTooBig = errors.New("relay: the set has too many items")
	errShelfFull = errors.New("relay: the sets of all have too many items")
	errConnFull  = errors.New("relay: the sets of this connection have too many items")
)

func newShelf() shelf {
	return shelf{taking: semaphore.NewWeighted(setsAtOnce), sets: map[setKey]*sharedSet{}}
}

// borrow gives the set of a filter as this connection may see it. release
// gives it back. Errors wrap errSetTooBig, errShelfFull or errConnFull where
// the set has no room.
func (c *conn) borrow(ctx context.Context, f event.Filter) (*sharedSet, error) {
	sets, view := &c.server.sets, c.view()
	key, err := view.key(f)
	if err != nil {
		return nil, err
	}
	s, first := sets.get(key)
	if first {
		c.fill(ctx, s, view, f)
	}
	select {
	case <-s.ready:
	case <-ctx.Done():
		sets.release(s)
		return nil, ctx.Err()
	}
	err = s.err
	if err == nil && !c.reconciling.room(s.items, c.server.config.Limits.MaxSetItems) {
		err = errConnFull
	}
	if err != nil {
		sets.release(s)
		return nil, err
	}
	return s, nil
}

// get gives a set that is there or on its way, or a new one that the caller is
// the first to use and has to fill.
func (s *shelf) get(key setKey) (set *sharedSet, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if set := s.sets[key]; set != nil {
		if !set.aged && !set.stale.Load() {
			set.uses++
			return set, false
		}
		s.retire(set)
	}
	set = &sharedSet{key: key, ready: make(chan struct{}), uses: 1}
	s.sets[key] = set
	return set, true
}

// release gives back one use. A large set that was just taken is kept for
// others who may ask, all else goes with its last use.
func (s *shelf) release(set *sharedSet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if set.uses--; set.uses > 0 {
		return
	}
	if s.sets[set.key] == set && set.items >= worthKeeping && !set.aged && !set.stale.Load() && s.unused() <= maxUnused {
		return
	}
	s.drop(set)
}

// age ends the time in which a set is given to others.
func (s *shelf) age(set *sharedSet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	set.aged = true
	s.retire(set)
}

// clear drops the sets that nobody uses.
func (s *shelf) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropUnused()
}

// The rest is called with the lock held.

// retire lets nobody else have a set.
func (s *shelf) retire(set *sharedSet) {
	if s.sets[set.key] != set {
		return
	}
	if set.uses == 0 {
		s.drop(set)
		return
	}
	delete(s.sets, set.key)
}

// drop forgets a set without uses.
func (s *shelf) drop(set *sharedSet) {
	if s.sets[set.key] == set {
		delete(s.sets, set.key)
	}
	s.items -= set.items
	if set.aging != nil {
		set.aging.Stop()
		set.unwatch() // the node's lock is never held where the shelf's is taken
	}
}

func (s *shelf) unused() (n int) {
	for _, set := range s.sets {
		if set.uses == 0 {
			n++
		}
	}
	return n
}

func (s *shelf) dropUnused() {
	for _, set := range s.sets {
		if set.uses == 0 {
			s.drop(set)
		}
	}
}

// reserve takes n items from the budget of all, of what is not in use too.
func (s *shelf) reserve(n, most int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.items+n > most {
		s.dropUnused()
	}
	if s.items+n > most {
		return errShelfFull
	}
	s.items += n
	return nil
}

func (s *shelf) giveBack(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items -= n
}

// fill takes the set from the node, whether or not the client stays: others
// may be waiting for it. Sets that many want at once are taken two at a time.
func (c *conn) fill(ctx context.Context, s *sharedSet, v view, f event.Filter) {
	defer close(s.ready)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.server.config.Limits.QueryTimeout)
	defer cancel()
	defer context.AfterFunc(c.server.ctx, cancel)()
	taking := c.server.sets.taking
	if s.err = taking.Acquire(ctx, 1); s.err != nil {
		return
	}
	defer taking.Release(1)
	watched := f
	watched.Limit = 0
	s.unwatch = sync.OnceFunc(c.server.node.Subscribe([]event.Filter{watched}, func(*event.Event) { s.stale.Store(true) }))
	s.aging = time.AfterFunc(shareFor, func() { c.server.sets.age(s) })
	stamps, err := v.all(ctx, f, func(n int) error { return c.reserve(s, n) })
	if err != nil {
		s.err = fmt.Errorf("relay: taking a set: %w", err)
		return
	}
	c.server.sets.giveBack(s.items - len(stamps)) // a limit has left some out
	s.items = len(stamps)
	s.set = negentropy.New(stamps)
}

// reserve makes room for n more items in a set that is being taken. release
// gives the room back, also where the set comes to nothing.
func (c *conn) reserve(s *sharedSet, n int) error {
	limits := c.server.config.Limits
	most := limits.MaxSetItemsOfAll
	if !c.visitor.Owner && !c.visitor.Local {
		most -= most / ownShare
	}
	if s.items+n > limits.MaxSetItems {
		return errSetTooBig
	}
	if err := c.server.sets.reserve(n, most); err != nil {
		return err
	}
	s.items += n
	return nil
}
