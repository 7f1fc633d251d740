package event

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The examples of NIP-19 itself.
func TestNIP19Examples(t *testing.T) {
	pk, _ := ParsePubKey("7e7e9c42a91bfef19fa929e5fda1b72e0ebc1a4c1141673e2794234d86addf4e")
	pk2, _ := ParsePubKey("3bf0c63fcb93463407af97a5e5ee64fa883d107ef9e558472c4eb9aaaefa459d")
	k, _ := ParseSecretKey("67dea2ed018072d675f5415ecfaed7d2597555e202d85b3d65ea4e58d2d92ffa")
	profile := NProfile{PubKey: pk2, Relays: []string{"wss://r.x.com", "wss://djbas.sadkb.com"}}
	cases := []struct {
		text    string
		value   any
		encoded string
	}{
		{"npub10elfcs4fr0l0r8af98jlmgdh9c8tcxjvz9qkw038js35mp4dma8qzvjptg", pk, EncodeNPub(pk)},
		{"npub180cvv07tjdrrgpa0j7j7tmnyl2yr6yr7l8j4s3evf6u64th6gkwsyjh6w6", pk2, EncodeNPub(pk2)},
		{"nsec1vl029mgpspedva04g90vltkh6fvh240zqtv9k0t9af8935ke9laqsnlfe5", k, EncodeNSec(k)},
		{"nprofile1qqsrhuxx8l9ex335q7he0f09aej04zpazpl0ne2cgukyawd24mayt8gpp4mhxue69uhhytnc9e3k7mgpz4mhxue69uhkg6nzv9ejuumpv34kytnrdaksjlyr9p",
			profile, EncodeNProfile(profile)},
	}
	for _, c := range cases {
		got, err := Decode(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
		}
		if d := cmp.Diff(got, c.value); d != "" {
			t.Errorf("%s:\n%s", c.text, d)
		}
		if c.encoded != c.text {
			t.Errorf("got %s, want %s", c.encoded, c.text)
		}
		if got, err := Decode(strings.ToUpper(c.text)); err != nil || !cmp.Equal(got, c.value) {
			t.Errorf("upper case: %v, %v", got, err)
		}
	}
}

func TestNIP19RoundTrips(t *testing.T) {
	id, _ := ParseID(hexA)
	pk, _ := ParsePubKey(hexB)
	many := make([]string, maxRelayHints+5)
	for i := range many {
		many[i] = "wss://relay.example/" + strings.Repeat("x", i)
	}
	cases := []struct{ give, want any }{
		{id, id},
		{NEvent{ID: id}, NEvent{ID: id}},
		{NEvent{ID: id, HasKind: true}, NEvent{ID: id, HasKind: true}},
		{NEvent{ID: id, Author: pk, Kind: 30023, HasKind: true, Relays: []string{"wss://a", ""}},
			NEvent{ID: id, Author: pk, Kind: 30023, HasKind: true, Relays: []string{"wss://a", ""}}},
		{NEvent{ID: id, Relays: many}, NEvent{ID: id, Relays: many[:maxRelayHints]}},
		{NEvent{ID: id, Relays: []string{strings.Repeat("x", 256), "ok"}}, NEvent{ID: id, Relays: []string{"ok"}}},
		{NProfile{PubKey: pk}, NProfile{PubKey: pk}},
		{NAddr{Address: Address{30023, pk, ""}}, NAddr{Address: Address{30023, pk, ""}}},
		{NAddr{Address: Address{34841, pk, "mural/é:x"}, Relays: []string{"wss://b"}},
			NAddr{Address: Address{34841, pk, "mural/é:x"}, Relays: []string{"wss://b"}}},
	}
	for _, c := range cases {
		text := encode(t, c.give)
		for _, s := range []string{text, "nostr:" + text} {
			got, err := Decode(s)
			if err != nil {
				t.Errorf("%+v: %v", c.give, err)
			}
			if d := cmp.Diff(got, c.want); d != "" {
				t.Errorf("%s:\n%s", s, d)
			}
		}
	}
	if got := EncodeNAddr(NAddr{Address: Address{30023, pk, strings.Repeat("d", 256)}}); got != "" {
		t.Errorf("identifier that does not fit: %s", got)
	}
}

func encode(t testing.TB, v any) string {
	t.Helper()
	switch v := v.(type) {
	case PubKey:
		return EncodeNPub(v)
	case SecretKey:
		return EncodeNSec(v)
	case ID:
		return EncodeNote(v)
	case NProfile:
		return EncodeNProfile(v)
	case NEvent:
		return EncodeNEvent(v)
	case NAddr:
		return EncodeNAddr(v)
	case NRelay:
		return EncodeBech32("nrelay", appendTLV(nil, tlvSpecial, []byte(v.URL)))
	}
	t.Fatalf("no text for %T", v)
	return ""
}

func TestDecodeRefuses(t *testing.T) {
	k, _ := NewSecretKey(rand.Reader)
	npub := EncodeNPub(k.PubKey())
	zero := make([]byte, 32)
	cases := []struct {
		name, text string
		want       error
	}{
		{"nothing", "", ErrMalformed},
		{"no separator", "npub", ErrMalformed},
		{"no prefix", "1qqqqqqqq", ErrMalformed},
		{"mixed case", "N" + npub[1:], ErrMalformed},
		{"one character changed", npub[:10] + swap(npub[10]) + npub[11:], ErrMalformed},
		{"character not of the alphabet", npub[:10] + "b" + npub[11:], ErrMalformed},
		{"cut off", npub[:len(npub)-1], ErrMalformed},
		{"bech32m checksum", bech32m("npub", zero), ErrMalformed},
		{"padding of a whole character", withGroups("npub", append(regroup8to5(zero), 0)), ErrMalformed},
		{"padding that is not zero", withGroups("npub", append(regroup8to5(zero)[:51], 1)), ErrMalformed},
		{"unknown prefix", EncodeBech32("nfoo", zero), ErrMalformed},
		{"short key", EncodeBech32("npub", zero[1:]), ErrMalformed},
		{"long id", EncodeBech32("note", append(zero, 0)), ErrMalformed},
		{"secret key zero", EncodeBech32("nsec", zero), ErrMalformed},
		{"secret key in a link", "nostr:" + EncodeNSec(k), ErrMalformed},
		{"record cut off", EncodeBech32("nevent", append([]byte{0, 32}, zero[1:]...)), ErrMalformed},
		{"record without a length", EncodeBech32("nevent", append(append([]byte{0, 32}, zero...), 1)), ErrMalformed},
		{"no records", EncodeBech32("nprofile", nil), ErrMalformed},
		{"only relays", EncodeBech32("nprofile", []byte{1, 1, 'x'}), ErrMalformed},
		{"event id too short", EncodeBech32("nevent", []byte{0, 1, 1}), ErrMalformed},
		{"author too short", EncodeBech32("nevent", append(append([]byte{0, 32}, zero...), 2, 1, 1)), ErrMalformed},
		{"kind too short", EncodeBech32("nevent", append(append([]byte{0, 32}, zero...), 3, 1, 1)), ErrMalformed},
		{"kind over 65535", EncodeBech32("nevent", append(append([]byte{0, 32}, zero...), 3, 4, 0, 1, 0, 0)), ErrMalformed},
		{"address without an author", EncodeBech32("naddr", []byte{0, 1, 'd', 3, 4, 0, 0, 0x75, 0x30}), ErrMalformed},
		{"over 5,000 characters", EncodeBech32("nprofile", make([]byte, 3200)), ErrTooLarge},
	}
	for _, c := range cases {
		if got, err := Decode(c.text); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, %v; want %v", c.name, got, err, c.want)
		}
	}
}

func swap(c byte) string {
	if c == 'q' {
		return "p"
	}
	return "q"
}

// withGroups writes five-bit groups with a right checksum, whatever they mean.
func withGroups(hrp string, groups []byte) string {
	sum := bech32Checksum(hrp, groups)
	s := hrp + "1"
	for _, g := range append(groups, sum[:]...) {
		s += string(bech32Alphabet[g])
	}
	return s
}

// bech32m writes the checksum of BIP-350, which NIP-19 does not use.
func bech32m(hrp string, data []byte) string {
	groups := regroup8to5(data)
	sum := bech32Checksum(hrp, groups)
	s := hrp + "1"
	for _, g := range groups {
		s += string(bech32Alphabet[g])
	}
	m := uint32(0x2bc830a3 ^ 1)
	for i, g := range sum {
		s += string(bech32Alphabet[g^byte(m>>(5*(5-i)))&31])
	}
	return s
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		"npub10elfcs4fr0l0r8af98jlmgdh9c8tcxjvz9qkw038js35mp4dma8qzvjptg",
		"nsec1vl029mgpspedva04g90vltkh6fvh240zqtv9k0t9af8935ke9laqsnlfe5",
		"nostr:nprofile1qqsrhuxx8l9ex335q7he0f09aej04zpazpl0ne2cgukyawd24mayt8gpp4mhxue69uhhytnc9e3k7mgpz4mhxue69uhkg6nzv9ejuumpv34kytnrdaksjlyr9p",
		"nevent1", "naddr1qqqqqqqq", "NPUB1",
	} {
		f.Add(s, []byte("nevent"))
	}
	f.Add("nevent", append([]byte{0, 32}, make([]byte, 32)...))
	f.Add("naddr", []byte{0, 1, 'd', 3, 4, 0, 0, 0x75, 0x30, 2, 32})
	f.Fuzz(func(t *testing.T, s string, data []byte) {
		for _, text := range []string{s, EncodeBech32(s, data)} {
			v, err := Decode(text)
			if err != nil {
				continue
			}
			again, err := Decode(encode(t, v))
			if err != nil {
				t.Fatalf("%+v does not come back: %v", v, err)
			}
			if d := cmp.Diff(v, again); d != "" {
				t.Fatal(d)
			}
		}
	})
}
