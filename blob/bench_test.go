package blob

import (
	"context"
	"fmt"
	"io"
	"testing"
)

// BenchmarkPut: MB/s into the store, synced; small blobs show the cost of syncing.
func BenchmarkPut(b *testing.B) {
	for _, size := range []int64{32 << 10, 4 << 20, 64 << 20} {
		b.Run(fmt.Sprint(size>>10, "KiB"), func(b *testing.B) {
			s, err := Open(b.TempDir(), Options{})
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(size)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				// Different sizes are different blobs.
				if _, err := s.Put(context.Background(), &zeros{size + int64(i)}, PutOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRead: MB/s out of the store, every chunk checked, in the 32 KiB
// pieces in which HTTP takes them.
func BenchmarkRead(b *testing.B) {
	const size = 64 << 20
	s, err := Open(b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	info, err := s.Put(context.Background(), &zeros{size}, PutOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		f, err := s.Open(context.Background(), info.Hash)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, struct{ io.Reader }{f}); err != nil {
			b.Fatal(err)
		}
		f.Close()
	}
}

// BenchmarkReadChunk: the cost of one chunk for a peer, opening included.
func BenchmarkReadChunk(b *testing.B) {
	s, err := Open(b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	info, err := s.Put(context.Background(), &zeros{16 << 20}, PutOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(ChunkSize)
	for i := 0; b.Loop(); i++ {
		if _, err := s.ReadChunk(context.Background(), info.Hash, i%64); err != nil {
			b.Fatal(err)
		}
	}
}
