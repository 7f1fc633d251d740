package blob

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Folders under the directory of a store.
const (
	blobsDir      = "blobs"
	partialDir    = "partial"
	quarantineDir = "quarantine"
	originalsDir  = "originals"
	ownersDir     = "owners"
	tmpDir        = "tmp"

	tmpPrefix = "blob-" // only these are ours to sweep in tmp/
)

// Options of a store. The zero value is usable.
type Options struct {
	MaxBytes  int64            // largest blob in bytes; 0 = MaxBlobBytes
	OnDamaged func(Hash)       // told of a blob that went to quarantine; must return soon; may be nil
	Now       func() time.Time // nil = time.Now
}

// Store keeps blobs in one directory. It is safe for concurrent use by one
// process; two processes must not open the same directory (the node's lock on
// its home sees to that).
type Store struct {
	dir   string
	opts  Options
	lists listCache

	mu      sync.Mutex // guards naming, un-naming, and the usage below
	counted bool
	count   int
	bytes   int64

	partialMu sync.Mutex // guards partials
	partials  map[string]*Partial
}

// Open makes the directories it needs (0700), sweeps what an interrupted Put
// left in tmp/, forgets partials untouched for PartialKeep, and gives the store.
func Open(dir string, o Options) (*Store, error) {
	if o.MaxBytes <= 0 {
		o.MaxBytes = MaxBlobBytes
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Store{dir: dir, opts: o, partials: make(map[string]*Partial)}
	for _, d := range []string{blobsDir, partialDir, quarantineDir, originalsDir, ownersDir, tmpDir} {
		if err := os.MkdirAll(s.path(d), 0o700); err != nil {
			return nil, fmt.Errorf("blob: opening %s: %w", dir, full(err))
		}
	}
	if err := s.sweep(); err != nil {
		return nil, fmt.Errorf("blob: sweeping %s: %w", dir, err)
	}
	return s, nil
}

func (s *Store) path(parts ...string) string {
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

// file is where blob h lies.
func (s *Store) file(h Hash) string {
	name := h.String()
	return s.path(blobsDir, name[:2], name[2:4], name)
}

// sweep removes leftovers of puts that did not end.
func (s *Store) sweep() error {
	entries, err := os.ReadDir(s.path(tmpDir))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), tmpPrefix) {
			continue
		}
		if err := removeIfThere(s.path(tmpDir, e.Name())); err != nil {
			return err
		}
	}
	return s.sweepPartials()
}

// Stat says what is known of a blob. One that is not here is fs.ErrNotExist.
func (s *Store) Stat(h Hash) (Info, error) {
	info, _, err := s.stat(h)
	return info, err
}

func (s *Store) stat(h Hash) (Info, sidecar, error) {
	fi, err := os.Stat(s.file(h))
	if errors.Is(err, fs.ErrNotExist) {
		return Info{}, sidecar{}, errAbsent(h)
	}
	if err != nil {
		return Info{}, sidecar{}, fmt.Errorf("blob: looking at %s: %w", h, err)
	}
	side := s.readSidecar(h)
	return side.info(h, fi), side, nil
}

// Delete forgets a blob with what is half here or set aside of it, and its
// chunk list where this store made it. Files that are open stay readable. A
// blob that is not here is fs.ErrNotExist.
func (s *Store) Delete(h Hash) error {
	list := s.readSidecar(h).List
	leftovers := errors.Join(s.dropPartialsOf(h), removeIfThere(s.path(quarantineDir, h.String())))
	err := s.unname(h)
	s.lists.drop(h)
	if list.IsZero() || list == h || s.readSidecar(list).Of != h {
		return errors.Join(err, leftovers)
	}
	if err := s.Delete(list); err != nil && !errors.Is(err, fs.ErrNotExist) {
		leftovers = errors.Join(err, leftovers)
	}
	return errors.Join(err, leftovers)
}

// unname removes the bytes first: a crash in between leaves a lone sidecar,
// which nobody sees and the next Put replaces.
func (s *Store) unname(h Hash) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := s.file(h)
	fi, err := os.Stat(path)
	if err == nil {
		err = os.Remove(path)
	}
	_ = os.Remove(path + sidecarSuffix) // also that of a blob in quarantine
	if errors.Is(err, fs.ErrNotExist) {
		return errAbsent(h)
	}
	if err != nil {
		return fmt.Errorf("blob: deleting %s: %w", h, err)
	}
	if s.counted {
		s.count--
		s.bytes -= fi.Size()
	}
	return syncDir(filepath.Dir(path))
}
