package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// Finish makes the blob of a partial that is complete. The whole is read back
// and hashed: where every chunk matches the list and the whole does not match
// the name, the list was false: ErrFalseList, and everything gathered under it
// is dropped. A chunk that went bad on the disk is ErrDamaged and missing again.
// ErrIncomplete where chunks are missing. Afterwards the partial is closed.
func (p *Partial) Finish(ctx context.Context) (Info, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	info, err := p.finish(ctx)
	if err != nil {
		return Info{}, fmt.Errorf("blob: finishing %s: %w", p.file, full(err))
	}
	return info, nil
}

func (p *Partial) finish(ctx context.Context) (Info, error) {
	if p.data == nil {
		return Info{}, fs.ErrClosed
	}
	if p.left > 0 {
		return Info{}, fmt.Errorf("%w: %d of %d", ErrIncomplete, p.left, len(p.have))
	}
	got, err := p.hashAll(ctx)
	if err != nil {
		return Info{}, err
	}
	if got != p.file {
		return Info{}, errors.Join(fmt.Errorf("%w: the whole hashes to %s", ErrFalseList, got), p.closeFiles(), p.remove())
	}
	return p.promote(ctx)
}

// hashAll hashes the whole as it lies on the disk, checking each chunk on the way.
func (p *Partial) hashAll(ctx context.Context) (Hash, error) {
	buf := chunkBuffers.Get().(*[ChunkSize]byte)
	defer chunkBuffers.Put(buf)
	all := newSums()
	for i := range p.have {
		if err := ctx.Err(); err != nil {
			return Hash{}, err
		}
		b := buf[:ChunkLen(p.size, i)]
		if _, err := p.data.ReadAt(b, int64(i)*ChunkSize); err != nil {
			return Hash{}, err
		}
		if err := p.list.Check(p.size, i, b); err != nil {
			p.have[i] = false
			p.left++
			return Hash{}, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		all.all.Write(b)
	}
	return Hash(all.all.Sum(nil)), nil
}

// promote gives the gathered file its name. On an error the partial is as it was.
func (p *Partial) promote(ctx context.Context) (Info, error) {
	if err := errors.Join(p.data.Sync(), p.closeFiles()); err != nil {
		return Info{}, errors.Join(err, p.openFiles())
	}
	in := whole{path: p.dir() + "/" + partialData, hash: p.file, size: p.size, list: p.list}
	info, err := p.s.place(ctx, in, sidecar{Type: cleanType(p.typ)})
	if err != nil {
		return Info{}, errors.Join(err, p.openFiles())
	}
	return info, p.remove()
}
