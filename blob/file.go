package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"
)

// File is a blob open for reading. Every chunk is checked against the chunk
// list before a byte of it is given out; a chunk that fails is ErrDamaged, and
// the file has gone to quarantine. Safe for concurrent use; Read and Seek share
// one position.
type File struct {
	s    *Store
	f    *os.File
	info Info
	list List

	mu   sync.Mutex // guards what follows
	at   int64
	buf  *[ChunkSize]byte
	held int // the verified chunk in buf; -1 = none
}

var (
	_ io.ReadSeekCloser = (*File)(nil)
	_ io.ReaderAt       = (*File)(nil)
)

// Open opens a blob for reading. One that is not here is fs.ErrNotExist. One
// without a known chunk list is read and checked whole first.
func (s *Store) Open(ctx context.Context, h Hash) (*File, error) {
	f, err := os.Open(s.file(h))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errAbsent(h)
	}
	if err != nil {
		return nil, fmt.Errorf("blob: opening %s: %w", h, err)
	}
	file, err := s.openFile(ctx, h, f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("blob: opening %s: %w", h, err)
	}
	return file, nil
}

func (s *Store) openFile(ctx context.Context, h Hash, f *os.File) (*File, error) {
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	side := s.readSidecar(h)
	l, err := s.listFor(ctx, h, f, fi.Size(), side)
	if err != nil {
		return nil, err
	}
	return &File{s: s, f: f, info: side.info(h, fi), list: l, held: -1}, nil
}

// Info says what is known of the blob.
func (f *File) Info() Info { return f.info }

// Close closes the file.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.buf != nil {
		chunkBuffers.Put(f.buf)
		f.buf, f.held = nil, -1
	}
	return f.f.Close()
}

// Read reads at the position and moves it.
func (f *File) Read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(p) == 0 {
		return 0, nil
	}
	n, err := f.readAt(p, f.at)
	f.at += int64(n)
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, err
}

// ReadAt reads len(p) bytes at off, or as many as there are and io.EOF.
func (f *File) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("blob: reading %s: negative offset", f.info.Hash)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.readAt(p, off)
}

// readAt is ReadAt with mu held.
func (f *File) readAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		if off >= f.info.Size {
			return n, io.EOF
		}
		chunk, err := f.chunk(int(off / ChunkSize))
		if err != nil {
			return n, err
		}
		m := copy(p[n:], chunk[off%ChunkSize:])
		n, off = n+m, off+int64(m)
	}
	return n, nil
}

// chunk gives the verified chunk i, from the buffer where it is the one read last.
func (f *File) chunk(i int) ([]byte, error) {
	size := ChunkLen(f.info.Size, i)
	if f.held == i {
		return f.buf[:size], nil
	}
	if f.buf == nil {
		f.buf = chunkBuffers.Get().(*[ChunkSize]byte)
	}
	f.held = -1
	if err := f.load(f.buf[:size], i); err != nil {
		return nil, err
	}
	f.held = i
	return f.buf[:size], nil
}

// load reads chunk i into buf and checks it.
func (f *File) load(buf []byte, i int) error {
	_, err := f.f.ReadAt(buf, int64(i)*ChunkSize)
	if err == nil || err == io.EOF {
		err = f.list.Check(f.info.Size, i, buf)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrBadChunk), errors.Is(err, syscall.EIO), errors.Is(err, io.ErrUnexpectedEOF):
		return f.s.damaged(f.info.Hash, f.f, err)
	}
	return fmt.Errorf("blob: reading %s: %w", f.info.Hash, err)
}

// ReadChunk gives chunk i, verified, in fresh memory.
func (f *File) ReadChunk(i int) ([]byte, error) {
	if i < 0 || i >= f.list.Len() {
		return nil, fmt.Errorf("%w: %s has no chunk %d", ErrBadChunk, f.info.Hash, i)
	}
	buf := make([]byte, ChunkLen(f.info.Size, i))
	return buf, f.load(buf, i)
}

// Seek moves the position, as io.Seeker says.
func (f *File) Seek(offset int64, whence int) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch whence {
	case io.SeekCurrent:
		offset += f.at
	case io.SeekEnd:
		offset += f.info.Size
	}
	if offset < 0 || whence < io.SeekStart || whence > io.SeekEnd {
		return f.at, fmt.Errorf("blob: seeking in %s: no such position", f.info.Hash)
	}
	f.at = offset
	return offset, nil
}

// ReadChunk gives chunk i of a blob, verified, in fresh memory.
func (s *Store) ReadChunk(ctx context.Context, h Hash, i int) ([]byte, error) {
	f, err := s.Open(ctx, h)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.ReadChunk(i)
}
