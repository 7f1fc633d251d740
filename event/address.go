package event

import (
	"fmt"
	"strconv"
	"strings"
)

// Address gives "kind:pubkey:d" of an addressable event, "kind:pubkey:" of a
// replaceable one, "" of any other (NIP-01, the value of an a tag).
func (e *Event) Address() string {
	d := ""
	switch {
	case e.Kind.IsAddressable():
		d = e.Identifier()
	case !e.Kind.IsReplaceable():
		return ""
	}
	return Address{e.Kind, e.PubKey, d}.String()
}

// Identifier gives the value of the first d tag, "" where there is none.
func (e *Event) Identifier() string { return e.Tags.First("d").Value(1) }

// Address names a replaceable or addressable event whatever its version.
type Address struct {
	Kind       Kind
	PubKey     PubKey
	Identifier string // the d tag; "" for replaceable kinds
}

func (a Address) String() string {
	return strconv.Itoa(int(a.Kind)) + ":" + a.PubKey.String() + ":" + a.Identifier
}

// ParseAddress reads "kind:pubkey:d". The kind must be replaceable or
// addressable. Errors wrap ErrMalformed.
func ParseAddress(s string) (Address, error) {
	kind, rest, ok := strings.Cut(s, ":")
	pubkey, d, ok2 := strings.Cut(rest, ":")
	if !ok || !ok2 {
		return Address{}, fmt.Errorf("%w: address without two colons", ErrMalformed)
	}
	n, err := parseUint(kind, 1<<16-1)
	if err != nil {
		return Address{}, fmt.Errorf("address: %w", err)
	}
	a := Address{Kind: Kind(n), Identifier: d}
	if !a.Kind.IsReplaceable() && !a.Kind.IsAddressable() {
		return Address{}, fmt.Errorf("%w: address of kind %d", ErrMalformed, n)
	}
	a.PubKey, err = ParsePubKey(pubkey)
	return a, err
}

// Expiration gives the time in Unix seconds from which the event counts as gone
// (NIP-40). False where there is no such tag or no plain integer in it.
func (e *Event) Expiration() (int64, bool) {
	n, err := parseUint(e.Tags.First("expiration").Value(1), maxCreatedAt)
	return int64(n), err == nil
}

// IsProtected says that only the author may bring this event to a node (NIP-70).
func (e *Event) IsProtected() bool { return e.Tags.First("-") != nil }
