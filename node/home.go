package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"mural/keys"
)

// ErrBusy says that another process has this home.
var ErrBusy = errors.New("another mural runs with this home")

// Running is what a node writes into run/node.json, so that commands find it.
type Running struct {
	PID     int       `json:"pid"`
	URL     string    `json:"url"`
	Version string    `json:"version"`
	Since   time.Time `json:"since"`
}

// home is the locked folder of one node.
type home struct {
	dir  string
	lock *os.File
}

func (h home) path(parts ...string) string {
	return filepath.Join(append([]string{h.dir}, parts...)...)
}

// openHome makes the folders and takes the lock. The lock goes with the
// process, however it ends.
func openHome(dir string) (home, error) {
	h := home{dir: dir}
	for _, sub := range []string{"", "keys", "blobs", "tmp", "run", "cache"} {
		if err := os.MkdirAll(h.path(sub), 0o700); err != nil {
			return h, fmt.Errorf("node: making the home: %w", err)
		}
	}
	// Receipts and peers' addresses are nobody else's business, also where the
	// folder was made by hand with wider rights.
	if err := os.Chmod(dir, 0o700); err != nil {
		return h, fmt.Errorf("node: closing the home to others: %w", err)
	}
	f, err := os.OpenFile(h.path("run", "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return h, fmt.Errorf("node: opening the lock of the home: %w", err)
	}
	if err := lockFile(f); err != nil {
		f.Close()
		return h, busyError(dir)
	}
	h.lock = f
	return h, nil
}

func busyError(dir string) error {
	r, err := FindRunning(dir)
	if err != nil {
		return fmt.Errorf("%w: %s is in use by another process; end it, or start this one with another --home", ErrBusy, dir)
	}
	return fmt.Errorf("%w: process %d has had %s since %s and answers at %s; use it, end it, or start this one with another --home and --port",
		ErrBusy, r.PID, dir, r.Since.Local().Format("15:04 on Jan 2"), r.URL)
}

// announce writes run/node.json.
func (h home) announce(r Running) error {
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("node: run file: %w", err)
	}
	return keys.WriteFile(h.path("run", "node.json"), b)
}

func (h home) close() error {
	os.Remove(h.path("run", "node.json"))
	return h.lock.Close()
}

// FindRunning reads which node runs with this home. The file may be stale after
// a power cut: a caller finds out when nobody answers.
func FindRunning(dir string) (Running, error) {
	var r Running
	b, err := os.ReadFile(filepath.Join(dir, "run", "node.json"))
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err != nil {
		return r, fmt.Errorf("node: no node runs with %s: %w", dir, err)
	}
	return r, nil
}

// OwnerToken reads the token that the owner's programs show to a running node.
func OwnerToken(dir string) (string, error) {
	b, err := os.ReadFile(filepath.Join(dir, "run", "token"))
	if err != nil {
		return "", fmt.Errorf("node: reading the owner's token: %w", err)
	}
	return string(b), nil
}
