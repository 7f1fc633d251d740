//go:build linux

package testkit

import (
	"encoding/hex"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// BlobFile is where a blob lies on this person's disk.
func (p *Person) BlobFile(sha256 string) string {
	p.t.Helper()
	if _, err := hex.DecodeString(sha256); err != nil || len(sha256) != 64 {
		p.t.Fatalf("testkit: %q is no hash", sha256)
	}
	var found string
	err := filepath.WalkDir(filepath.Join(p.Home, "blobs"), func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() == sha256 {
			found = path
		}
		return err
	})
	if err != nil || found == "" {
		p.t.Fatalf("%s has no file of blob %s (%v)", p.Name, sha256, err)
	}
	return found
}

// LosesFile removes a blob's file behind the node's back.
func (p *Person) LosesFile(m Media) {
	p.t.Helper()
	if err := os.Remove(p.BlobFile(m.SHA256)); err != nil {
		p.t.Fatal(err)
	}
}

// DamagesFile flips one bit in the middle of a blob's file, as a dying disk does.
func (p *Person) DamagesFile(m Media) {
	p.t.Helper()
	path := p.BlobFile(m.SHA256)
	data, err := os.ReadFile(path)
	if err != nil {
		p.t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		p.t.Fatal(err)
	}
	defer f.Close()
	at := int64(len(data) / 2)
	if _, err := f.WriteAt([]byte{data[at] ^ 1}, at); err != nil {
		p.t.Fatal(err)
	}
}

// SmallDisk puts this person's home on a disk of its own with so many bytes. It
// needs root, and skips the test elsewhere. The node must not run yet.
func (p *Person) SmallDisk(size string) {
	p.t.Helper()
	if os.Getuid() != 0 {
		p.t.Skip("a small disk is a mount, and needs root")
	}
	if err := os.MkdirAll(p.Home, 0o700); err != nil {
		p.t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", p.Home, "tmpfs", 0, "mode=0700,size="+size); err != nil {
		p.t.Skipf("this machine mounts no small disk: %v", err)
	}
	// Detached: the node may still run when a story failed.
	p.t.Cleanup(func() { _ = unix.Unmount(p.Home, unix.MNT_DETACH) })
}

// FillsDisk writes a file into the home until nothing more goes in, and gives a
// way to remove it again.
func (p *Person) FillsDisk() (free func()) {
	p.t.Helper()
	path := filepath.Join(p.Home, "filler")
	f, err := os.Create(path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
	return func() {
		if err := os.Remove(path); err != nil {
			p.t.Fatal(err)
		}
	}
}
