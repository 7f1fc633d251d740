package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

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

// Owned gives the blobs that a person uploaded, newest first, then by hash.
func (s *Store) Owned(_ context.Context, who event.PubKey) ([]Hash, error) {
	entries, err := os.ReadDir(s.path(ownersDir, who.String()))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("blob: listing what %s uploaded: %w", who, err)
	}
	type owned struct {
		hash Hash
		at   int64
	}
	list := make([]owned, 0, len(entries))
	for _, e := range entries {
		h, err := ParseHash(e.Name())
		fi, infoErr := e.Info()
		if errors.Join(err, infoErr) == nil {
			list = append(list, owned{h, fi.ModTime().UnixNano()})
		}
	}
	slices.SortStableFunc(list, func(a, b owned) int { return int(max(-1, min(1, b.at-a.at))) })
	hashes := make([]Hash, len(list))
	for i, o := range list {
		hashes[i] = o.hash
	}
	return hashes, nil
}
