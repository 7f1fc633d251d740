package media

import (
	"encoding/binary"
	"fmt"
	"io"
)

func be16(b []byte) uint16 { return binary.BigEndian.Uint16(b) }
func be32(b []byte) uint32 { return binary.BigEndian.Uint32(b) }
func be64(b []byte) uint64 { return binary.BigEndian.Uint64(b) }
func le16(b []byte) uint16 { return binary.LittleEndian.Uint16(b) }
func le32(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }
func le64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}

// source reads a file at any place through one window of fixed size.
// It is not safe for concurrent use.
type source struct {
	r     io.ReadSeeker
	base  int64 // where the file begins within r
	size  int64 // bytes of the file
	win   []byte
	winAt int64
}

func newSource(r io.ReadSeeker) (*source, error) {
	size, err := r.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, fmt.Errorf("media: measuring the file: %w", err)
	}
	return &source{r: r, size: size, win: make([]byte, 0, windowSize)}, nil
}

// part is the file that lies within s from at to the end: a picture behind a picture.
func (s *source) part(at int64) *source {
	return &source{r: s.r, base: s.base + at, size: s.size - at, win: make([]byte, 0, windowSize)}
}

// window gives what lies at a place: at least one byte and at most windowSize,
// valid until the next read. io.EOF where the file ends.
func (s *source) window(at int64) ([]byte, error) {
	if at < 0 || at >= s.size {
		return nil, io.EOF
	}
	if at < s.winAt || at >= s.winAt+int64(len(s.win)) {
		if err := s.fill(at); err != nil {
			return nil, err
		}
	}
	return s.win[at-s.winAt:], nil
}

func (s *source) fill(at int64) error {
	n := int(min(windowSize, s.size-at))
	s.win = s.win[:n]
	s.winAt = at
	if err := s.readThrough(s.win, at); err != nil {
		s.win = s.win[:0]
		return err
	}
	return nil
}

func (s *source) readThrough(p []byte, at int64) error {
	if _, err := s.r.Seek(s.base+at, io.SeekStart); err != nil {
		return fmt.Errorf("media: seeking: %w", err)
	}
	if _, err := io.ReadFull(s.r, p); err != nil {
		return fmt.Errorf("media: reading: %w", err)
	}
	return nil
}

// read fills p from a place; ErrMalformed when the file ends before.
func (s *source) read(p []byte, at int64) error {
	if at < 0 || at > s.size || int64(len(p)) > s.size-at {
		return malformed("needs %d bytes at %d, the file has %d", len(p), at, s.size)
	}
	for len(p) > 0 {
		w, err := s.window(at)
		if err != nil {
			return err
		}
		n := copy(p, w)
		p, at = p[n:], at+int64(n)
	}
	return nil
}

// ReadAt makes a source an io.ReaderAt for the TIFF reader.
func (s *source) ReadAt(p []byte, at int64) (int, error) {
	if at < 0 || at >= s.size {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), s.size-at))
	if err := s.read(p[:n], at); err != nil {
		return 0, err
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// block gives up to maxMetadata bytes of a metadata block, less where the file ends.
func (s *source) block(at, n int64) ([]byte, error) {
	n = min(n, maxMetadata, s.size-at)
	if n <= 0 {
		return nil, nil
	}
	b := make([]byte, n)
	return b, s.read(b, at)
}

// head gives the beginning of the file for Sniff.
func (s *source) head() ([]byte, error) {
	return s.block(0, SniffLen)
}
