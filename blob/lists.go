package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// maxListCache bounds the memory of the lists kept at hand, in bytes.
const maxListCache = 4 << 20

// listCache keeps the lists of files read lately. The zero value is empty.
type listCache struct {
	mu    sync.Mutex // guards what follows
	of    map[Hash]List
	bytes int
}

func (c *listCache) get(h Hash) (List, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l, ok := c.of[h]
	return l, ok
}

// put keeps a list, and forgets others at random where there is no room.
func (c *listCache) put(h Hash, l List) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.of[h]; ok {
		return
	}
	for other, ol := range c.of {
		if c.bytes+len(l.raw) <= maxListCache {
			break
		}
		c.bytes -= len(ol.raw)
		delete(c.of, other)
	}
	if c.of == nil {
		c.of = make(map[Hash]List)
	}
	c.of[h] = l
	c.bytes += len(l.raw)
}

func (c *listCache) drop(h Hash) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bytes -= len(c.of[h].raw)
	delete(c.of, h)
}

// ChunkList gives the chunk list of a blob and stores it as a blob of its own,
// so that peers can ask for it by List.Hash.
func (s *Store) ChunkList(ctx context.Context, h Hash) (List, error) {
	f, err := s.Open(ctx, h)
	if err != nil {
		return List{}, err
	}
	defer f.Close()
	name := f.list.Hash()
	if _, err := s.Stat(name); err == nil {
		return f.list, nil
	}
	if _, err := s.putList(ctx, h, f.list); err != nil {
		return List{}, fmt.Errorf("blob: listing the chunks of %s: %w", h, err)
	}
	if err := s.noteList(h, name); err != nil {
		return List{}, err
	}
	return f.list, nil
}

// listFor finds the list by which the open file is checked: of the name itself
// for one chunk, from the store, or computed anew.
func (s *Store) listFor(ctx context.Context, h Hash, f *os.File, size int64, side sidecar) (List, error) {
	if size <= ChunkSize {
		return s.listOfOne(h, f, size)
	}
	if l, ok := s.lists.get(h); ok && l.Fits(size) {
		return l, nil
	}
	l, err := s.storedList(ctx, side.List)
	if err != nil || !l.Fits(size) {
		if l, err = s.computeList(ctx, h, f); err != nil {
			return List{}, err
		}
	}
	s.lists.put(h, l)
	return l, nil
}

// listOfOne gives the list of a file of at most one chunk, which is its own name.
func (s *Store) listOfOne(h Hash, f *os.File, size int64) (List, error) {
	if size > 0 {
		return List{append([]byte(nil), h[:]...)}, nil
	}
	if h != Sum(nil) {
		return List{}, s.damaged(h, f, errors.New("the file is empty"))
	}
	return List{}, nil
}

// storedList reads a list that this store keeps as a blob.
func (s *Store) storedList(ctx context.Context, name Hash) (List, error) {
	if name.IsZero() {
		return List{}, errAbsent(name)
	}
	f, err := s.Open(ctx, name)
	if err != nil {
		return List{}, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, MaxListBytes+1))
	if err != nil {
		return List{}, err
	}
	return ParseList(raw)
}

// computeList reads a file whole. A file that does not hash to its name is damaged.
// Keeping the list is a courtesy to the next reader: on a full disk reads go on without.
func (s *Store) computeList(ctx context.Context, h Hash, f *os.File) (List, error) {
	sums := newSums()
	if err := copyChunks(ctx, sums, io.NewSectionReader(f, 0, 1<<62), 1<<62); err != nil {
		return List{}, err
	}
	w := sums.whole("")
	if w.hash != h {
		return List{}, s.damaged(h, f, ErrMismatch)
	}
	if name, err := s.putList(ctx, h, w.list); err == nil {
		_ = s.noteList(h, name)
	}
	return w.list, nil
}
