package relay

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"math/bits"
	"strings"

	"mural/event"
)

// hll are the registers of a HyperLogLog over the authors of events (NIP-45),
// for clients that merge the counts of several relays.
type hll [256]uint8

// add counts an author. "Read the byte at position offset of the event pubkey,
// its value will be the register index; count the number of leading zero bits
// starting at position offset+1 of the event pubkey and add 1."
func (h *hll) add(author event.PubKey, offset int) {
	zeros := uint8(0)
	for _, b := range author[offset+1:] {
		zeros += uint8(bits.LeadingZeros8(b))
		if b != 0 {
			break
		}
	}
	register := &h[author[offset]]
	*register = max(*register, zeros+1)
}

func (h *hll) String() string { return hex.EncodeToString(h[:]) }

// hllOffset gives the offset for filters that qualify: one filter with one tag
// attribute of one item. For several attributes "the first" is a matter of how
// the JSON was written, and without one "behavior isn't yet defined". Only tags
// that point at events and persons qualify, as in the NIP's own list (reactions,
// reposts, quotes, replies, comments, followers): registers count authors, and
// clients such as NDK take them for the count, where "#t" asks for posts.
func hllOffset(filters []event.Filter) (offset int, ok bool) {
	if len(filters) != 1 || len(filters[0].Tags) != 1 || filters[0].Search != "" {
		return 0, false
	}
	for letter, values := range filters[0].Tags {
		if len(values) != 1 || !strings.ContainsRune("eEaAqpP", rune(letter)) {
			return 0, false
		}
		return hllOffsetOf(values[0]), true
	}
	return 0, false
}

// hllOffsetOf: an id or key "as it is", the key of an address, "anything else,
// hash it"; then "take the character at position 32, read that character as a
// base-16 number, add 8 to it".
func hllOffsetOf(item string) int {
	digest, err := hexOf(item)
	if err != nil {
		digest, err = hexOf(authorOf(item))
	}
	if err != nil {
		digest = sha256.Sum256([]byte(item))
	}
	return int(digest[16]>>4) + 8 // the first half of byte 16 is the character at position 32
}

// authorOf gives the key in an address, "" where it is none.
func authorOf(item string) string {
	parts := strings.SplitN(item, ":", 3)
	if len(parts) < 3 || parts[0] == "" || strings.Trim(parts[0], "0123456789") != "" {
		return ""
	}
	return parts[1]
}

func hexOf(s string) ([32]byte, error) {
	id, err := event.ParseID(s)
	return id, err
}

const (
	tallyPage    = 128    // events that are read at once to count their authors
	maxTallyPage = 1024   // events of one second that are told apart; no more than a REQ may ask for
	maxTally     = 20_000 // events that are read in all; an answer about more has no hll
)

// tally counts the events that match and may be seen, and their authors. It
// reads them page by page, newest first, and says false where they are too many.
func (c *conn) tally(ctx context.Context, f event.Filter, offset int) (n int, h hll, ok bool, err error) {
	var edge []event.ID // of the second that the next page begins with, counted already
	f.Limit = tallyPage
	for read := 0; read <= maxTally; {
		page, err := c.server.node.Query(ctx, f)
		if err != nil {
			return 0, h, false, err
		}
		fresh := without(page, edge)
		read += len(fresh)
		for _, e := range fresh {
			if c.sees(e) {
				h.add(e.PubKey, offset)
				n++
			}
		}
		if len(page) < f.Limit {
			return n, h, true, nil
		}
		last := page[len(page)-1].CreatedAt
		if len(fresh) == 0 && f.Limit < maxTallyPage {
			f.Limit *= 2 // all of one second
			continue
		}
		if len(fresh) == 0 || last <= 0 {
			return 0, h, false, nil
		}
		if last != f.Until {
			edge = edge[:0]
		}
		f.Until = last
		edge = appendEdge(edge, fresh, last)
	}
	return 0, h, false, nil
}

// without leaves out the events that edge names.
func without(page []*event.Event, edge []event.ID) []*event.Event {
	known := make(map[event.ID]bool, len(edge))
	for _, id := range edge {
		known[id] = true
	}
	fresh := make([]*event.Event, 0, len(page))
	for _, e := range page {
		if !known[e.ID] {
			fresh = append(fresh, e)
		}
	}
	return fresh
}

func appendEdge(edge []event.ID, fresh []*event.Event, second int64) []event.ID {
	for _, e := range fresh {
		if e.CreatedAt == second {
			edge = append(edge, e.ID)
		}
	}
	return edge
}
