// Package negentropy finds what two sets of events lack of each other, with
// messages that grow with the difference and not with the sets.
//
// It speaks the negentropy protocol, version 1 (0x61), on which NIP-77 rests:
// docs/protocol/negentropy.md has the wire form. One side initiates and keeps a
// Session; the other answers each message from its Set and keeps nothing.
package negentropy

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
	"sort"

	"mural/event"
)

// infinity is the timestamp of the bound above every item.
const infinity = math.MaxUint64

// fingerprintSize is the length of a fingerprint in bytes.
const fingerprintSize = 16

// sumStride is how many items lie between two stored sums: a fingerprint costs
// at most 2*(sumStride-1) additions, and a set 2 bytes an item instead of 32.
const sumStride = 16

// Set is an immutable sorted set of stamps that knows the fingerprint of any of
// its ranges in constant time. It may be used by many goroutines at once.
type Set struct {
	stamps []event.Stamp
	sums   []sum // sums[i] adds up the first i*sumStride ids
}

// New makes a set of stamps, sorted ascending by (created_at, id) as
// Store.Stamps gives them, and keeps the slice: the caller must not change it
// any more. Stamps that are not sorted or not distinct are sorted into a copy;
// a time before 1970 counts as 1970, since the wire has no sign.
func New(stamps []event.Stamp) *Set {
	s := &Set{stamps: ordered(stamps)}
	s.sums = make([]sum, 1, len(s.stamps)/sumStride+1)
	var total sum
	for i, st := range s.stamps {
		total = total.add(st.ID)
		if (i+1)%sumStride == 0 {
			s.sums = append(s.sums, total)
		}
	}
	return s
}

// Len is the number of items.
func (s *Set) Len() int { return len(s.stamps) }

func ordered(stamps []event.Stamp) []event.Stamp {
	fine := len(stamps) == 0 || stamps[0].CreatedAt >= 0
	for i := 1; fine && i < len(stamps); i++ {
		fine = compare(stamps[i-1], stamps[i]) < 0
	}
	if fine {
		return stamps
	}
	stamps = slices.Clone(stamps)
	for i := range stamps {
		stamps[i].CreatedAt = max(stamps[i].CreatedAt, 0)
	}
	slices.SortFunc(stamps, compare)
	return slices.Compact(stamps)
}

func compare(a, b event.Stamp) int {
	if c := cmp.Compare(a.CreatedAt, b.CreatedAt); c != 0 {
		return c
	}
	return bytes.Compare(a.ID[:], b.ID[:])
}

// fingerprint digests the items from lo up to hi, not included.
func (s *Set) fingerprint(lo, hi int) [fingerprintSize]byte {
	total := s.prefix(hi).sub(s.prefix(lo))
	var b [32 + maxVarint]byte
	for i, limb := range total {
		binary.LittleEndian.PutUint64(b[8*i:], limb)
	}
	h := sha256.Sum256(appendVarint(b[:32], uint64(hi-lo)))
	return [fingerprintSize]byte(h[:])
}

// prefix adds up the first n ids.
func (s *Set) prefix(n int) sum {
	total := s.sums[n/sumStride]
	for _, st := range s.stamps[n-n%sumStride : n] {
		total = total.add(st.ID)
	}
	return total
}

// lowerBound is the index of the first item, from index from on, that is not below b.
func (s *Set) lowerBound(from int, b bound) int {
	return from + sort.Search(len(s.stamps)-from, func(i int) bool {
		return compareBound(s.at(from+i), b) >= 0
	})
}

// at is the bound that stands exactly at item i.
func (s *Set) at(i int) bound {
	st := s.stamps[i]
	return bound{time: uint64(st.CreatedAt), id: st.ID, idLen: len(st.ID)}
}

// between is the shortest bound that separates item i-1 from item i.
func (s *Set) between(i int) bound {
	before, after := s.stamps[i-1], s.at(i)
	if uint64(before.CreatedAt) != after.time {
		return bound{time: after.time}
	}
	n := 0
	for before.ID[n] == after.id[n] {
		n++
	}
	cut := bound{time: after.time, idLen: n + 1}
	copy(cut.id[:n+1], after.id[:])
	return cut
}

// sum is an integer modulo 2^256, least significant limb first.
type sum [4]uint64

// add adds an id read as a little-endian number.
func (a sum) add(id event.ID) sum {
	var carry uint64
	for i := range a {
		a[i], carry = bits.Add64(a[i], binary.LittleEndian.Uint64(id[8*i:]), carry)
	}
	return a
}

func (a sum) sub(b sum) sum {
	var borrow uint64
	for i := range a {
		a[i], borrow = bits.Sub64(a[i], b[i], borrow)
	}
	return a
}
