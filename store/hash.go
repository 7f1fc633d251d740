package store

import (
	"crypto/sha256"
	"encoding/binary"

	"mural/event"
)

// MaxCreatedAt is the largest created_at that fits the rank, in Unix seconds: the year 2242.
const MaxCreatedAt = 1<<(63-tieBits) - 1

const tieBits = 30 // bits of the id in the rank

// rank orders events as queries give them, newest first and lowest id first
// among those of one second: the larger rank comes first. Events of one second
// whose ids share 30 bits share a rank; who cuts a list looks at their ids.
func rank(createdAt int64, id event.ID) int64 {
	return createdAt<<tieBits | int64(^binary.BigEndian.Uint32(id[:4])>>(32-tieBits))
}

// rankFrom is the smallest rank of that second.
func rankFrom(createdAt int64) int64 { return createdAt << tieBits }

func prefix(id event.ID) int64 { return int64(binary.BigEndian.Uint64(id[:8])) }

// Lists of postings that are not tags. Tag names are printable.
const (
	listAuthor  = 0
	listHidden  = 1 // versions of an author that are kept and superseded
	listAddress = 2
)

// kindList is where every visible event of a kind has a posting. Should a hash
// come to the same number, the event has that posting anyway.
const kindList int64 = 0

// hash names a list of postings: those of a single-letter tag with that value, or one of the above.
func hash(list byte, value string) int64 {
	var buf [128]byte
	sum := sha256.Sum256(append(append(buf[:0], list), value...))
	return int64(binary.BigEndian.Uint64(sum[:8]))
}

func authorHash(pk event.PubKey) int64 { return hash(listAuthor, string(pk[:])) }
func hiddenHash(pk event.PubKey) int64 { return hash(listHidden, string(pk[:])) }
