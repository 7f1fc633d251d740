package blob

import (
	"crypto/sha256"
	"fmt"
)

// ListType is the media type under which chunk lists are stored.
const ListType = "application/vnd.mural.chunks"

// List is a chunk list: the SHA-256 of every chunk of a file, in order.
// It is a claim until the whole file hashed to its name. The zero value is
// the list of the empty file. A List is not changed after it was made.
type List struct{ raw []byte }

// ParseList reads a chunk list: concatenated 32-byte hashes, at most
// MaxListBytes. It keeps its own copy. Anything else is ErrMalformed.
func ParseList(raw []byte) (List, error) {
	if len(raw) > MaxListBytes {
		return List{}, fmt.Errorf("%w: a chunk list has at most %d bytes, not %d", ErrMalformed, MaxListBytes, len(raw))
	}
	if len(raw)%HashBytes != 0 {
		return List{}, fmt.Errorf("%w: a chunk list is a multiple of %d bytes, not %d", ErrMalformed, HashBytes, len(raw))
	}
	return List{append([]byte(nil), raw...)}, nil
}

// Len is the number of chunks.
func (l List) Len() int { return len(l.raw) / HashBytes }

// Chunk gives the SHA-256 of chunk i; i must be below Len.
func (l List) Chunk(i int) Hash { return Hash(l.raw[i*HashBytes : (i+1)*HashBytes]) }

// Hash names the list as a blob: the `chunks` field of imeta.
func (l List) Hash() Hash { return sha256.Sum256(l.raw) }

// Bytes gives the list as stored. The caller must not change it.
func (l List) Bytes() []byte { return l.raw }

// Fits says whether a file of size bytes has as many chunks as the list.
func (l List) Fits(size int64) bool { return size >= 0 && int64(l.Len()) == chunksOf(size) }

// Check says whether data is chunk i of a file of size bytes; if not, ErrBadChunk.
func (l List) Check(size int64, i int, data []byte) error {
	if i < 0 || i >= l.Len() {
		return fmt.Errorf("%w: there is no chunk %d of %d", ErrBadChunk, i, l.Len())
	}
	if want := ChunkLen(size, i); len(data) != want {
		return fmt.Errorf("%w: chunk %d has %d bytes, not %d", ErrBadChunk, i, want, len(data))
	}
	if Sum(data) != l.Chunk(i) {
		return fmt.Errorf("%w: chunk %d", ErrBadChunk, i)
	}
	return nil
}

// ChunkLen is the number of bytes of chunk i in a file of size bytes; 0 where there is none.
func ChunkLen(size int64, i int) int {
	left := size - int64(i)*ChunkSize
	return int(max(0, min(left, ChunkSize)))
}

// chunksOf is the number of chunks of a file of size bytes.
func chunksOf(size int64) int64 { return (size + ChunkSize - 1) / ChunkSize }

// listOf builds a list while a file streams by.
type listOf struct{ raw []byte }

func (b *listOf) add(chunk []byte) {
	sum := sha256.Sum256(chunk)
	b.raw = append(b.raw, sum[:]...)
}

func (b *listOf) list() List { return List{b.raw} }
