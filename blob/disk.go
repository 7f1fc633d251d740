package blob

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// temp is a file being written in tmp/. It has no name among the blobs yet.
type temp struct{ f *os.File }

func (s *Store) newTemp() (temp, error) {
	f, err := os.CreateTemp(s.path(tmpDir), tmpPrefix)
	if err != nil {
		return temp{}, full(err)
	}
	return temp{f}, nil
}

func (t temp) path() string { return t.f.Name() }

// seal puts the bytes on the disk and closes the file.
func (t temp) seal() error {
	err := t.f.Sync()
	return full(errors.Join(err, t.f.Close()))
}

// discardOn removes the file where *err is set; deferred.
func (t temp) discardOn(err *error) {
	if *err != nil {
		t.f.Close() // closing twice is harmless here
		os.Remove(t.f.Name())
	}
}

// makeDirs makes path and its missing parents, and syncs the parent of each it made.
func makeDirs(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	parent := filepath.Dir(path)
	if err := makeDirs(parent); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return full(err)
	}
	return syncDir(parent)
}

// syncDir makes renames in a directory last. Windows cannot, and needs not.
func syncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return full(d.Sync())
}

// errDiskFullWindows is ERROR_DISK_FULL; the number means something else elsewhere.
const errDiskFullWindows = syscall.Errno(112)

// full turns the system's ways of saying "no space" into ErrFull.
func full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) ||
		runtime.GOOS == "windows" && errors.Is(err, errDiskFullWindows) {
		return fmt.Errorf("%w (%v)", ErrFull, err)
	}
	return err
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
