package event

import (
	"fmt"
	"strings"
)

// maxBech32 bounds a bech32 text in characters (NIP-19).
const maxBech32 = 5000

const bech32Alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

// EncodeBech32 writes data as bech32 (BIP-173, without its length limit) under
// a lower-case human-readable part.
func EncodeBech32(hrp string, data []byte) string {
	groups := regroup8to5(data)
	sum := bech32Checksum(hrp, groups)
	var b strings.Builder
	b.Grow(len(hrp) + 1 + len(groups) + len(sum))
	b.WriteString(hrp)
	b.WriteByte('1')
	for _, g := range append(groups, sum[:]...) {
		b.WriteByte(bech32Alphabet[g])
	}
	return b.String()
}

// DecodeBech32 reads bech32 text of at most 5,000 characters (NIP-19), all
// lower case or all upper case. Errors wrap ErrMalformed or ErrTooLarge.
func DecodeBech32(s string) (hrp string, data []byte, err error) {
	if len(s) > maxBech32 {
		return "", nil, fmt.Errorf("%w: bech32 of %d characters, not at most %d", ErrTooLarge, len(s), maxBech32)
	}
	if strings.ToLower(s) != s {
		if strings.ToUpper(s) != s {
			return "", nil, fmt.Errorf("%w: bech32 in mixed case", ErrMalformed)
		}
		s = strings.ToLower(s)
	}
	sep := strings.LastIndexByte(s, '1')
	if sep < 1 || len(s)-sep-1 < 6 {
		return "", nil, fmt.Errorf("%w: no bech32 text", ErrMalformed)
	}
	hrp = s[:sep]
	groups, err := bech32Groups(hrp, s[sep+1:])
	if err != nil {
		return "", nil, err
	}
	n := len(groups) - 6
	if bech32Checksum(hrp, groups[:n]) != [6]byte(groups[n:]) {
		return "", nil, fmt.Errorf("%w: bech32 checksum is wrong", ErrMalformed)
	}
	data, ok := regroup5to8(groups[:n])
	if !ok {
		return "", nil, fmt.Errorf("%w: bech32 padding is wrong", ErrMalformed)
	}
	return hrp, data, nil
}

func bech32Groups(hrp, s string) ([]byte, error) {
	for i := range len(hrp) {
		if hrp[i] < 33 || hrp[i] > 126 {
			return nil, fmt.Errorf("%w: bad bech32 prefix", ErrMalformed)
		}
	}
	groups := make([]byte, len(s))
	for i := range len(s) {
		g := strings.IndexByte(bech32Alphabet, s[i])
		if g < 0 {
			return nil, fmt.Errorf("%w: bad bech32 character", ErrMalformed)
		}
		groups[i] = byte(g)
	}
	return groups, nil
}

func bech32Checksum(hrp string, groups []byte) (sum [6]byte) {
	c := uint32(1)
	step := func(v byte) {
		top := c >> 25
		c = c&0x1ffffff<<5 ^ uint32(v)
		for i, gen := range [5]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
			if top>>i&1 == 1 {
				c ^= gen
			}
		}
	}
	for i := range len(hrp) {
		step(hrp[i] >> 5)
	}
	step(0)
	for i := range len(hrp) {
		step(hrp[i] & 31)
	}
	for _, g := range groups {
		step(g)
	}
	for range 6 {
		step(0)
	}
	c ^= 1
	for i := range sum {
		sum[i] = byte(c>>(5*(5-i))) & 31
	}
	return sum
}

func regroup8to5(data []byte) []byte {
	out := make([]byte, 0, (len(data)*8+4)/5+6)
	acc, bits := uint32(0), 0
	for _, b := range data {
		acc, bits = acc<<8|uint32(b), bits+8
		for bits >= 5 {
			bits -= 5
			out = append(out, byte(acc>>bits)&31)
		}
	}
	if bits > 0 {
		out = append(out, byte(acc<<(5-bits))&31)
	}
	return out
}

// regroup5to8 refuses padding of five bits or more, and padding that is not zero.
func regroup5to8(groups []byte) (data []byte, ok bool) {
	data = make([]byte, 0, len(groups)*5/8)
	acc, bits := uint32(0), 0
	for _, g := range groups {
		acc, bits = acc<<5|uint32(g), bits+5
		if bits >= 8 {
			bits -= 8
			data = append(data, byte(acc>>bits))
		}
	}
	return data, bits < 5 && acc&(1<<bits-1) == 0
}
