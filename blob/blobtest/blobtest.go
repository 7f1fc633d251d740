// Package blobtest says what it means to keep blobs: a store that passes Run
// can stand behind the node, be it a disk or a bucket.
package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"math/rand/v2"
	"sync"
	"testing"

	"mural/blob"
)

// Reader is a blob open for reading.
type Reader interface {
	io.ReadSeekCloser
	io.ReaderAt
	Info() blob.Info
}

// Store is the contract.
type Store interface {
	Put(ctx context.Context, r io.Reader, o blob.PutOptions) (blob.Info, error)
	Open(ctx context.Context, h blob.Hash) (Reader, error)
	Delete(h blob.Hash) error
	All(ctx context.Context) iter.Seq2[blob.Info, error]
}

// Run checks the contract on stores that open gives, each empty.
func Run(t *testing.T, open func(t *testing.T) Store) {
	for _, c := range []struct {
		promise string
		check   func(*testing.T, Store)
	}{
		{"what is put comes back, whatever its size", roundTrip},
		{"any part can be read", parts},
		{"seeking follows io.Seeker", seeking},
		{"what is not here is fs.ErrNotExist", absent},
		{"a wrong hash stores nothing", mismatch},
		{"a blob over the limit stores nothing", tooLarge},
		{"a reader that fails stores nothing", failingReader},
		{"a check that refuses stores nothing", refusedByCheck},
		{"a put that is cancelled stores nothing", cancelled},
		{"putting twice keeps one, with its first type", twice},
		{"putting one blob at once from many sides keeps one", together},
		{"all gives every blob once, ascending", all},
		{"a blob that is deleted is gone", deleted},
		{"a reader outlives the deletion", readWhileDeleted},
	} {
		t.Run(c.promise, func(t *testing.T) { c.check(t, open(t)) })
	}
}

// Sizes are those at which chunking goes wrong if it does, in bytes.
var Sizes = []int{0, 1, 31, 4096, blob.ChunkSize - 1, blob.ChunkSize, blob.ChunkSize + 1, 3 * blob.ChunkSize, 3*blob.ChunkSize + 5}

// Noise gives n bytes, the same for the same seed.
func Noise(seed byte, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

func put(t *testing.T, s Store, data []byte, mime string) blob.Info {
	t.Helper()
	info, err := s.Put(context.Background(), bytes.NewReader(data), blob.PutOptions{Type: mime})
	if err != nil {
		t.Fatalf("putting %d bytes: %v", len(data), err)
	}
	return info
}

func open(t *testing.T, s Store, h blob.Hash) Reader {
	t.Helper()
	f, err := s.Open(context.Background(), h)
	if err != nil {
		t.Fatalf("opening %s: %v", h, err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// own gives the blobs that are not chunk lists, which a store may keep beside.
func own(t *testing.T, s Store) (infos []blob.Info) {
	t.Helper()
	for info, err := range s.All(context.Background()) {
		if err != nil {
			t.Fatalf("listing: %v", err)
		}
		if info.Type != blob.ListType {
			infos = append(infos, info)
		}
	}
	return infos
}

func wantEmpty(t *testing.T, s Store) {
	t.Helper()
	for info, err := range s.All(context.Background()) {
		t.Errorf("stored all the same: %+v, %v", info, err)
	}
}

func roundTrip(t *testing.T, s Store) {
	for _, n := range Sizes {
		data := Noise(1, n)
		info := put(t, s, data, "video/mp4")
		if info.Hash != blob.Sum(data) || info.Size != int64(n) || info.Type != "video/mp4" || info.At.IsZero() {
			t.Errorf("%d bytes: put says %+v", n, info)
		}
		f := open(t, s, info.Hash)
		if got := f.Info(); got.Hash != info.Hash || got.Size != info.Size || got.Type != info.Type || !got.At.Equal(info.At) {
			t.Errorf("%d bytes: open says %+v, put said %+v", n, got, info)
		}
		if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes: read %d, %v", n, len(got), err)
		}
	}
}

func parts(t *testing.T, s Store) {
	data := Noise(2, 3*blob.ChunkSize+5)
	f := open(t, s, put(t, s, data, "").Hash)
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		off := rnd.IntN(len(data) + 10)
		p := make([]byte, 1+rnd.IntN(2*blob.ChunkSize))
		n, err := f.ReadAt(p, int64(off))
		want := data[min(off, len(data)):min(off+len(p), len(data))]
		if !bytes.Equal(p[:n], want) || (n < len(p)) != (err == io.EOF) || err != nil && err != io.EOF {
			t.Fatalf("ReadAt(%d bytes, %d): %d bytes, %v; want %d", len(p), off, n, err, len(want))
		}
	}
	if _, err := f.ReadAt(make([]byte, 1), -1); err == nil || err == io.EOF {
		t.Errorf("ReadAt before the beginning: %v", err)
	}
}

func seeking(t *testing.T, s Store) {
	data := Noise(3, 1000)
	f := open(t, s, put(t, s, data, "").Hash)
	for _, c := range []struct {
		offset int64
		whence int
		want   int64
	}{{10, io.SeekStart, 10}, {5, io.SeekCurrent, 15}, {-100, io.SeekEnd, 900}, {0, io.SeekEnd, 1000}, {2000, io.SeekStart, 2000}} {
		at, err := f.Seek(c.offset, c.whence)
		if err != nil || at != c.want {
			t.Fatalf("Seek(%d, %d): %d, %v; want %d", c.offset, c.whence, at, err, c.want)
		}
		got, err := io.ReadAll(f)
		if err != nil || !bytes.Equal(got, data[min(at, 1000):]) {
			t.Fatalf("reading from %d: %d bytes, %v", at, len(got), err)
		}
		if _, err := f.Seek(c.want, io.SeekStart); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.Seek(-1, io.SeekStart); err == nil {
		t.Error("seeking before the beginning is no error")
	}
}

func absent(t *testing.T, s Store) {
	h := blob.Sum([]byte("nobody put this"))
	if _, err := s.Open(context.Background(), h); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open: %v", err)
	}
	if err := s.Delete(h); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Delete: %v", err)
	}
}

func mismatch(t *testing.T, s Store) {
	want := blob.Sum([]byte("another"))
	_, err := s.Put(context.Background(), bytes.NewReader(Noise(4, 2*blob.ChunkSize)), blob.PutOptions{Want: &want})
	if !errors.Is(err, blob.ErrMismatch) {
		t.Errorf("got %v, want ErrMismatch", err)
	}
	wantEmpty(t, s)
}

func tooLarge(t *testing.T, s Store) {
	limit := int64(blob.ChunkSize + 10)
	if _, err := s.Put(context.Background(), bytes.NewReader(make([]byte, limit+1)), blob.PutOptions{MaxBytes: limit}); !errors.Is(err, blob.ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
	wantEmpty(t, s)
	if _, err := s.Put(context.Background(), bytes.NewReader(make([]byte, limit)), blob.PutOptions{MaxBytes: limit}); err != nil {
		t.Errorf("exactly the limit: %v", err)
	}
}

func failingReader(t *testing.T, s Store) {
	for _, cause := range []error{errors.New("the line broke"), io.ErrUnexpectedEOF} {
		for _, n := range Sizes {
			r := io.MultiReader(bytes.NewReader(Noise(5, n)), failing{cause})
			if _, err := s.Put(context.Background(), r, blob.PutOptions{}); !errors.Is(err, cause) {
				t.Errorf("after %d bytes: got %v, want %v", n, err, cause)
			}
		}
	}
	wantEmpty(t, s)
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func refusedByCheck(t *testing.T, s Store) {
	data, cause := Noise(6, blob.ChunkSize+1), errors.New("it carries a location")
	o := blob.PutOptions{Check: func(whole io.ReadSeeker, info blob.Info) error {
		if got, err := io.ReadAll(whole); err != nil || !bytes.Equal(got, data) || info.Hash != blob.Sum(data) {
			t.Errorf("the check sees %d bytes of %+v, %v", len(got), info, err)
		}
		return cause
	}}
	if _, err := s.Put(context.Background(), bytes.NewReader(data), o); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
	wantEmpty(t, s)
}

func cancelled(t *testing.T, s Store) {
	ctx, cancel := context.WithCancel(context.Background())
	r := io.MultiReader(bytes.NewReader(Noise(7, 2*blob.ChunkSize)), endless{cancel})
	if _, err := s.Put(ctx, r, blob.PutOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	wantEmpty(t, s)
}

// endless cancels when it is first read, and never ends.
type endless struct{ cancel func() }

func (e endless) Read(p []byte) (int, error) { e.cancel(); return len(p), nil }

func twice(t *testing.T, s Store) {
	data := Noise(8, 2*blob.ChunkSize)
	first := put(t, s, data, "audio/mpeg")
	second := put(t, s, data, "text/html")
	if second.Type != "audio/mpeg" || !second.At.Equal(first.At) {
		t.Errorf("first %+v, second %+v", first, second)
	}
	if got := own(t, s); len(got) != 1 {
		t.Errorf("%d blobs", len(got))
	}
}

func together(t *testing.T, s Store) {
	data := Noise(9, 3*blob.ChunkSize+1)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			info, err := s.Put(context.Background(), bytes.NewReader(data), blob.PutOptions{})
			if err != nil {
				t.Errorf("putting: %v", err)
				return
			}
			f, err := s.Open(context.Background(), info.Hash)
			if err != nil {
				t.Errorf("opening: %v", err)
				return
			}
			defer f.Close()
			if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, data) {
				t.Errorf("read %d bytes, %v", len(got), err)
			}
		})
	}
	wg.Wait()
	if got := own(t, s); len(got) != 1 {
		t.Errorf("%d blobs", len(got))
	}
}

func all(t *testing.T, s Store) {
	want := map[blob.Hash]bool{}
	for i := range 40 {
		want[put(t, s, fmt.Appendf(nil, "blob %d", i), "text/plain").Hash] = true
	}
	var last blob.Hash
	for _, info := range own(t, s) {
		if !want[info.Hash] || info.Type != "text/plain" || info.Size == 0 {
			t.Errorf("unexpected %+v", info)
		}
		if bytes.Compare(info.Hash[:], last[:]) <= 0 {
			t.Errorf("%s does not come after %s", info.Hash, last)
		}
		last = info.Hash
		delete(want, info.Hash)
	}
	if len(want) != 0 {
		t.Errorf("%d blobs not listed", len(want))
	}
	for range s.All(context.Background()) {
		break // stopping early must not panic
	}
}

func deleted(t *testing.T, s Store) {
	h := put(t, s, Noise(10, 2*blob.ChunkSize), "").Hash
	if err := s.Delete(h); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(context.Background(), h); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open: %v", err)
	}
	wantEmpty(t, s) // its chunk list is gone too
	put(t, s, Noise(10, 2*blob.ChunkSize), "")
}

func readWhileDeleted(t *testing.T, s Store) {
	data := Noise(11, 3*blob.ChunkSize)
	h := put(t, s, data, "").Hash
	f := open(t, s, h)
	if _, err := io.ReadFull(f, make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(h); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(f); err != nil || !bytes.Equal(rest, data[100:]) {
		t.Errorf("read %d bytes, %v", len(rest), err)
	}
}
