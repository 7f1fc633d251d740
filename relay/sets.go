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
	until time.Time     // it is given to others up to here
	stale atomic.Bool   // a matching event came in: it is not given to others
	ready chan struct{} // closed when the fields below are set
	set   *negentropy.Set
	items int
	err   error

	unwatch func() // ends the watch that makes it stale
	aging   *time.Timer
	uses    int // guarded by the shelf's lock
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
	s, first := sets.get(key, c.server.config.Now())
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
func (s *shelf) get(key setKey, now time.Time) (set *sharedSet, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if set := s.sets[key]; set != nil && !set.stale.Load() && now.Before(set.until) {
		set.uses++
		return set, false
	}
	set = &sharedSet{key: key, until: now.Add(shareFor), ready: make(chan struct{}), uses: 1}
	s.sets[key] = set
	return set, true
}

// release gives back one use. With the last one the set is forgotten.
func (s *shelf) release(set *sharedSet) {
	if !s.forget(set) {
		return
	}
	s.giveBack(set.items)
	if set.unwatch != nil {
		set.aging.Stop()
		set.unwatch()
	}
}

// forget ends one use and says whether it was the last.
func (s *shelf) forget(set *sharedSet) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	set.uses--
	if set.uses == 0 && s.sets[set.key] == set {
		delete(s.sets, set.key)
	}
	return set.uses == 0
}

func (s *shelf) giveBack(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items -= n
}

// reserve takes n items from the budget of all.
func (s *shelf) reserve(n, most int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.items+n > most {
		return errShelfFull
	}
	s.items += n
	return nil
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
	s.aging = time.AfterFunc(shareFor, s.unwatch)
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
