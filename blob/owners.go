package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"mural/event"
)

// AddOwner remembers that a person uploaded a blob. It is on the disk when it
// returns; adding twice keeps the first time.
func (s *Store) AddOwner(_ context.Context, h Hash, who event.PubKey) error {
	dir := s.path(ownersDir, who.String())
	if err := makeDirs(dir); err != nil {
		return fmt.Errorf("blob: noting the owner of %s: %w", h, err)
	}
	f, err := os.OpenFile(filepath.Join(dir, h.String()), os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		err = errors.Join(f.Close(), syncDir(dir))
	}
	if err != nil {
		return fmt.Errorf("blob: noting the owner of %s: %w", h, full(err))
	}
	return nil
}

// DropOwner forgets that a person uploaded a blob, and says how many others
// did. A person who did not upload it is fs.ErrNotExist.
func (s *Store) DropOwner(_ context.Context, h Hash, who event.PubKey) (left int, err error) {
	dir := s.path(ownersDir, who.String())
	err = os.Remove(filepath.Join(dir, h.String()))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("blob: %s has no copy of %s: %w", who, h, fs.ErrNotExist)
	}
	if err := errors.Join(err, syncDir(dir)); err != nil {
		return 0, fmt.Errorf("blob: forgetting an owner of %s: %w", h, err)
	}
	return s.countOwners(h)
}

func (s *Store) countOwners(h Hash) (n int, err error) {
	people, err := os.ReadDir(s.path(ownersDir))
	if err != nil {
		return 0, fmt.Errorf("blob: counting the owners of %s: %w", h, err)
	}
	for _, p := range people {
		if _, err := os.Stat(s.path(ownersDir, p.Name(), h.String())); err == nil {
			n++
		}
	}
	return n, nil
}

// Upload says when a person uploaded a blob.
type Upload struct {
	Hash Hash
	At   time.Time
}

// Uploads gives what a person uploaded, newest first, ties by ascending hash.
func (s *Store) Uploads(_ context.Context, who event.PubKey) ([]Upload, error) {
	entries, err := os.ReadDir(s.path(ownersDir, who.String()))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("blob: listing what %s uploaded: %w", who, err)
	}
	list := make([]Upload, 0, len(entries))
	for _, e := range entries {
		h, err := ParseHash(e.Name())
		fi, infoErr := e.Info()
		if errors.Join(err, infoErr) == nil {
			list = append(list, Upload{h, fi.ModTime()})
		}
	}
	// ReadDir sorts by name, so a stable sort leaves ties by hash.
	slices.SortStableFunc(list, func(a, b Upload) int { return b.At.Compare(a.At) })
	return list, nil
}
