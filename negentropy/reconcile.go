package negentropy

import (
	"errors"
	"fmt"

	"mural/event"
)

const (
	// MinFrame is the smallest frame limit in bytes; less is raised to it.
	MinFrame = 4096

	// DefaultFrame is the frame limit in bytes where none is given. As hex in a
	// NIP-77 message it stays under the 128 KiB that relays commonly take.
	DefaultFrame = 60_000

	// MaxMessage is the longest message in bytes that is read.
	MaxMessage = 4 << 20

	// MaxRounds is how many answers a session reads before it gives up on a
	// responder that never ends. Honest ones need about the logarithm of the
	// sets to base 16, plus the ids of the difference over the frame limit.
	MaxRounds = 4096

	// MaxNeed is how many ids a session learns that it needs before it ends
	// with ErrTooMany; what it said until then stands, and a later session,
	// when those are here, goes on from there. A responder may make ids up.
	MaxNeed = 1 << 20
)

const (
	buckets = 16 // parts of a range that is split

	// listBelow is the size under which a range is sent as ids, not split.
	listBelow = 2 * buckets

	// tailSize is kept free in every frame, in bytes, for what ends a frame
	// that is full: a skip, and a fingerprint of all the rest.
	tailSize = maxBound + 1 + maxBound + 1 + fingerprintSize
)

var (
	// ErrMalformed means a message that is no message of protocol version 1.
	ErrMalformed = errors.New("negentropy message is malformed")
	// ErrVersion means that the other side speaks another version.
	ErrVersion = errors.New("negentropy version is not supported")
	// ErrRounds means a session that took more than MaxRounds.
	ErrRounds = errors.New("negentropy session does not end")
	// ErrTooMany means a responder that claims more than MaxNeed ids.
	ErrTooMany = errors.New("negentropy session needs too many ids")
	// ErrDone means a message for a session that has ended.
	ErrDone = errors.New("negentropy session has ended")
)

// Session is the initiator's side of one reconciliation. It is used by one
// goroutine at a time.
type Session struct {
	set    *Set
	frame  int
	rounds int
	done   bool

	// What was reported. A responder whose frame was full asks again for all
	// that follows, settled ranges included, since it keeps no state.
	had    []uint64 // one bit per item of set
	needed map[event.ID]struct{}
}

// Initiate starts a session and gives its first message, which is at most 1 kB
// long. frameLimit bounds the bytes of every later one; 0 means DefaultFrame.
func (s *Set) Initiate(frameLimit int) (*Session, []byte) {
	x := exchange{set: s}
	x.out.b = append(x.out.b, version)
	x.split(0, s.Len(), bound{time: infinity})
	return &Session{
		set: s, frame: clampFrame(frameLimit),
		had: make([]uint64, (s.Len()+63)/64), needed: map[event.ID]struct{}{},
	}, x.out.b
}

// Next reads an answer and gives the next message to send, until done. have
// lists ids that only this side has, need ids that only the other side has, as
// far as this answer shows them; every difference is reported once in a session
// with an honest responder, and nothing else is. reply is nil when done.
//
// Errors wrap ErrMalformed, ErrVersion, ErrRounds, ErrTooMany or ErrDone; the
// session has then ended.
func (x *Session) Next(msg []byte) (reply []byte, have, need []event.ID, done bool, err error) {
	if x.done {
		return nil, nil, nil, true, fmt.Errorf("negentropy: %w", ErrDone)
	}
	x.done = true
	if x.rounds++; x.rounds > MaxRounds {
		return nil, nil, nil, true, fmt.Errorf("negentropy: %w after %d rounds", ErrRounds, MaxRounds)
	}
	ex, err := newExchange(x.set, msg, x.frame)
	if err != nil {
		return nil, nil, nil, true, err
	}
	ex.compareIDs = func(lo, hi int, theirs []byte) {
		unknown := idSet(theirs)
		have = x.appendHave(have, lo, hi, unknown)
		need = x.appendNeed(need, theirs, unknown)
	}
	if err := ex.run(); err != nil {
		return nil, nil, nil, true, fmt.Errorf("negentropy: reading an answer: %w", err)
	}
	if len(x.needed) > MaxNeed {
		return nil, have, need, true, fmt.Errorf("negentropy: %w: more than %d", ErrTooMany, MaxNeed)
	}
	if len(ex.out.b) == 1 {
		return nil, have, need, true, nil
	}
	x.done = false
	return ex.out.b, have, need, false, nil
}

// Respond answers one message of an initiator. It keeps no state, so that any
// Set can answer any message of a session; frameLimit bounds the answer's bytes,
// 0 means DefaultFrame. To another protocol version it answers with the byte of
// its own, as the protocol wants. Errors wrap ErrMalformed.
func (s *Set) Respond(msg []byte, frameLimit int) ([]byte, error) {
	ex, err := newExchange(s, msg, clampFrame(frameLimit))
	if errors.Is(err, ErrVersion) {
		return []byte{version}, nil
	}
	if err != nil {
		return nil, err
	}
	if err := ex.run(); err != nil {
		return nil, fmt.Errorf("negentropy: reading a query: %w", err)
	}
	return ex.out.b, nil
}

func clampFrame(limit int) int {
	if limit <= 0 {
		return DefaultFrame
	}
	return max(limit, MinFrame)
}

// idSet reads ids of 32 bytes each.
func idSet(list []byte) map[event.ID]struct{} {
	set := make(map[event.ID]struct{}, len(list)/idSize)
	for ; len(list) > 0; list = list[idSize:] {
		set[event.ID(list[:idSize])] = struct{}{}
	}
	return set
}

// appendHave appends what of the items from lo to hi the other side lacks, and
// takes out of theirs what both have.
func (x *Session) appendHave(have []event.ID, lo, hi int, theirs map[event.ID]struct{}) []event.ID {
	for i := lo; i < hi; i++ {
		id := x.set.stamps[i].ID
		if _, both := theirs[id]; both {
			delete(theirs, id)
			continue
		}
		if word, bit := &x.had[i/64], uint64(1)<<(i%64); *word&bit == 0 {
			*word |= bit
			have = append(have, id)
		}
	}
	return have
}

// appendNeed appends what is left in unknown, in the order of the list.
func (x *Session) appendNeed(need []event.ID, list []byte, unknown map[event.ID]struct{}) []event.ID {
	for ; len(list) > 0; list = list[idSize:] {
		id := event.ID(list[:idSize])
		if _, ok := unknown[id]; !ok {
			continue
		}
		if _, again := x.needed[id]; !again {
			x.needed[id] = struct{}{}
			need = append(need, id)
		}
	}
	return need
}

// exchange turns one message into the next.
//
// Between two ranges it holds: everything below last, which is item at, has
// been answered, by ranges in out or by a skip that is still to be written.
type exchange struct {
	set   *Set
	in    reader
	out   writer
	frame int

	last    bound
	at      int
	skipped bool // the range below last is a skip not yet written

	compareIDs func(lo, hi int, theirs []byte) // the initiator's; nil for the responder
}

func newExchange(s *Set, msg []byte, frame int) (*exchange, error) {
	if len(msg) > MaxMessage {
		return nil, fmt.Errorf("negentropy: %w: %d bytes, not at most %d", ErrMalformed, len(msg), MaxMessage)
	}
	if len(msg) == 0 || msg[0]&0xf0 != 0x60 {
		return nil, fmt.Errorf("negentropy: %w: no version byte", ErrMalformed)
	}
	if msg[0] != version {
		return nil, fmt.Errorf("negentropy: %w: version %d", ErrVersion, msg[0]&0x0f)
	}
	return &exchange{set: s, in: reader{b: msg[1:]}, out: writer{b: []byte{version}}, frame: frame}, nil
}

// run answers range by range until the message ends or the frame is full.
func (x *exchange) run() error {
	for len(x.in.b) > 0 {
		to, err := x.in.bound()
		if err != nil {
			return err
		}
		if compareBound(to, x.last) < 0 {
			return x.in.fail("ranges out of order")
		}
		fits, err := x.answer(x.set.lowerBound(x.at, to), to)
		if err != nil {
			return err
		}
		if !fits {
			x.tail()
			return nil
		}
	}
	return nil
}

// answer answers the range from x.last to to, which ends before item hi.
func (x *exchange) answer(hi int, to bound) (fits bool, err error) {
	mode, err := x.in.varint()
	if err != nil {
		return false, err
	}
	switch mode {
	case modeSkip:
		x.skipTo(hi, to)
		return true, nil
	case modeFingerprint:
		theirs, err := x.in.bytes(fingerprintSize)
		if err != nil {
			return false, err
		}
		return x.answerFingerprint([fingerprintSize]byte(theirs), hi, to), nil
	case modeIDs:
		theirs, err := x.in.ids()
		if err != nil {
			return false, err
		}
		if x.compareIDs == nil {
			return x.answerIDs(hi, to), nil
		}
		x.compareIDs(x.at, hi, theirs)
		x.skipTo(hi, to)
		return true, nil
	}
	return false, x.in.fail("unknown mode")
}

func (x *exchange) skipTo(hi int, to bound) {
	x.skipped, x.at, x.last = true, hi, to
}

func (x *exchange) answerFingerprint(theirs [fingerprintSize]byte, hi int, to bound) (fits bool) {
	if theirs == x.set.fingerprint(x.at, hi) {
		x.skipTo(hi, to)
		return true
	}
	before := x.out
	x.writeSkip()
	x.split(x.at, hi, to)
	if len(x.out.b) > x.frame-tailSize {
		x.out = before
		return false
	}
	x.skipped, x.at, x.last = false, hi, to
	return true
}

// answerIDs lists the items up to hi, or as many of them as fit.
func (x *exchange) answerIDs(hi int, to bound) (fits bool) {
	before := x.out
	x.writeSkip()
	room := x.frame - tailSize - len(x.out.b) - maxBound - 1 - maxVarint
	n := min(hi-x.at, max(room, 0)/idSize)
	if n < hi-x.at {
		if n == 0 {
			x.out = before
			return false
		}
		hi = x.at + n
		to = x.set.between(hi)
		fits = false
	} else {
		fits = true
	}
	x.out.ids(to, x.set.stamps[x.at:hi])
	x.skipped, x.at, x.last = false, hi, to
	return fits
}

func (x *exchange) writeSkip() {
	if x.skipped {
		x.out.skip(x.last)
	}
}

// tail ends a full frame with one fingerprint of everything not answered yet,
// so that the other side asks again and no difference is lost.
func (x *exchange) tail() {
	x.writeSkip()
	x.out.fingerprint(bound{time: infinity}, x.set.fingerprint(x.at, x.set.Len()))
}

// split describes the items from lo to hi: a few by their ids, more by the
// fingerprints of sixteen parts.
func (x *exchange) split(lo, hi int, to bound) {
	n := hi - lo
	if n < listBelow {
		x.out.ids(to, x.set.stamps[lo:hi])
		return
	}
	for i := range buckets {
		size := n / buckets
		if i < n%buckets {
			size++
		}
		end := to
		if lo+size < hi {
			end = x.set.between(lo + size)
		}
		x.out.fingerprint(end, x.set.fingerprint(lo, lo+size))
		lo += size
	}
}
