package blob

import (
	"context"
	"encoding/hex"
	"testing"
)

// The example of docs/protocol/blobs.md, and the two rules for small files.
func TestChunkListOfTheSpecification(t *testing.T) {
	ctx := context.Background()
	s := open(t, Options{})
	for size, want := range map[int]string{
		ChunkSize + 1: "8a39d2abd3999ab73c34db2476849cddf303ce389b35826850f9a700589b4a90" +
			"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		0: "",
	} {
		info := put(t, s, make([]byte, size))
		l, err := s.ChunkList(ctx, info.Hash)
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(l.Bytes()); got != want {
			t.Errorf("%d zero bytes: got %s, want %s", size, got, want)
		}
		stored, err := readAll(s, l.Hash())
		if err != nil || hex.EncodeToString(stored) != want {
			t.Errorf("%d zero bytes: the list as a blob is %x, %v", size, stored, err)
		}
		if li, err := s.Stat(l.Hash()); err != nil || size > 0 && li.Type != ListType {
			t.Errorf("%d zero bytes: the list is %+v, %v", size, li, err)
		}
	}
}

// A list that somebody stored on purpose does not go with its file.
func TestListStoredOnPurposeStays(t *testing.T) {
	s := open(t, Options{})
	data := noise(60, 3*ChunkSize)
	h := put(t, s, data).Hash
	l := listFrom(data)
	put(t, s, l.Bytes())
	if err := s.Delete(h); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Stat(l.Hash()); err != nil {
		t.Errorf("the list is gone: %v", err)
	}
}

// Usage counts blobs and lists, and stays right without counting again.
func TestUsage(t *testing.T) {
	s := open(t, Options{})
	put(t, s, noise(61, 100))
	want := func(count int, bytes int64) {
		t.Helper()
		for _, s := range []*Store{s, openAt(t, s.dir, Options{})} {
			if c, b := s.Usage(); c != count || b != bytes {
				t.Errorf("got %d blobs of %d bytes, want %d of %d", c, b, count, bytes)
			}
		}
	}
	want(1, 100)
	h := put(t, s, noise(62, 2*ChunkSize)).Hash
	want(3, 100+2*ChunkSize+64)
	put(t, s, noise(62, 2*ChunkSize))
	want(3, 100+2*ChunkSize+64)
	flip(t, s, h, 0)
	_, _ = readAll(s, h) // to quarantine
	want(2, 164)
	put(t, s, noise(62, 2*ChunkSize))
	if err := s.Delete(h); err != nil {
		t.Fatal(err)
	}
	want(1, 100)
}
