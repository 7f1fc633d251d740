package relay

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"mural/event"
)

// NIP-45: "take the character at position 32; read that character as a base-16
// number; add 8 to it: the result is the offset".
func TestHLLOffset(t *testing.T) {
	id := strings.Repeat("1", 32) + "a" + strings.Repeat("2", 31)
	hashed := func(s string) int {
		digest := fmt.Sprintf("%x", sha256.Sum256([]byte(s)))
		n, err := strconv.ParseInt(digest[32:33], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		return int(n) + 8
	}
	for item, want := range map[string]int{
		id:                            10 + 8,
		strings.Repeat("0", 64):       8,
		strings.Repeat("f", 64):       15 + 8,
		"30023:" + id + ":a:b":        10 + 8,
		"30023:" + id + ":":           10 + 8,
		"30023:" + id:                 hashed("30023:" + id), // no address
		"x:" + id + ":d":              hashed("x:" + id + ":d"),
		strings.ToUpper(id):           hashed(strings.ToUpper(id)),
		"bitcoin":                     hashed("bitcoin"),
		"":                            hashed(""),
		"https://example.com/a?b=c:d": hashed("https://example.com/a?b=c:d"),
	} {
		if got := hllOffsetOf(item); got != want {
			t.Errorf("offset of %q is %d, want %d", item, got, want)
		}
	}
}

// "Only include 1 tag attribute with always a single item in it."
func TestHLLQualifies(t *testing.T) {
	for raw, want := range map[string]bool{
		`{"#e":["x"],"kinds":[7]}`:      true,
		`{"#t":["x"]}`:                  false,
		`{"#p":["x"],"kinds":[3]}`:      true,
		`{"#q":["x"],"kinds":[1,1111]}`: true,
		`{"#e":["x","y"]}`:              false,
		`{"#e":[]}`:                     false,
		`{"#e":["x"],"#p":["y"]}`:       false,
		`{"kinds":[1]}`:                 false,
		`{"#e":["x"],"search":"sea"}`:   false,
	} {
		f, err := event.ParseFilter([]byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := hllOffset([]event.Filter{f}); ok != want {
			t.Errorf("%s qualifies: %v, want %v", raw, ok, want)
		}
		if _, ok := hllOffset([]event.Filter{f, f}); ok {
			t.Errorf("two filters %s qualify", raw)
		}
	}
}

// TestHLLRegisters holds the registers against the NIP's text, written out in bits.
func TestHLLRegisters(t *testing.T) {
	const offset = 13
	var h, want hll
	for n := range 2000 {
		author := event.PubKey(sha256.Sum256(fmt.Append(nil, n)))
		if n%10 == 0 {
			author[offset+1] = 0
		}
		if n == 20 {
			clear(author[offset+1:])
		}
		h.add(author, offset)
		digits := ""
		for _, b := range author[offset+1:] {
			digits += fmt.Sprintf("%08b", b)
		}
		zeros := len(digits) - len(strings.TrimLeft(digits, "0"))
		want[author[offset]] = max(want[author[offset]], uint8(zeros+1))
	}
	if h != want {
		t.Errorf("registers are\n%s, want\n%s", h.String(), hex.EncodeToString(want[:]))
	}
	if s := h.String(); len(s) != 512 {
		t.Errorf("%d digits, want 512", len(s))
	}
}
