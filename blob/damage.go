package blob

import (
	"fmt"
	"os"
	"path/filepath"
)

// damaged takes the file open as f out of sight and tells the node. It gives
// the ErrDamaged to return. The quarantined bytes are used again chunk by chunk
// when the blob is fetched as a Partial.
func (s *Store) damaged(h Hash, f *os.File, cause error) error {
	moved, err := s.quarantine(h, f)
	if moved && s.opts.OnDamaged != nil {
		s.opts.OnDamaged(h)
	}
	if err != nil {
		return fmt.Errorf("blob: %w: %s: %w; and it could not be set aside: %w", ErrDamaged, h, cause, err)
	}
	return fmt.Errorf("blob: %w: %s: %w", ErrDamaged, h, cause)
}

// quarantine moves the blob's file aside, unless the name has come to mean
// another file since f was opened. The sidecar stays: the type will be wanted again.
func (s *Store) quarantine(h Hash, f *os.File) (moved bool, err error) {
	bad, err := f.Stat()
	if err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	path := s.file(h)
	now, err := os.Stat(path)
	if err != nil || !os.SameFile(bad, now) {
		return false, nil // deleted, replaced, or set aside by another reader
	}
	if err := os.Rename(path, s.path(quarantineDir, h.String())); err != nil {
		return false, err
	}
	s.lists.drop(h)
	if s.counted {
		s.count--
		s.bytes -= now.Size()
	}
	return true, syncDir(filepath.Dir(path))
}
