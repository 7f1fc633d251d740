package blob

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// noise gives n bytes that are the same for the same seed.
func noise(seed uint64, n int) []byte {
	b := make([]byte, n)
	var s [32]byte
	s[0] = byte(seed)
	rand.NewChaCha8(s).Read(b)
	return b
}

func open(t *testing.T, o Options) *Store {
	t.Helper()
	return openAt(t, t.TempDir(), o)
}

func openAt(t *testing.T, dir string, o Options) *Store {
	t.Helper()
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func put(t *testing.T, s *Store, data []byte) Info {
	t.Helper()
	info, err := s.Put(context.Background(), bytes.NewReader(data), PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func readAll(s *Store, h Hash) ([]byte, error) {
	f, err := s.Open(context.Background(), h)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// flip changes one byte of the file of a blob.
func flip(t *testing.T, s *Store, h Hash, at int64) {
	t.Helper()
	f, err := os.OpenFile(s.file(h), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1
	if _, err := f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
}

func tempFiles(t *testing.T, s *Store) []string {
	t.Helper()
	names, err := filepath.Glob(s.path(tmpDir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestPutIsAFileOfItsName(t *testing.T) {
	s := open(t, Options{})
	for _, n := range []int{0, 1, ChunkSize - 1, ChunkSize, ChunkSize + 1, 5*ChunkSize + 7} {
		data := noise(1, n)
		info := put(t, s, data)
		if info.Hash != Sum(data) || info.Size != int64(n) {
			t.Fatalf("%d bytes: got %+v", n, info)
		}
		name := info.Hash.String()
		onDisk, err := os.ReadFile(filepath.Join(s.dir, "blobs", name[:2], name[2:4], name))
		if err != nil || !bytes.Equal(onDisk, data) {
			t.Fatalf("%d bytes: on disk %d bytes, %v", n, len(onDisk), err)
		}
		if got, err := readAll(s, info.Hash); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%d bytes: read %d bytes, %v", n, len(got), err)
		}
	}
	if left := tempFiles(t, s); len(left) != 0 {
		t.Errorf("left in tmp: %v", left)
	}
}

func TestDamageIsFoundAtEveryChunk(t *testing.T) {
	for _, at := range []int64{0, ChunkSize - 1, ChunkSize, 3*ChunkSize + 1} {
		var told []Hash
		s := open(t, Options{OnDamaged: func(h Hash) { told = append(told, h) }})
		data := noise(2, 3*ChunkSize+2)
		h := put(t, s, data).Hash
		flip(t, s, h, at)
		got, err := readAll(s, h)
		if !errors.Is(err, ErrDamaged) {
			t.Fatalf("byte %d: got %v, want ErrDamaged", at, err)
		}
		if want := at / ChunkSize * ChunkSize; int64(len(got)) != want || !bytes.Equal(got, data[:want]) {
			t.Errorf("byte %d: %d bytes given out, want the %d before the damaged chunk", at, len(got), want)
		}
		if _, err := s.Stat(h); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("byte %d: Stat gives %v after quarantine", at, err)
		}
		if _, err := os.Stat(s.path(quarantineDir, h.String())); err != nil {
			t.Errorf("byte %d: not in quarantine: %v", at, err)
		}
		if len(told) != 1 || told[0] != h {
			t.Errorf("byte %d: told %v", at, told)
		}
	}
}

func TestDamagedBlobNeedsOnlyItsBadChunk(t *testing.T) {
	ctx := context.Background()
	s := open(t, Options{})
	data := noise(3, 4*ChunkSize+9)
	info, err := s.Put(ctx, bytes.NewReader(data), PutOptions{Type: "video/mp4"})
	if err != nil {
		t.Fatal(err)
	}
	list, err := s.ChunkList(ctx, info.Hash)
	if err != nil {
		t.Fatal(err)
	}
	flip(t, s, info.Hash, 2*ChunkSize+5)
	if _, err := readAll(s, info.Hash); !errors.Is(err, ErrDamaged) {
		t.Fatal(err)
	}
	p, err := s.Partial(ctx, info.Hash, info.Size, list)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if missing := p.Missing(); len(missing) != 1 || missing[0] != 2 {
		t.Fatalf("missing %v, want only chunk 2", missing)
	}
	if err := p.Write(2, data[2*ChunkSize:3*ChunkSize]); err != nil {
		t.Fatal(err)
	}
	again, err := p.Finish(ctx)
	if err != nil || again.Type != "video/mp4" {
		t.Fatalf("got %+v, %v", again, err)
	}
	if got, err := readAll(s, info.Hash); err != nil || !bytes.Equal(got, data) {
		t.Fatalf("healed blob: %d bytes, %v", len(got), err)
	}
}

func TestPutHealsADamagedBlob(t *testing.T) {
	s := open(t, Options{})
	data := noise(4, 2*ChunkSize)
	h := put(t, s, data).Hash
	flip(t, s, h, 7)
	put(t, s, data)
	if got, err := readAll(s, h); err != nil || !bytes.Equal(got, data) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
}

func TestLostSidecarAndListAreComputedAgain(t *testing.T) {
	ctx := context.Background()
	s := open(t, Options{})
	data := noise(5, 3*ChunkSize)
	h := put(t, s, data).Hash
	list, err := s.ChunkList(ctx, h)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{s.file(h) + sidecarSuffix, s.file(list.Hash())} {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	s = openAt(t, s.dir, Options{})
	again, err := s.ChunkList(ctx, h)
	if err != nil || again.Hash() != list.Hash() {
		t.Fatalf("list %s, %v; want %s", again.Hash(), err, list.Hash())
	}
	if _, err := s.Stat(list.Hash()); err != nil {
		t.Errorf("the list is not a blob again: %v", err)
	}
}

func TestOpenSweepsOnlyItsOwnLeftovers(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, dir, Options{})
	for _, name := range []string{"blob-123", "thumb-1.jpg"} {
		if err := os.WriteFile(s.path(tmpDir, name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s = openAt(t, dir, Options{})
	if left := tempFiles(t, s); len(left) != 1 || !strings.HasSuffix(left[0], "thumb-1.jpg") {
		t.Errorf("left in tmp: %v", left)
	}
}

func TestOriginalsAreNeverBlobs(t *testing.T) {
	ctx := context.Background()
	s := open(t, Options{})
	data := []byte("with a GPS position")
	info, err := s.PutOriginal(ctx, bytes.NewReader(data), PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Stat(info.Hash); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Stat: %v", err)
	}
	if _, err := s.Open(ctx, info.Hash); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open: %v", err)
	}
	for info := range s.All(ctx) {
		t.Errorf("All gives %s", info.Hash)
	}
	fi, err := os.Stat(s.path(originalsDir))
	if err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("originals has mode %v, %v", fi.Mode(), err)
	}
	f, err := s.OpenOriginal(info.Hash)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, data) {
		t.Errorf("original: %q, %v", got, err)
	}
	if err := s.DeleteOriginal(info.Hash); err != nil {
		t.Error(err)
	}
}

func TestOwners(t *testing.T) {
	ctx := context.Background()
	s := open(t, Options{})
	a, b := [32]byte{1}, [32]byte{2}
	one, two := Sum([]byte("1")), Sum([]byte("2"))
	for i, h := range []Hash{one, two} {
		if err := s.AddOwner(ctx, h, a); err != nil {
			t.Fatal(err)
		}
		at := time.Unix(int64(1000+i), 0)
		if err := os.Chtimes(s.path(ownersDir, "01"+strings.Repeat("00", 31), h.String()), at, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.AddOwner(ctx, one, b); err != nil {
		t.Fatal(err)
	}
	if err := s.AddOwner(ctx, one, a); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Uploads(ctx, a); err != nil || len(got) != 2 || got[0].Hash != two || got[1].Hash != one {
		t.Errorf("uploads of a: %v, %v", got, err)
	}
	if left, err := s.DropOwner(ctx, one, a); err != nil || left != 1 {
		t.Errorf("left %d, %v", left, err)
	}
	if _, err := s.DropOwner(ctx, two, b); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("dropping what is not owned: %v", err)
	}
}

// cutOff gives some bytes and then the error of an HTTP body that was cut off.
type cutOff struct{ r io.Reader }

func (c cutOff) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func TestABodyThatWasCutOffIsNotABlob(t *testing.T) {
	s := open(t, Options{})
	for _, n := range []int{0, 5, ChunkSize, ChunkSize + 5} {
		_, err := s.Put(context.Background(), cutOff{bytes.NewReader(noise(9, n))}, PutOptions{})
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes: got %v", n, err)
		}
	}
	if count, _ := s.Usage(); count != 0 {
		t.Errorf("%d blobs stored", count)
	}
	if left := tempFiles(t, s); len(left) != 0 {
		t.Errorf("left in tmp: %v", left)
	}
}
