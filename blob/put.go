package blob

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// PutOptions of one Put. The zero value stores whatever comes, up to the store's limit.
type PutOptions struct {
	Want     *Hash  // the name it must have, or ErrMismatch; nil = any
	MaxBytes int64  // largest size in bytes, or ErrTooLarge; 0 = the store's limit
	Type     string // media type, a claim; the first one a blob came with stays

	// Check looks at the whole before it gets its name; an error refuses it
	// and is what Put returns. nil = no look.
	Check func(whole io.ReadSeeker, info Info) error

	of Hash // set where this store makes the chunk list of that file
}

// chunkBuffers are shared so that many puts and reads do not hold a buffer each for long.
var chunkBuffers = sync.Pool{New: func() any { return new([ChunkSize]byte) }}

// Put stores what r gives and names it. When it returns without error the blob
// is on the disk. It holds one chunk in memory, whatever the size. A blob that
// is here already is replaced by the same bytes, which heals a damaged one.
//
// Errors: ErrTooLarge, ErrMismatch, ErrFull, ctx.Err(), or those of the reader and of Check.
// After an error nothing of it is visible and nothing is left in tmp/.
func (s *Store) Put(ctx context.Context, r io.Reader, o PutOptions) (Info, error) {
	in, err := s.take(ctx, r, o)
	if err != nil {
		return Info{}, fmt.Errorf("blob: storing: %w", err)
	}
	info, err := s.place(ctx, in, sidecar{Type: cleanType(o.Type), Of: o.of})
	if err != nil {
		return Info{}, errors.Join(fmt.Errorf("blob: naming %s: %w", in.hash, err), removeIfThere(in.path))
	}
	return info, nil
}

// whole is a complete, synced file that has no name yet.
type whole struct {
	path string
	hash Hash
	size int64
	list List
}

// take writes r to a temporary file, hashing the whole and each chunk on the way.
func (s *Store) take(ctx context.Context, r io.Reader, o PutOptions) (w whole, err error) {
	t, err := s.newTemp()
	if err != nil {
		return w, err
	}
	defer t.discardOn(&err)
	sums := newSums()
	limit := s.opts.MaxBytes
	if o.MaxBytes > 0 {
		limit = min(limit, o.MaxBytes)
	}
	if err = copyChunks(ctx, io.MultiWriter(t.f, sums), r, limit); err != nil {
		return w, full(err)
	}
	w = sums.whole(t.path())
	if o.Want != nil && *o.Want != w.hash {
		return w, fmt.Errorf("%w: wanted %s, got %s", ErrMismatch, o.Want, w.hash)
	}
	if err = s.check(t, w, o); err != nil {
		return w, err
	}
	return w, t.seal()
}

func (s *Store) check(t temp, w whole, o PutOptions) error {
	if o.Check == nil {
		return nil
	}
	if _, err := t.f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return o.Check(t.f, Info{Hash: w.hash, Size: w.size, Type: cleanType(o.Type), At: s.opts.Now()})
}

// copyChunks hands r to w a chunk at a time, at most limit bytes.
func copyChunks(ctx context.Context, w io.Writer, r io.Reader, limit int64) error {
	buf := chunkBuffers.Get().(*[ChunkSize]byte)
	defer chunkBuffers.Put(buf)
	for left := limit; ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := fill(r, buf[:])
		if int64(n) > left {
			return fmt.Errorf("%w of %d bytes", ErrTooLarge, limit)
		}
		left -= int64(n)
		if err != nil && err != io.EOF {
			return err
		}
		if _, err := w.Write(buf[:n]); err != nil {
			return err
		}
		if err == io.EOF {
			return nil
		}
	}
}

// fill reads until buf is full or r ends, with r's own error. io.ReadFull would
// not do: its io.ErrUnexpectedEOF is also what a body that was cut off says.
func fill(r io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var m int
		m, err = r.Read(buf[n:])
		n += m
	}
	return n, err
}

// sums hashes a file as it streams by: the whole, and each Write as one chunk.
type sums struct {
	all  hash.Hash
	size int64
	list listOf
}

func newSums() *sums { return &sums{all: sha256.New()} }

// Write takes one whole chunk.
func (s *sums) Write(chunk []byte) (int, error) {
	if len(chunk) > 0 {
		s.all.Write(chunk)
		s.list.add(chunk)
		s.size += int64(len(chunk))
	}
	return len(chunk), nil
}

func (s *sums) whole(path string) whole {
	return whole{path: path, hash: Hash(s.all.Sum(nil)), size: s.size, list: s.list.list()}
}

// place gives a whole file its name: first its list and its sidecar, then the
// rename that makes it visible, then the directory is synced. On error the file
// is where it was.
func (s *Store) place(ctx context.Context, in whole, sc sidecar) (info Info, err error) {
	if in.list.Len() > 1 {
		// A file of one chunk has itself as the only chunk: its list says nothing new.
		l, err := s.putList(ctx, in.hash, in.list)
		if err != nil {
			return info, err
		}
		sc.List = l
	}
	if err := makeDirs(filepath.Dir(s.file(in.hash))); err != nil {
		return info, err
	}
	if info, err = s.name(in, sc); err != nil {
		return info, err
	}
	return info, syncDir(filepath.Dir(s.file(in.hash)))
}

// name renames the sidecar and the bytes, in this order, so that a blob that is
// visible has its type.
func (s *Store) name(in whole, sc sidecar) (Info, error) {
	path := s.file(in.hash)
	sc.At = s.opts.Now().UnixMilli()
	sc = sc.over(s.readSidecar(in.hash)) // also that of a blob in quarantine
	side, err := s.writeSidecarTemp(sc)
	if err != nil {
		return Info{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old, _ := os.Stat(path)
	if err := os.Rename(side, path+sidecarSuffix); err != nil {
		return Info{}, errors.Join(full(err), os.Remove(side))
	}
	if err := os.Rename(in.path, path); err != nil {
		return Info{}, full(err)
	}
	s.recount(old, in.size)
	fi, err := os.Stat(path)
	if err != nil {
		return Info{}, err
	}
	return sc.info(in.hash, fi), nil
}

// recount keeps the usage right when a file of size replaced old (nil = none). Called with mu held.
func (s *Store) recount(old os.FileInfo, size int64) {
	if !s.counted {
		return
	}
	if old == nil {
		s.count++
	} else {
		s.bytes -= old.Size()
	}
	s.bytes += size
}

// putList stores the list of a file as a blob.
func (s *Store) putList(ctx context.Context, file Hash, l List) (Hash, error) {
	name := l.Hash()
	if name == file {
		return name, nil // only the empty file is its own list
	}
	o := PutOptions{Want: &name, Type: ListType, of: file}
	if _, err := s.Put(ctx, bytes.NewReader(l.Bytes()), o); err != nil {
		return Hash{}, fmt.Errorf("storing the chunk list: %w", err)
	}
	return name, nil
}
