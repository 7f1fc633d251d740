package keys

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

const (
	maxKeyFile       = 4 << 10 // bytes of one key file
	inviteTokenBytes = 16
)

func (r *Ring) openDevice() error {
	path := filepath.Join(r.dir, deviceFile)
	line, err := readSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		return r.newDevice(path)
	}
	if err != nil {
		return err
	}
	seed, err := hex.DecodeString(line)
	if err != nil || len(seed) != ed25519.SeedSize {
		return fmt.Errorf("keys: %s is damaged; move it away and this home becomes a new device", path)
	}
	r.device = ed25519.NewKeyFromSeed(seed)
	return nil
}

func (r *Ring) newDevice(path string) error {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(r.rand, seed); err != nil {
		return fmt.Errorf("keys: making the device key: %w", err)
	}
	r.device = ed25519.NewKeyFromSeed(seed)
	return writeSecret(path, hex.EncodeToString(seed))
}

// readSecret reads one line and refuses a file that others may read.
func readSecret(path string) (string, error) {
	b, err := readPrivate(path, maxKeyFile)
	return strings.TrimSpace(string(b)), err
}

// readPrivate reads a file of at most limit bytes and refuses one that others may read.
func readPrivate(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("keys: reading %s: %w", path, err)
	}
	if runtime.GOOS != "windows" && st.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("keys: %s may be read by others on this machine (mode %04o); type: chmod 600 %s", path, st.Mode().Perm(), path)
	}
	if st.Size() > limit {
		return nil, fmt.Errorf("keys: %s has %d bytes, over the limit of %d; it is none of ours", path, st.Size(), limit)
	}
	b, err := io.ReadAll(io.LimitReader(f, limit))
	if err != nil {
		return nil, fmt.Errorf("keys: reading %s: %w", path, err)
	}
	return b, nil
}

func writeSecret(path, line string) error { return WriteFile(path, []byte(line+"\n")) }

// WriteFile writes a private file whole or not at all: temporary file, fsync,
// rename, fsync of the folder. Mode 0600.
func WriteFile(path string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*") // CreateTemp makes files 0600
	if err != nil {
		return fmt.Errorf("keys: writing %s: %w", path, err)
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(data)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("keys: writing %s: %w", path, err)
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	if runtime.GOOS == "windows" { // folders cannot be synced there
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("keys: syncing %s: %w", dir, err)
	}
	defer d.Close()
	return d.Sync()
}

// InviteToken gives the secret that goes into invitations of this device, and
// makes it the first time: who shows that they know it was invited.
func (r *Ring) InviteToken() ([]byte, error) {
	path := filepath.Join(r.dir, inviteFile)
	line, err := readSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		token := make([]byte, inviteTokenBytes)
		if _, err := io.ReadFull(r.rand, token); err != nil {
			return nil, fmt.Errorf("keys: making the invitation token: %w", err)
		}
		return token, writeSecret(path, hex.EncodeToString(token))
	}
	if err != nil {
		return nil, err
	}
	token, err := hex.DecodeString(line)
	if err != nil || len(token) != inviteTokenBytes {
		return nil, fmt.Errorf("keys: %s is damaged; move it away, and invitations given so far end", path)
	}
	return token, nil
}
