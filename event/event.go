// Package event is the signed sentence of the network: a Nostr event (NIP-01).
//
// It parses, names, signs and verifies events, one or a thousand, and says
// which events a filter asks for. It is ground: no disk, no network, no clock.
package event

import (
	"encoding/hex"
	"errors"
	"fmt"
)

// ID names an event: the SHA-256 of its canonical form (NIP-01).
type ID [32]byte

// PubKey is a person: the x-only secp256k1 public key of BIP-340.
type PubKey [32]byte

// Sig is a BIP-340 signature over an ID.
type Sig [64]byte

// Kind says what an event is for (NIP-01; the table is in kinds.go).
type Kind uint16

// Tag is one tag: a name and its values.
type Tag []string

// Tags is the ordered list of tags of an event.
type Tags []Tag

// Event is one signed event. The zero value is an unsigned, empty event.
// An Event is not changed after it was signed or parsed, so that it may be
// shared between goroutines without a lock.
type Event struct {
	ID        ID
	PubKey    PubKey
	CreatedAt int64 // Unix seconds, the author's claim
	Kind      Kind
	Tags      Tags
	Content   string
	Sig       Sig

	raw []byte // the bytes it was parsed from; nil for events made here
}

// Stamp is what reconciliation knows of an event: when it says it was made, and its name.
type Stamp struct {
	CreatedAt int64
	ID        ID
}

// Stamp gives the event's stamp.
func (e *Event) Stamp() Stamp { return Stamp{e.CreatedAt, e.ID} }

// The closed set of what can be wrong with an event. Parse and Verify wrap these.
var (
	ErrMalformed = errors.New("event is malformed")
	ErrTooLarge  = errors.New("event is over a limit")
	ErrWrongID   = errors.New("event id does not match its content")
	ErrWrongSig  = errors.New("event signature is not valid")
)

// ParseID reads 64 lower-case hex digits.
func ParseID(s string) (id ID, err error) { return id, parseHex(id[:], s, "event id") }

// ParsePubKey reads 64 lower-case hex digits. It does not check that the point is on the curve.
func ParsePubKey(s string) (pk PubKey, err error) { return pk, parseHex(pk[:], s, "public key") }

// ParseSig reads 128 lower-case hex digits.
func ParseSig(s string) (sig Sig, err error) { return sig, parseHex(sig[:], s, "signature") }

func parseHex(dst []byte, s, what string) error {
	if len(s) != 2*len(dst) {
		return fmt.Errorf("%w: %s has %d characters, not %d", ErrMalformed, what, len(s), 2*len(dst))
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return fmt.Errorf("%w: %s is not lower-case hex", ErrMalformed, what)
		}
	}
	_, err := hex.Decode(dst, []byte(s))
	return err
}

func (id ID) String() string     { return hex.EncodeToString(id[:]) }
func (pk PubKey) String() string { return hex.EncodeToString(pk[:]) }
func (s Sig) String() string     { return hex.EncodeToString(s[:]) }

// IsZero says that no id was set.
func (id ID) IsZero() bool { return id == ID{} }

// IsZero says that no key was set.
func (pk PubKey) IsZero() bool { return pk == PubKey{} }

// MarshalText and UnmarshalText let ids and keys stand in JSON and in maps as hex.
func (id ID) MarshalText() ([]byte, error)     { return []byte(id.String()), nil }
func (pk PubKey) MarshalText() ([]byte, error) { return []byte(pk.String()), nil }

// UnmarshalText reads 64 lower-case hex digits.
func (id *ID) UnmarshalText(b []byte) (err error) { *id, err = ParseID(string(b)); return err }

// UnmarshalText reads 64 lower-case hex digits.
func (pk *PubKey) UnmarshalText(b []byte) (err error) { *pk, err = ParsePubKey(string(b)); return err }

// First gives the first tag of that name, or nil.
func (t Tags) First(name string) Tag {
	for _, tag := range t {
		if len(tag) > 0 && tag[0] == name {
			return tag
		}
	}
	return nil
}

// All gives every tag of that name, in order.
func (t Tags) All(name string) []Tag {
	var out []Tag
	for _, tag := range t {
		if len(tag) > 0 && tag[0] == name {
			out = append(out, tag)
		}
	}
	return out
}

// Value gives the tag's value at index i (0 is the name), or "" where there is none.
func (t Tag) Value(i int) string {
	if i < len(t) {
		return t[i]
	}
	return ""
}

// Raw gives the event's JSON: the very bytes it was parsed from where there
// are any, a fresh serialisation otherwise. The caller must not change them.
func (e *Event) Raw() []byte {
	if e.raw != nil {
		return e.raw
	}
	return e.AppendJSON(nil)
}
