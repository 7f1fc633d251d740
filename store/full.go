package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/ncruces/go-sqlite3"
)

// explain gives an error that came from a lack of space its own name.
func explain(path string, err error) error {
	if err == nil || errors.Is(err, ErrFull) {
		return err
	}
	if errors.Is(err, sqlite3.FULL) || (errors.Is(err, sqlite3.IOERR) && noSpace(filepath.Dir(path))) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}

// probeBytes is more than the largest piece that SQLite takes from the disk at once.
const probeBytes = 64 << 10

// noSpace tries whether a file of some size can be written. The driver reports a
// full disk as any other failure to write (go-sqlite3 v0.36.0 looks for a bare
// ENOSPC where os.File gives it wrapped), so the question has to be asked again.
func noSpace(dir string) bool {
	f, err := os.CreateTemp(dir, ".space-")
	if err != nil {
		return isNoSpace(err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(make([]byte, probeBytes))
	return isNoSpace(errors.Join(err, f.Sync(), f.Close()))
}

func isNoSpace(err error) bool {
	const windowsDiskFull = syscall.Errno(112)
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) ||
		(runtime.GOOS == "windows" && errors.Is(err, windowsDiskFull))
}
