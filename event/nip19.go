package event

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxRelayHints bounds the relays read from one NIP-19 text.
const maxRelayHints = 32

// NProfile points to a person, with relays where they may be found (NIP-19).
type NProfile struct {
	PubKey PubKey
	Relays []string
}

// NEvent points to an event (NIP-19). The zero Author means that none was
// given; Kind counts only where HasKind is set.
type NEvent struct {
	ID      ID
	Relays  []string
	Author  PubKey
	Kind    Kind
	HasKind bool
}

// NAddr points to an addressable event whatever its version (NIP-19).
type NAddr struct {
	Address
	Relays []string
}

// NRelay is a relay's address; NIP-19 deprecates it, so it is only read.
type NRelay struct{ URL string }

// EncodeNPub writes a person's public key as npub1...
func EncodeNPub(pk PubKey) string { return EncodeBech32("npub", pk[:]) }

// EncodeNSec writes the secret key itself as nsec1... Never log it.
func EncodeNSec(k SecretKey) string { return EncodeBech32("nsec", k[:]) }

// EncodeNote writes an event id as note1...
func EncodeNote(id ID) string { return EncodeBech32("note", id[:]) }

// EncodeNProfile writes nprofile1... Values of more than 255 bytes do not fit
// the format and are left out, here and in the other two.
func EncodeNProfile(p NProfile) string {
	b := appendTLV(nil, tlvSpecial, p.PubKey[:])
	return EncodeBech32("nprofile", appendRelays(b, p.Relays))
}

// EncodeNEvent writes nevent1...
func EncodeNEvent(n NEvent) string {
	b := appendTLV(nil, tlvSpecial, n.ID[:])
	b = appendRelays(b, n.Relays)
	if !n.Author.IsZero() {
		b = appendTLV(b, tlvAuthor, n.Author[:])
	}
	if n.HasKind {
		b = appendKind(b, n.Kind)
	}
	return EncodeBech32("nevent", b)
}

// EncodeNAddr writes naddr1... An identifier of more than 255 bytes cannot be
// written; the answer is then "".
func EncodeNAddr(a NAddr) string {
	if len(a.Identifier) > 255 {
		return ""
	}
	b := appendTLV(nil, tlvSpecial, []byte(a.Identifier))
	b = appendRelays(b, a.Relays)
	b = appendTLV(b, tlvAuthor, a.PubKey[:])
	return EncodeBech32("naddr", appendKind(b, a.Kind))
}

// The types of NIP-19's type-length-value records.
const (
	tlvSpecial = 0
	tlvRelay   = 1
	tlvAuthor  = 2
	tlvKind    = 3
)

func appendTLV(b []byte, typ byte, value []byte) []byte {
	if len(value) > 255 {
		return b
	}
	return append(append(b, typ, byte(len(value))), value...)
}

func appendRelays(b []byte, relays []string) []byte {
	for _, r := range relays[:min(len(relays), maxRelayHints)] {
		if len(r) <= 255 {
			b = appendTLV(b, tlvRelay, []byte(r))
		}
	}
	return b
}

// appendKind writes the kind as NIP-19 has it, 32 bits big endian.
func appendKind(b []byte, k Kind) []byte {
	return appendTLV(b, tlvKind, binary.BigEndian.AppendUint32(nil, uint32(k)))
}

// Decode reads any text of NIP-19 and gives PubKey (npub), SecretKey (nsec), ID
// (note), NProfile, NEvent, NAddr or NRelay. A leading "nostr:" (NIP-21) is
// taken off; a secret key in such a link is refused, as NIP-21 wants. Records of
// unknown type are skipped. Errors wrap ErrMalformed or ErrTooLarge and never
// repeat the text, which may be a secret.
func Decode(s string) (any, error) {
	s, link := strings.CutPrefix(s, "nostr:")
	hrp, data, err := DecodeBech32(s)
	if err != nil {
		return nil, err
	}
	v, err := decodeData(hrp, data, link)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", hrp, err)
	}
	return v, nil
}

func decodeData(hrp string, data []byte, link bool) (any, error) {
	switch hrp {
	case "npub":
		b, err := exactly32(data)
		return PubKey(b), err
	case "note":
		b, err := exactly32(data)
		return ID(b), err
	case "nsec":
		return decodeNSec(data, link)
	case "nprofile":
		return decodeNProfile(data)
	case "nevent":
		return decodeNEvent(data)
	case "naddr":
		return decodeNAddr(data)
	case "nrelay":
		return decodeNRelay(data)
	}
	return nil, fmt.Errorf("%w: not a form of NIP-19", ErrMalformed)
}

func decodeNSec(data []byte, link bool) (any, error) {
	if link {
		return nil, fmt.Errorf("%w: a secret key does not belong in a link", ErrMalformed)
	}
	b, err := exactly32(data)
	if err != nil {
		return nil, err
	}
	if k := SecretKey(b); k.Valid() {
		return k, nil
	}
	return nil, fmt.Errorf("%w: secret key out of range", ErrMalformed)
}

func exactly32(data []byte) (b [32]byte, err error) {
	if len(data) != 32 {
		return b, fmt.Errorf("%w: %d bytes, not 32", ErrMalformed, len(data))
	}
	return [32]byte(data), nil
}

// records are the type-length-value records of one text. The first of a type
// counts, except for relays.
type records struct {
	special, author, kind []byte
	relays                []string
}

func readRecords(data []byte) (r records, err error) {
	for len(data) > 0 {
		if len(data) < 2 || len(data) < 2+int(data[1]) {
			return r, fmt.Errorf("%w: record is cut off", ErrMalformed)
		}
		typ, value := data[0], data[2:2+int(data[1])]
		data = data[2+len(value):]
		switch {
		case typ == tlvSpecial && r.special == nil:
			r.special = value
		case typ == tlvAuthor && r.author == nil:
			r.author = value
		case typ == tlvKind && r.kind == nil:
			r.kind = value
		case typ == tlvRelay && utf8.Valid(value) && len(r.relays) < maxRelayHints:
			r.relays = append(r.relays, string(value))
		}
	}
	if r.special == nil {
		return r, fmt.Errorf("%w: nothing is pointed to", ErrMalformed)
	}
	return r, nil
}

// kindOf reads a kind record: 32 bits big endian, of which 16 are used.
func kindOf(b []byte) (Kind, error) {
	if len(b) != 4 || b[0] != 0 || b[1] != 0 {
		return 0, fmt.Errorf("%w: bad kind record", ErrMalformed)
	}
	return Kind(binary.BigEndian.Uint16(b[2:])), nil
}

func decodeNProfile(data []byte) (any, error) {
	r, err := readRecords(data)
	if err != nil {
		return nil, err
	}
	b, err := exactly32(r.special)
	return NProfile{PubKey: b, Relays: r.relays}, err
}

func decodeNEvent(data []byte) (any, error) {
	r, err := readRecords(data)
	if err != nil {
		return nil, err
	}
	n := NEvent{Relays: r.relays}
	if n.ID, err = exactly32(r.special); err != nil {
		return nil, err
	}
	if r.author != nil {
		if n.Author, err = exactly32(r.author); err != nil {
			return nil, err
		}
	}
	if r.kind != nil {
		n.HasKind = true
		n.Kind, err = kindOf(r.kind)
	}
	return n, err
}

func decodeNAddr(data []byte) (any, error) {
	r, err := readRecords(data)
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(r.special) {
		return nil, fmt.Errorf("%w: identifier is not valid UTF-8", ErrMalformed)
	}
	a := NAddr{Address: Address{Identifier: string(r.special)}, Relays: r.relays}
	if a.PubKey, err = exactly32(r.author); err != nil {
		return nil, err
	}
	a.Kind, err = kindOf(r.kind)
	return a, err
}

func decodeNRelay(data []byte) (any, error) {
	r, err := readRecords(data)
	if err == nil && !utf8.Valid(r.special) {
		err = fmt.Errorf("%w: address is not valid UTF-8", ErrMalformed)
	}
	return NRelay{string(r.special)}, err
}
