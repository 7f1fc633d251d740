package blob

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"sync"
	"testing"
	"time"
)

// listFrom gives the true list of data.
func listFrom(data []byte) List {
	sums := newSums()
	for c := range slices.Chunk(data, ChunkSize) {
		sums.Write(c)
	}
	return sums.whole("").list
}

func chunkFrom(data []byte, i int) []byte {
	return data[i*ChunkSize : min((i+1)*ChunkSize, len(data))]
}

func begin(t *testing.T, s *Store, h Hash, size int, l List) *Partial {
	t.Helper()
	p, err := s.Partial(context.Background(), h, int64(size), l)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func write(t *testing.T, p *Partial, data []byte, chunks ...int) {
	t.Helper()
	for _, i := range chunks {
		if err := p.Write(i, chunkFrom(data, i)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPartialResumesAfterARestart(t *testing.T) {
	ctx := context.Background()
	s := open(t, Options{})
	data := noise(20, 5*ChunkSize+3)
	h, l := Sum(data), listFrom(data)
	p := begin(t, s, h, len(data), l)
	write(t, p, data, 4, 1, 5)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}

	s = openAt(t, s.dir, Options{})
	p = begin(t, s, h, len(data), l)
	if got, want := p.Missing(), []int{0, 2, 3}; !slices.Equal(got, want) {
		t.Fatalf("missing %v, want %v", got, want)
	}
	if got, want := p.HaveBytes(), int64(2*ChunkSize+3); got != want {
		t.Errorf("have %d bytes, want %d", got, want)
	}
	if _, err := p.Finish(ctx); !errors.Is(err, ErrIncomplete) {
		t.Errorf("Finish too early: %v", err)
	}
	if _, err := s.Open(ctx, h); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("half of it is open to readers: %v", err)
	}
	p.SetType("video/mp4")
	write(t, p, data, 0, 2, 3)
	info, err := p.Finish(ctx)
	if err != nil || info.Hash != h || info.Size != int64(len(data)) || info.Type != "video/mp4" {
		t.Fatalf("got %+v, %v", info, err)
	}
	if got, err := readAll(s, h); err != nil || !bytes.Equal(got, data) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	if err := p.Write(0, chunkFrom(data, 0)); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("writing afterwards: %v", err)
	}
	if rest, err := s.Partials(); err != nil || len(rest) != 0 {
		t.Errorf("left %v, %v", rest, err)
	}
	if _, err := s.Partial(ctx, h, int64(len(data)), l); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a partial of a whole blob: %v", err)
	}
}

// What a power cut may leave: a chunk that was noted and never reached the disk,
// and a note that ends in the middle.
func TestResumptionTrustsNothing(t *testing.T) {
	s := open(t, Options{})
	data := noise(21, 4*ChunkSize)
	h, l := Sum(data), listFrom(data)
	p := begin(t, s, h, len(data), l)
	write(t, p, data, 0, 1, 2)
	dir := p.dir()
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(dir+"/"+partialData, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(make([]byte, 4096), ChunkSize); err != nil {
		t.Fatal(err)
	}
	f.Close()
	note, err := os.OpenFile(dir+"/"+partialNote, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := note.Write([]byte{0xff, 0xff, 0xff, 0xff, 0, 0}); err != nil {
		t.Fatal(err)
	}
	note.Close()
	p = begin(t, openAt(t, s.dir, Options{}), h, len(data), l)
	defer p.Close()
	if got, want := p.Missing(), []int{1, 3}; !slices.Equal(got, want) {
		t.Errorf("missing %v, want %v", got, want)
	}
}

func TestPartialTakesOnlyChunksOfItsList(t *testing.T) {
	s := open(t, Options{})
	data := noise(22, 2*ChunkSize+10)
	p := begin(t, s, Sum(data), len(data), listFrom(data))
	defer p.Close()
	long := append(bytes.Clone(chunkFrom(data, 2)), 0)
	for name, c := range map[string]struct {
		i    int
		data []byte
	}{
		"another chunk": {0, chunkFrom(data, 1)}, "too short": {0, chunkFrom(data, 0)[1:]}, "too long": {2, long},
		"nothing": {0, nil}, "no such chunk": {3, chunkFrom(data, 2)}, "before the first": {-1, chunkFrom(data, 0)},
	} {
		if err := p.Write(c.i, c.data); !errors.Is(err, ErrBadChunk) {
			t.Errorf("%s: got %v, want ErrBadChunk", name, err)
		}
	}
	if len(p.Missing()) != 3 {
		t.Errorf("missing %v", p.Missing())
	}
}

// A list is a claim: its chunks may all match and the whole be another file.
func TestFalseListIsDropped(t *testing.T) {
	ctx := context.Background()
	s := open(t, Options{})
	film, fake := noise(23, 3*ChunkSize), noise(24, 3*ChunkSize)
	p := begin(t, s, Sum(film), len(film), listFrom(fake))
	write(t, p, fake, 0, 1, 2)
	if _, err := p.Finish(ctx); !errors.Is(err, ErrFalseList) {
		t.Fatalf("got %v, want ErrFalseList", err)
	}
	for _, h := range []Hash{Sum(film), Sum(fake)} {
		if _, err := s.Stat(h); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is here: %v", h, err)
		}
	}
	if rest, err := s.Partials(); err != nil || len(rest) != 0 {
		t.Errorf("left %v, %v", rest, err)
	}
	p.Close()
	p = begin(t, s, Sum(film), len(film), listFrom(film))
	defer p.Close()
	if len(p.Missing()) != 3 {
		t.Errorf("chunks of the false list count for the true one: missing %v", p.Missing())
	}
	if _, err := s.Partial(ctx, Sum(film), int64(len(film))+ChunkSize, listFrom(film)); !errors.Is(err, ErrFalseList) {
		t.Errorf("a list that is too short: %v", err)
	}
	if _, err := s.Partial(ctx, Sum(film), -1, List{}); !errors.Is(err, ErrFalseList) {
		t.Errorf("a negative size: %v", err)
	}
	if _, err := s.Partial(ctx, Sum(film), MaxBlobBytes+1, List{}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a size over the limit: %v", err)
	}
}

// A disk that loses a gathered chunk must not make an honest list look false.
func TestDamageIsNotBlamedOnTheList(t *testing.T) {
	ctx := context.Background()
	s := open(t, Options{})
	data := noise(25, 3*ChunkSize)
	p := begin(t, s, Sum(data), len(data), listFrom(data))
	defer p.Close()
	write(t, p, data, 0, 1, 2)
	if _, err := p.data.WriteAt([]byte("bad"), ChunkSize+9); err != nil {
		t.Fatal(err)
	}
	if _, err := p.ReadChunk(0); err != nil {
		t.Error(err)
	}
	if _, err := p.Finish(ctx); !errors.Is(err, ErrDamaged) || errors.Is(err, ErrFalseList) {
		t.Fatalf("got %v, want ErrDamaged", err)
	}
	if got := p.Missing(); !slices.Equal(got, []int{1}) {
		t.Errorf("missing %v, want the damaged chunk", got)
	}
	write(t, p, data, 1)
	if _, err := p.Finish(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestPartialReadAt(t *testing.T) {
	s := open(t, Options{})
	data := noise(26, 3*ChunkSize+100)
	p := begin(t, s, Sum(data), len(data), listFrom(data))
	defer p.Close()
	write(t, p, data, 1, 3)
	b := make([]byte, 200)
	if n, err := p.ReadAt(b, ChunkSize+7); err != nil || !bytes.Equal(b[:n], data[ChunkSize+7:ChunkSize+207]) {
		t.Errorf("within a chunk: %d, %v", n, err)
	}
	if n, err := p.ReadAt(b, 2*ChunkSize-50); !errors.Is(err, ErrIncomplete) || n != 50 {
		t.Errorf("into a missing chunk: %d, %v", n, err)
	}
	if n, err := p.ReadAt(b, 3*ChunkSize+50); err != io.EOF || n != 50 {
		t.Errorf("over the end: %d, %v", n, err)
	}
	if _, err := p.ReadAt(b, int64(len(data))); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

func TestPartialIsSharedAndConcurrent(t *testing.T) {
	s := open(t, Options{})
	data := noise(27, 16*ChunkSize)
	var wg sync.WaitGroup
	for k := range 4 {
		wg.Go(func() {
			p, err := s.Partial(context.Background(), Sum(data), int64(len(data)), listFrom(data))
			if err != nil {
				t.Error(err)
				return
			}
			defer p.Close()
			for i := range 16 {
				if i%4 == k || i%3 == 0 {
					if err := p.Write(i, chunkFrom(data, i)); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	p := begin(t, s, Sum(data), len(data), listFrom(data))
	defer p.Close()
	if info, err := p.Finish(context.Background()); err != nil || info.Hash != Sum(data) {
		t.Fatalf("%+v, %v", info, err)
	}
}

func TestSmallAndEmptyPartials(t *testing.T) {
	ctx := context.Background()
	s := open(t, Options{})
	for _, n := range []int{0, 1, ChunkSize} {
		data := noise(28, n)
		p := begin(t, s, Sum(data), n, listFrom(data))
		if n > 0 {
			write(t, p, data, 0)
		}
		if info, err := p.Finish(ctx); err != nil || info.Hash != Sum(data) {
			t.Errorf("%d bytes: %+v, %v", n, info, err)
		}
		p.Close()
	}
}

func TestOldPartialsAreForgotten(t *testing.T) {
	s := open(t, Options{})
	data := noise(29, 2*ChunkSize)
	p := begin(t, s, Sum(data), len(data), listFrom(data))
	write(t, p, data, 0)
	p.Close()
	later := func() time.Time { return time.Now().Add(PartialKeep - time.Hour) }
	if rest, err := openAt(t, s.dir, Options{Now: later}).Partials(); err != nil || len(rest) != 1 {
		t.Errorf("too early: %v, %v", rest, err)
	}
	later = func() time.Time { return time.Now().Add(PartialKeep + time.Hour) }
	if rest, err := openAt(t, s.dir, Options{Now: later}).Partials(); err != nil || len(rest) != 0 {
		t.Errorf("still there: %v, %v", rest, err)
	}
}

// An author's deletion leaves nothing: not the blob, its list, a half copy or a damaged one.
func TestDeleteLeavesNothing(t *testing.T) {
	s := open(t, Options{})
	data := noise(30, 3*ChunkSize)
	h := put(t, s, data).Hash
	flip(t, s, h, 0)
	if _, err := readAll(s, h); !errors.Is(err, ErrDamaged) {
		t.Fatal(err)
	}
	begin(t, s, h, len(data), listFrom(noise(31, 3*ChunkSize))).Close()
	put(t, s, data)
	flip(t, s, h, 0)
	if _, err := readAll(s, h); !errors.Is(err, ErrDamaged) {
		t.Fatal(err)
	}
	if err := s.Delete(h); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Delete of a blob in quarantine: %v", err)
	}
	err := fs.WalkDir(os.DirFS(s.dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			t.Errorf("left: %s", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
