package peer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"mural/blob"
)

// errNoMore says that a source has nothing that is still needed.
var errNoMore = errors.New("nothing more to ask for")

// drain takes chunks from one source until it has no more to give or fails.
func (f *fetch) drain(ctx context.Context, s *source) {
	var asked []int
	err := f.drainStream(ctx, s, &asked)
	f.giveBack(asked)
	if err != nil && !errors.Is(err, errNoMore) && ctx.Err() == nil {
		f.failed(s.id, err)
		f.h.log.Info("peer left out of a fetch", "peer", s.id.String(), "blob", f.want.Hash.String(), "err", err)
	}
}

// drainStream keeps up to maxPipeline requests open. asked holds the open ones.
func (f *fetch) drainStream(ctx context.Context, s *source, asked *[]int) (err error) {
	b, err := f.h.openBlobStream(ctx, s.id)
	if err != nil {
		return err
	}
	defer func() { b.close(errors.Is(err, errNoMore) && len(*asked) == 0) }()
	for {
		for len(*asked) < maxPipeline {
			i, ok := f.next(s.holds, *asked)
			if !ok {
				break
			}
			*asked = append(*asked, i)
			if err := b.request(f.want.Hash, s.holds.list, i); err != nil {
				return err
			}
		}
		if len(*asked) == 0 {
			return errNoMore
		}
		if err := b.wire.flush(); err != nil {
			return err
		}
		data, err := b.reply(frameData, chunkTimeout)
		if err != nil {
			return err
		}
		if err := f.store((*asked)[0], data); err != nil {
			return err
		}
		*asked = (*asked)[1:]
	}
}

// next picks a chunk for a source: one that nobody works on, or, when there is
// none left and the source is idle, one that somebody else is slow with.
func (f *fetch) next(o holding, asked []int) (int, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fatal != nil {
		return 0, false
	}
	for at, i := range f.queue {
		if o.has(i) {
			f.queue = slices.Delete(f.queue, at, at+1)
			f.flying[i]++
			return i, true
		}
	}
	if len(asked) > 0 {
		return 0, false
	}
	for i, n := range f.flying {
		if n == 1 && o.has(i) {
			f.flying[i]++
			return i, true
		}
	}
	return 0, false
}

// giveBack returns chunks that did not come.
func (f *fetch) giveBack(asked []int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, i := range asked {
		if n, open := f.flying[i]; !open {
			continue // it came from elsewhere
		} else if n > 1 {
			f.flying[i] = n - 1
			continue
		}
		delete(f.flying, i)
		at, _ := slices.BinarySearch(f.queue, i)
		f.queue = slices.Insert(f.queue, at, i)
	}
}

// store checks and keeps a chunk. A chunk that does not match the list its
// sender claims is that sender's fault.
func (f *fetch) store(i int, data []byte) error {
	f.mu.Lock()
	p := f.partial
	f.mu.Unlock()
	if p == nil {
		return context.Canceled
	}
	if err := p.Write(i, data); errors.Is(err, blob.ErrBadChunk) {
		return faultf("sent a forged chunk %d of blob %s", i, f.want.Hash)
	} else if err != nil {
		f.mu.Lock()
		f.fatal = err
		f.mu.Unlock()
		return fmt.Errorf("peer: keeping a chunk: %w", err)
	}
	f.arrived(i, len(data))
	return nil
}

func (f *fetch) arrived(i, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, open := f.flying[i]; !open {
		return // the endgame brought it twice
	}
	delete(f.flying, i)
	f.left--
	f.have += int64(n)
	for _, tell := range f.progress {
		tell(f.have, f.partial.Size())
	}
}
