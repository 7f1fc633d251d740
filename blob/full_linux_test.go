package blob

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// tinyDisk mounts a tmpfs of size bytes.
func tinyDisk(t *testing.T, size string) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("mounting a small disk needs root: what happens on a full disk is not tested here")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("a small disk cannot be mounted here (%v): what happens on a full disk is not tested", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmounting: %v", err)
		}
	})
	return dir
}

func TestFullDisk(t *testing.T) {
	ctx := context.Background()
	s := openAt(t, tinyDisk(t, "3m"), Options{})
	kept := noise(50, ChunkSize+1)
	h := put(t, s, kept).Hash
	big := noise(51, 4<<20)
	_, err := s.Put(ctx, bytes.NewReader(big), PutOptions{})
	if !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "free some space") {
		t.Fatalf("got %v, want ErrFull with a next step", err)
	}
	if _, err := s.Stat(Sum(big)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("half of it is visible: %v", err)
	}
	if left := tempFiles(t, s); len(left) != 0 {
		t.Errorf("left in tmp: %v", left)
	}
	if got, err := readAll(s, h); err != nil || !bytes.Equal(got, kept) {
		t.Errorf("reads do not go on: %d bytes, %v", len(got), err)
	}
	if _, err := s.PutOriginal(ctx, bytes.NewReader(big), PutOptions{}); !errors.Is(err, ErrFull) {
		t.Errorf("PutOriginal: %v", err)
	}
	put(t, s, noise(52, ChunkSize)) // the space came back
}

// A put fails at whatever step the space ends; whenever it does, nothing stays.
func TestFullDiskAtEveryStep(t *testing.T) {
	ctx := context.Background()
	dir := tinyDisk(t, "2m")
	s := openAt(t, dir, Options{})
	filler := dir + "/filler"
	data := noise(53, ChunkSize+5000)
	failed, stored := 0, 0
	for free := 0; free <= 80; free++ { // pages of 4 KiB left for the put
		if err := os.WriteFile(filler, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		fillTo(t, filler, free)
		_, err := s.Put(ctx, bytes.NewReader(data), PutOptions{Type: "video/mp4"})
		switch {
		case err == nil:
			stored++
			if got, err := readAll(s, Sum(data)); err != nil || !bytes.Equal(got, data) {
				t.Errorf("%d pages: stored and unreadable: %v", free, err)
			}
			if err := s.Delete(Sum(data)); err != nil {
				t.Fatal(err)
			}
		case errors.Is(err, ErrFull):
			failed++
			if _, err := s.Stat(Sum(data)); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%d pages: visible after %v", free, err)
			}
		default:
			t.Errorf("%d pages: got %v, want ErrFull", free, err)
		}
		if left := tempFiles(t, s); len(left) != 0 {
			t.Fatalf("%d pages: left in tmp: %v", free, left)
		}
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
	}
	if failed == 0 || stored == 0 {
		t.Errorf("%d puts failed and %d did not: the test shows nothing", failed, stored)
	}
}

// fillTo fills the disk until only so many 4 KiB pages are free.
func fillTo(t *testing.T, path string, pages int) {
	t.Helper()
	var st syscall.Statfs_t
	if err := syscall.Statfs(path, &st); err != nil {
		t.Fatal(err)
	}
	take := int64(st.Bavail)*int64(st.Bsize) - int64(pages)*4096
	if err := os.WriteFile(path, make([]byte, max(0, take)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFullDiskKeepsWhatWasGathered(t *testing.T) {
	s := openAt(t, tinyDisk(t, "2m"), Options{})
	data := noise(54, 12*ChunkSize)
	p := begin(t, s, Sum(data), len(data), listFrom(data)) // 3 MiB, sparse
	defer p.Close()
	var err error
	wrote := 0
	for ; wrote < 12 && err == nil; wrote++ {
		err = p.Write(wrote, chunkFrom(data, wrote))
	}
	wrote--
	if !errors.Is(err, ErrFull) {
		t.Fatalf("got %v, want ErrFull", err)
	}
	if got := p.Missing(); wrote == 0 || got[0] != wrote {
		t.Errorf("wrote %d chunks, missing %v", wrote, got)
	}
	if got, err := p.ReadChunk(0); err != nil || !bytes.Equal(got, chunkFrom(data, 0)) {
		t.Errorf("the first chunk: %d bytes, %v", len(got), err)
	}
	p.Close()
	again := begin(t, openAt(t, s.dir, Options{}), Sum(data), len(data), listFrom(data))
	defer again.Close()
	if slices.Contains(again.Missing(), 0) {
		t.Error("what was gathered is lost after a restart")
	}
}
