package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
)

// All gives every blob, by ascending hash, chunk lists too. It holds one
// directory's names in memory. Blobs that come or go meanwhile may be missed.
// It ends after the first error.
func (s *Store) All(ctx context.Context) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		err := s.walk(ctx, func(h Hash) error {
			info, err := s.Stat(h)
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			if !yield(info, nil) {
				return fs.SkipAll
			}
			return nil
		})
		if err != nil && !errors.Is(err, fs.SkipAll) {
			yield(Info{}, err)
		}
	}
}

// walk calls fn for the name of every blob.
func (s *Store) walk(ctx context.Context, fn func(Hash) error) error {
	root := os.DirFS(s.path(blobsDir))
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() {
			return errors.Join(err, ctx.Err())
		}
		h, err := ParseHash(d.Name())
		if err != nil {
			return nil // a sidecar, or not ours
		}
		return fn(h)
	})
	if err != nil && !errors.Is(err, fs.SkipAll) {
		return fmt.Errorf("blob: listing: %w", err)
	}
	return err
}

// Usage says how many blobs there are (chunk lists too) and how many bytes they
// have. The first call counts the files, later ones know.
func (s *Store) Usage() (count int, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counted {
		return s.count, s.bytes
	}
	s.count, s.bytes = 0, 0
	err := s.walk(context.Background(), func(h Hash) error {
		if fi, err := os.Stat(s.file(h)); err == nil {
			s.count++
			s.bytes += fi.Size()
		}
		return nil
	})
	s.counted = err == nil // otherwise: what could be counted now, again next time
	return s.count, s.bytes
}
