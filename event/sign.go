package event

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"
)

// SecretKey signs for a person: a scalar of secp256k1, 1 to n-1, big endian.
// Printed, logged or marshalled it never shows itself; Hex does, on purpose.
type SecretKey [32]byte

// NewSecretKey draws a key from random, which must be cryptographically secure.
func NewSecretKey(random io.Reader) (SecretKey, error) {
	var k SecretKey
	for {
		if _, err := io.ReadFull(random, k[:]); err != nil {
			return SecretKey{}, fmt.Errorf("event: drawing a secret key: %w", err)
		}
		if k.Valid() {
			return k, nil
		}
	}
}

// ParseSecretKey reads 64 lower-case hex digits of a valid key.
func ParseSecretKey(s string) (SecretKey, error) {
	var k SecretKey
	if err := parseHex(k[:], s, "secret key"); err != nil {
		return SecretKey{}, err
	}
	if !k.Valid() {
		return SecretKey{}, fmt.Errorf("%w: secret key out of range", ErrMalformed)
	}
	return k, nil
}

// Valid says that the key is a scalar between 1 and n-1.
func (k SecretKey) Valid() bool {
	var s secp256k1.ModNScalar
	defer s.Zero()
	return !s.SetByteSlice(k[:]) && !s.IsZero()
}

// PubKey gives the person's public key (BIP-340, x only). The zero key has none
// and gives the zero PubKey.
func (k SecretKey) PubKey() (pk PubKey) {
	if !k.Valid() {
		return pk
	}
	priv := secp256k1.PrivKeyFromBytes(k[:])
	defer priv.Zero()
	copy(pk[:], priv.PubKey().SerializeCompressed()[1:])
	return pk
}

// Hex gives the key itself as 64 hex digits. Never log it.
func (k SecretKey) Hex() string { return hex.EncodeToString(k[:]) }

// String, GoString and MarshalText keep the key out of logs and JSON.
func (k SecretKey) String() string { return "(secret key)" }

// GoString says no more than String.
func (k SecretKey) GoString() string { return k.String() }

// MarshalText says no more than String.
func (k SecretKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Sign sets PubKey, ID and Sig. It refuses events that Parse would refuse.
//
// The nonce is made as BIP-340 recommends, from the key, the message and 32
// fresh random bytes, so two signatures of one event differ; the signature is
// not verified again (the one way in does that anyway).
func (e *Event) Sign(k SecretKey) error {
	if !k.Valid() {
		return fmt.Errorf("event: signing: %w: secret key out of range", ErrMalformed)
	}
	e.raw, e.PubKey = nil, k.PubKey()
	if err := e.Check(); err != nil {
		return fmt.Errorf("event: signing: %w", err)
	}
	e.ID = e.ComputeID()
	var aux [32]byte
	if _, err := rand.Read(aux[:]); err != nil {
		return fmt.Errorf("event: signing: %w", err)
	}
	sig, err := k.SignHash(e.ID, aux)
	e.Sig = sig
	return err
}

// SignHash gives the BIP-340 signature of a 32-byte message with the given
// auxiliary randomness.
func (k SecretKey) SignHash(msg, aux [32]byte) (sig Sig, err error) {
	priv := secp256k1.PrivKeyFromBytes(k[:])
	defer priv.Zero()
	s, err := schnorr.Sign(priv, msg[:], schnorr.CustomNonce(aux), schnorr.FastSign())
	if err != nil {
		return sig, fmt.Errorf("event: signing: %w", err)
	}
	return Sig(s.Serialize()), nil
}
