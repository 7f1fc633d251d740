package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"mural/blob"
	"mural/event"
)

// When blobs that nothing shows are removed.
const (
	blobKeep      = 7 * 24 * time.Hour // from when a blob came, or was last taken in by the app
	sweepFirst    = 10 * time.Minute   // after the start
	sweepEvery    = 24 * time.Hour
	deletedSettle = 10 * time.Second // after a deletion: several come together
	deletedPause  = time.Minute      // between two looks at all events for deletions

	// A node that lost its events would find that nothing shows its media.
	sweepBrake    = 20 // blobs; up to here any share of all may go
	sweepPart     = 2  // beyond, at most one in so many
	maxForsaken   = 10_000
	chunkListType = "application/vnd.mural.chunks"
)

// sweeper removes blobs that no event here shows any more: those of a deleted
// post soon, others when they are old. It deletes data, so every doubt keeps a
// blob: it names what may go, strikes out whatever any event names, and looks
// again whether the bytes came in anew.
type sweeper struct {
	n    *Node
	kick chan struct{}

	mu       sync.Mutex // guards forsaken
	forsaken map[blob.Hash]forsaken
}

// forsaken is a blob whose author deleted a post that showed it.
type forsaken struct {
	author event.PubKey
	at     time.Time
}

func newSweeper(n *Node) *sweeper {
	return &sweeper{n: n, kick: make(chan struct{}, 1), forsaken: map[blob.Hash]forsaken{}}
}

// forsake notes what a deleted post of that author showed.
func (s *sweeper) forsake(author event.PubKey, blobs []blob.Hash) {
	if len(blobs) == 0 {
		return
	}
	s.mu.Lock()
	for _, h := range blobs {
		if len(s.forsaken) < maxForsaken { // what is left out ages out
			s.forsaken[h] = forsaken{author, s.n.now()}
		}
	}
	s.mu.Unlock()
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// run sweeps until ctx ends.
func (s *sweeper) run(ctx context.Context) {
	daily := time.NewTimer(sweepFirst)
	defer daily.Stop()
	settle := deletedSettle
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-s.kick:
			if sleep(ctx, settle) != nil {
				return
			}
			settle = deletedPause
			_, err = s.sweepForsaken(ctx)
		case <-daily.C:
			daily.Reset(sweepEvery)
			settle = deletedSettle
			_, err = s.sweepOld(ctx)
		}
		if err != nil && ctx.Err() == nil {
			s.n.log.WarnContext(ctx, "media that nothing shows were not removed", "err", err)
		}
	}
}

// sweepForsaken removes what deleted posts showed and no other event names.
// What somebody else uploaded too, or what came in again since, stays.
func (s *sweeper) sweepForsaken(ctx context.Context) (removed int, err error) {
	s.mu.Lock()
	all := s.forsaken
	s.forsaken = map[blob.Hash]forsaken{}
	s.mu.Unlock()
	owners, err := s.n.owners(ctx)
	if err != nil {
		return 0, err
	}
	may := make(map[blob.Hash]bool, len(all))
	for h, f := range all {
		if !owners.othersThan(f.author, h) {
			may[h] = true
		}
	}
	left, done, err := s.unnamed(ctx, may)
	defer done()
	if err != nil {
		return 0, err
	}
	for _, h := range left() {
		s.n.fetcher.forget(h)
		gone, err := s.remove(ctx, h, all[h].author, all[h].at)
		if err != nil {
			return removed, err
		}
		removed += gone
	}
	return removed, nil
}

// sweepOld removes blobs older than blobKeep that no event names and that
// nobody asked this node to keep.
func (s *sweeper) sweepOld(ctx context.Context) (removed int, err error) {
	limit := s.n.now().Add(-blobKeep)
	may, count, err := s.aged(ctx, limit)
	if err != nil {
		return 0, err
	}
	named, done, err := s.unnamed(ctx, may)
	defer done()
	if err != nil {
		return 0, err
	}
	left := named()
	if len(left) > sweepBrake && len(left)*sweepPart > count {
		return 0, fmt.Errorf("node: no event here shows %d of %d blobs; they stay, since the event database may have been lost", len(left), count)
	}
	me, _ := s.n.ring.Person()
	for _, h := range left {
		gone, err := s.remove(ctx, h, me, limit)
		if err != nil {
			return removed, err
		}
		removed += gone
	}
	if removed > 0 {
		s.n.log.InfoContext(ctx, "media that nothing shows were removed", "blobs", removed)
	}
	return removed, nil
}

// aged gives what is old enough to go, and how many blobs there are.
func (s *sweeper) aged(ctx context.Context, limit time.Time) (may map[blob.Hash]bool, count int, err error) {
	owners, err := s.n.owners(ctx)
	if err != nil {
		return nil, 0, err
	}
	me, _ := s.n.ring.Person()
	may = map[blob.Hash]bool{}
	for info, err := range s.n.blobs.All(ctx) {
		if err != nil {
			return nil, 0, err
		}
		count++
		if info.At.After(limit) || isChunkList(info) || owners.othersThan(me, info.Hash) {
			continue
		}
		// What the person uploaded stays, unless it was for a post that never came.
		at, draft := s.n.drafts.marked(info.Hash)
		if draft && at.After(limit) || !draft && owners.has(me, info.Hash) {
			continue
		}
		may[info.Hash] = true
	}
	return may, count, nil
}

// isChunkList: lists that this node made go with their files; others are small.
func isChunkList(info blob.Info) bool {
	return info.Type == chunkListType && info.Size <= blob.MaxListBytes && info.Size%blob.HashBytes == 0
}

// unnamed strikes out whatever an event names. left gives the rest; until done
// is called, events that come in strike out, too.
func (s *sweeper) unnamed(ctx context.Context, may map[blob.Hash]bool) (left func() []blob.Hash, done func(), err error) {
	var mu sync.Mutex // guards may: events come in on other goroutines
	strike := func(e *event.Event) bool {
		mu.Lock()
		defer mu.Unlock()
		namesOf(e, func(h blob.Hash) { delete(may, h) })
		return len(may) > 0 && ctx.Err() == nil
	}
	done = s.n.fanout.Subscribe([]event.Filter{{}}, func(e *event.Event) { strike(e) })
	left = func() (out []blob.Hash) {
		mu.Lock()
		defer mu.Unlock()
		for h := range may {
			out = append(out, h)
		}
		return out
	}
	if len(may) == 0 {
		return left, done, nil
	}
	err = eachEvent(ctx, s.n.store, event.Filter{}, strike)
	return left, done, errors.Join(err, ctx.Err())
}

// remove deletes one blob, unless its bytes came in after the given time.
func (s *sweeper) remove(ctx context.Context, h blob.Hash, owner event.PubKey, after time.Time) (gone int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	named, err := s.n.store.Count(ctx, event.Filter{Tags: map[byte][]string{'x': {h.String()}}})
	if err != nil || named > 0 {
		return 0, err
	}
	dropped, err := s.n.drafts.unlessTouched(h, after, func() error {
		if _, err := s.n.blobs.DropOwner(ctx, h, owner); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return s.n.dropBlob(h)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil // it was not here: a deleted post whose media never came
	}
	if err != nil || !dropped {
		return 0, err
	}
	return 1, nil
}

// ownership says who uploaded what.
type ownership map[blob.Hash][]event.PubKey

func (n *Node) owners(ctx context.Context) (ownership, error) {
	people, err := n.blobs.Uploaders(ctx)
	if err != nil {
		return nil, err
	}
	out := ownership{}
	for _, who := range people {
		list, err := n.blobs.Uploads(ctx, who)
		if err != nil {
			return nil, err
		}
		for _, u := range list {
			out[u.Hash] = append(out[u.Hash], who)
		}
	}
	return out, nil
}

func (o ownership) has(who event.PubKey, h blob.Hash) bool {
	for _, w := range o[h] {
		if w == who {
			return true
		}
	}
	return false
}

func (o ownership) othersThan(who event.PubKey, h blob.Hash) bool {
	for _, w := range o[h] {
		if w != who {
			return true
		}
	}
	return false
}
