package negentropy

import (
	"bytes"
	"cmp"
	"fmt"

	"mural/event"
)

// version is the first byte of every message of protocol version 1.
const version = 0x61

// What a range says of its items.
const (
	modeSkip        = 0 // nothing to do here
	modeFingerprint = 1 // their digest
	modeIDs         = 2 // all their ids
)

const (
	idSize    = 32
	maxVarint = 10 // bytes of the longest varint of 64 bits
	maxBound  = maxVarint + 1 + idSize
)

// bound is the upper end of a range, not included. The bytes of id beyond
// idLen are zero; idLen only says how many of them to write.
type bound struct {
	time  uint64
	id    event.ID
	idLen int
}

func compareBound(a, b bound) int {
	if c := cmp.Compare(a.time, b.time); c != 0 {
		return c
	}
	return bytes.Compare(a.id[:], b.id[:])
}

// reader takes a message apart. Every length is checked against what is left
// before anything is made of it.
type reader struct {
	b    []byte
	time uint64 // of the last bound
}

func (r *reader) fail(what string) error {
	return fmt.Errorf("%w: %s, %d bytes before its end", ErrMalformed, what, len(r.b))
}

func (r *reader) varint() (uint64, error) {
	var n uint64
	for i, c := range r.b {
		if i == 0 && c == 0x80 {
			return 0, r.fail("number with leading zeros")
		}
		if n > infinity>>7 {
			return 0, r.fail("number over 64 bits")
		}
		n = n<<7 | uint64(c&0x7f)
		if c < 0x80 {
			r.b = r.b[i+1:]
			return n, nil
		}
	}
	return 0, r.fail("cut off in a number")
}

// bytes takes n bytes, which stay part of the message.
func (r *reader) bytes(n uint64) ([]byte, error) {
	if n > uint64(len(r.b)) {
		return nil, r.fail("cut off")
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken, nil
}

func (r *reader) bound() (b bound, err error) {
	offset, err := r.varint()
	if err != nil {
		return b, err
	}
	// 0 means infinity, anything else 1 + the distance; too far saturates.
	if offset == 0 || offset-1 > infinity-r.time {
		r.time = infinity
	} else {
		r.time += offset - 1
	}
	n, err := r.varint()
	if err != nil {
		return b, err
	}
	if n > idSize {
		return b, r.fail("id prefix over 32 bytes")
	}
	prefix, err := r.bytes(n)
	b.time, b.idLen = r.time, int(n)
	copy(b.id[:], prefix)
	return b, err
}

// ids takes a counted list of ids, 32 bytes each.
func (r *reader) ids() ([]byte, error) {
	n, err := r.varint()
	if err != nil {
		return nil, err
	}
	if n > uint64(len(r.b)/idSize) {
		return nil, r.fail("more ids counted than sent")
	}
	return r.bytes(n * idSize)
}

// writer puts a message together.
type writer struct {
	b    []byte
	time uint64 // of the last bound
}

func (w *writer) bound(b bound) {
	if b.time == infinity {
		w.b = appendVarint(w.b, 0)
	} else {
		w.b = appendVarint(w.b, b.time-w.time+1)
	}
	w.time = b.time
	w.b = appendVarint(w.b, uint64(b.idLen))
	w.b = append(w.b, b.id[:b.idLen]...)
}

func (w *writer) skip(to bound) {
	w.bound(to)
	w.b = append(w.b, modeSkip)
}

func (w *writer) fingerprint(to bound, fp [fingerprintSize]byte) {
	w.bound(to)
	w.b = append(append(w.b, modeFingerprint), fp[:]...)
}

func (w *writer) ids(to bound, items []event.Stamp) {
	w.bound(to)
	w.b = appendVarint(append(w.b, modeIDs), uint64(len(items)))
	for _, st := range items {
		w.b = append(w.b, st.ID[:]...)
	}
}

// appendVarint writes base 128, most significant digit first, the high bit set
// on every byte but the last.
func appendVarint(b []byte, n uint64) []byte {
	var digits [maxVarint]byte
	i := len(digits) - 1
	digits[i] = byte(n & 0x7f)
	for n >>= 7; n > 0; n >>= 7 {
		i--
		digits[i] = byte(n&0x7f) | 0x80
	}
	return append(b, digits[i:]...)
}
