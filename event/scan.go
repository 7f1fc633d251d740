package event

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxSkipDepth bounds how deep a value under an unknown key may nest.
const maxSkipDepth = 16

// scanner walks once over JSON text, left to right. It is stricter than
// encoding/json where laxness would let two readers disagree about one event:
// no invalid UTF-8, no lone surrogates, no number but a plain integer.
// Strings without escapes are cut from s, not copied.
type scanner struct {
	s string
	i int
}

func (p *scanner) fail(format string, args ...any) error {
	return fmt.Errorf("%w: %s at byte %d", ErrMalformed, fmt.Sprintf(format, args...), p.i)
}

func (p *scanner) space() {
	for p.i < len(p.s) {
		switch p.s[p.i] {
		case ' ', '\t', '\n', '\r':
			p.i++
		default:
			return
		}
	}
}

// peek gives the next byte that is no white space, 0 at the end.
func (p *scanner) peek() byte {
	p.space()
	if p.i < len(p.s) {
		return p.s[p.i]
	}
	return 0
}

// take eats c if it comes next.
func (p *scanner) take(c byte) bool {
	if p.peek() != c || p.i >= len(p.s) {
		return false
	}
	p.i++
	return true
}

func (p *scanner) expect(c byte) error {
	if !p.take(c) {
		return p.fail("no %q", c)
	}
	return nil
}

// end refuses anything but white space after the value.
func (p *scanner) end() error {
	p.space()
	if p.i != len(p.s) {
		return p.fail("trailing bytes")
	}
	return nil
}

// object calls field with each key; field must eat the value.
func (p *scanner) object(field func(key string) error) error {
	if err := p.expect('{'); err != nil {
		return err
	}
	if p.take('}') {
		return nil
	}
	for {
		p.space()
		key, err := p.str()
		if err != nil {
			return err
		}
		if err := p.expect(':'); err != nil {
			return err
		}
		if err := field(key); err != nil {
			return err
		}
		if p.take('}') {
			return nil
		}
		if err := p.expect(','); err != nil {
			return err
		}
	}
}

// array calls item before each element; item must eat it.
func (p *scanner) array(item func() error) error {
	if err := p.expect('['); err != nil {
		return err
	}
	if p.take(']') {
		return nil
	}
	for {
		if err := item(); err != nil {
			return err
		}
		if p.take(']') {
			return nil
		}
		if err := p.expect(','); err != nil {
			return err
		}
	}
}

// uint reads a plain decimal integer of at most max. What may follow an
// integer in JSON otherwise (fraction, exponent) is refused by whoever expects
// the next comma.
func (p *scanner) uint(max uint64) (uint64, error) {
	p.space()
	start, n := p.i, uint64(0)
	for ; p.i < len(p.s) && p.s[p.i] >= '0' && p.s[p.i] <= '9'; p.i++ {
		d := uint64(p.s[p.i] - '0')
		if n > (max-d)/10 {
			return 0, p.fail("number over %d", max)
		}
		n = n*10 + d
	}
	if p.i == start {
		return 0, p.fail("no plain integer")
	}
	if p.s[start] == '0' && p.i-start > 1 {
		return 0, p.fail("number with a leading zero")
	}
	return n, nil
}

// parseUint reads a text that is a plain decimal integer and nothing else.
func parseUint(s string, max uint64) (uint64, error) {
	p := scanner{s: s}
	if s == "" || s[0] < '0' || s[0] > '9' {
		return 0, p.fail("no plain integer")
	}
	n, err := p.uint(max)
	if err == nil && p.i != len(s) {
		return 0, p.fail("trailing bytes")
	}
	return n, err
}

// str reads a string; the next byte must be its opening quote.
func (p *scanner) str() (string, error) {
	if p.peek() != '"' {
		return "", p.fail("no string")
	}
	p.i++
	start := p.i
	run, closed := p.plain()
	if closed {
		return run, nil
	}
	var b strings.Builder
	for {
		if p.i >= len(p.s) || p.s[p.i] != '\\' {
			return "", p.badChar(start)
		}
		if b.Len() == 0 {
			b.Grow(len(run) + 16)
		}
		b.WriteString(run)
		r, err := p.escape()
		if err != nil {
			return "", err
		}
		b.WriteRune(r)
		if run, closed = p.plain(); closed {
			b.WriteString(run)
			return b.String(), nil
		}
	}
}

// plain eats the longest run of valid text without escapes, and the closing
// quote if that ends it.
func (p *scanner) plain() (run string, closed bool) {
	start, high := p.i, false
	for ; p.i < len(p.s); p.i++ {
		c := p.s[p.i]
		if c >= utf8.RuneSelf {
			high = true
			continue
		}
		if c == '"' || c == '\\' || c < ' ' {
			break
		}
	}
	run = p.s[start:p.i]
	if high && !utf8.ValidString(run) {
		p.i = start
		return "", false
	}
	if p.i < len(p.s) && p.s[p.i] == '"' {
		p.i++
		return run, true
	}
	return run, false
}

func (p *scanner) badChar(start int) error {
	switch {
	case p.i >= len(p.s):
		p.i = start
		return p.fail("string without an end")
	case p.s[p.i] < ' ':
		return p.fail("control character in a string")
	default:
		return p.fail("invalid UTF-8")
	}
}

// escape reads one escape sequence, two for a surrogate pair.
func (p *scanner) escape() (rune, error) {
	if p.i+1 >= len(p.s) {
		return 0, p.fail("escape without an end")
	}
	c := p.s[p.i+1]
	if c == 'u' {
		return p.unicode()
	}
	at := strings.IndexByte(`"\/bfnrt`, c)
	if at < 0 {
		return 0, p.fail("unknown escape")
	}
	p.i += 2
	return rune("\"\\/\b\f\n\r\t"[at]), nil
}

func (p *scanner) unicode() (rune, error) {
	r, ok := p.hex4()
	if !ok {
		return 0, p.fail("bad \\u escape")
	}
	if r < 0xd800 || r > 0xdfff {
		return r, nil
	}
	low, ok := p.hex4()
	if r > 0xdbff || !ok || low < 0xdc00 || low > 0xdfff {
		return 0, p.fail("lone surrogate")
	}
	return (r-0xd800)<<10 + (low - 0xdc00) + 0x10000, nil
}

// hex4 reads \uXXXX, either case.
func (p *scanner) hex4() (r rune, ok bool) {
	if p.i+6 > len(p.s) || p.s[p.i] != '\\' || p.s[p.i+1] != 'u' {
		return 0, false
	}
	for _, c := range []byte(p.s[p.i+2 : p.i+6]) {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	p.i += 6
	return r, true
}

// skip eats any value.
func (p *scanner) skip(depth int) error {
	if depth > maxSkipDepth {
		return p.fail("nested too deep")
	}
	switch c := p.peek(); c {
	case '"':
		_, err := p.str()
		return err
	case '{':
		return p.object(func(string) error { return p.skip(depth + 1) })
	case '[':
		return p.array(func() error { return p.skip(depth + 1) })
	case 't', 'f', 'n':
		return p.word()
	default:
		return p.number()
	}
}

func (p *scanner) word() error {
	for _, w := range [...]string{"true", "false", "null"} {
		if strings.HasPrefix(p.s[p.i:], w) {
			p.i += len(w)
			return nil
		}
	}
	return p.fail("unknown word")
}

// number eats any JSON number; used for values that are ignored.
func (p *scanner) number() error {
	start := p.i
	for p.i < len(p.s) && strings.IndexByte("+-0123456789.eE", p.s[p.i]) >= 0 {
		p.i++
	}
	if !isNumber(p.s[start:p.i]) {
		return p.fail("no value")
	}
	return nil
}

// isNumber checks the grammar of RFC 8259, section 6.
func isNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	whole, rest := digits(s)
	if whole == "" || (whole[0] == '0' && len(whole) > 1) {
		return false
	}
	if strings.HasPrefix(rest, ".") {
		var frac string
		if frac, rest = digits(rest[1:]); frac == "" {
			return false
		}
	}
	if rest == "" {
		return true
	}
	if rest[0] != 'e' && rest[0] != 'E' {
		return false
	}
	rest = rest[1:]
	if rest != "" && (rest[0] == '+' || rest[0] == '-') {
		rest = rest[1:]
	}
	exp, rest := digits(rest)
	return exp != "" && rest == ""
}

func digits(s string) (head, rest string) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return s[:i], s[i:]
}
