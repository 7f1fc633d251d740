package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// PutOriginal keeps an untouched original privately: it is not a blob, has no
// chunk list, and Open, Stat and All never give it. Errors as of Put.
func (s *Store) PutOriginal(ctx context.Context, r io.Reader, o PutOptions) (Info, error) {
	in, err := s.take(ctx, r, o)
	if err != nil {
		return Info{}, fmt.Errorf("blob: keeping the original: %w", err)
	}
	path := s.original(in.hash)
	if err := errors.Join(os.Rename(in.path, path), syncDir(s.path(originalsDir))); err != nil {
		return Info{}, errors.Join(fmt.Errorf("blob: keeping the original: %w", full(err)), removeIfThere(in.path))
	}
	return Info{Hash: in.hash, Size: in.size, Type: cleanType(o.Type), At: s.opts.Now()}, nil
}

func (s *Store) original(h Hash) string { return s.path(originalsDir, h.String()) }

// OpenOriginal opens a private original, for the owner alone. One that is not
// here is fs.ErrNotExist.
func (s *Store) OpenOriginal(h Hash) (*os.File, error) {
	f, err := os.Open(s.original(h))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errAbsent(h)
	}
	if err != nil {
		return nil, fmt.Errorf("blob: opening the original: %w", err)
	}
	return f, nil
}

// DeleteOriginal forgets a private original. One that is not here is fs.ErrNotExist.
func (s *Store) DeleteOriginal(h Hash) error {
	err := os.Remove(s.original(h))
	if errors.Is(err, fs.ErrNotExist) {
		return errAbsent(h)
	}
	if err != nil {
		return fmt.Errorf("blob: deleting the original: %w", err)
	}
	return syncDir(s.path(originalsDir))
}
