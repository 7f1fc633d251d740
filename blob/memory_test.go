package blob

import (
	"context"
	"io"
	"runtime"
	"testing"
)

// zeros gives n zero bytes without holding them.
type zeros struct{ n int64 }

func (z *zeros) Read(p []byte) (int, error) {
	if z.n == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), z.n)
	clear(p[:n])
	z.n -= n
	return int(n), nil
}

// Never a whole blob in memory: 64 MiB are stored and read with a few chunks' worth of allocation.
func TestMemoryDoesNotGrowWithTheBlob(t *testing.T) {
	const size, bound = 64 << 20, 4 << 20 // bytes
	s := open(t, Options{})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	info, err := s.Put(context.Background(), &zeros{size}, PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := s.Open(context.Background(), info.Hash)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if n, err := io.Copy(io.Discard, struct{ io.Reader }{f}); err != nil || n != size {
		t.Fatalf("read %d, %v", n, err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > bound {
		t.Errorf("allocated %d bytes for a blob of %d", got, size)
	}
}
