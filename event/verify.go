package event

import (
	"crypto/sha256"
	"slices"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
)

// Verify checks that the id is the hash of the content and that the author's
// key signed it. Errors are ErrWrongID or ErrWrongSig.
func (e *Event) Verify() error {
	if e.ComputeID() != e.ID {
		return ErrWrongID
	}
	if !VerifyHash(e.PubKey, e.ID, e.Sig) {
		return ErrWrongSig
	}
	return nil
}

// challengePrefix is SHA-256 of the tag, twice (BIP-340, tagged hashes).
var challengePrefix = func() []byte {
	tag := sha256.Sum256([]byte("BIP0340/challenge"))
	return slices.Concat(tag[:], tag[:])
}()

// challenge is e of BIP-340 before its reduction modulo n.
func challenge(pk PubKey, msg [32]byte, sig *Sig) [32]byte {
	var b [160]byte
	copy(b[:64], challengePrefix)
	copy(b[64:96], sig[:32])
	copy(b[96:128], pk[:])
	copy(b[128:], msg[:])
	return sha256.Sum256(b[:])
}

// VerifyHash says whether sig is a BIP-340 signature by pk of a 32-byte message.
//
// It is written on the curve arithmetic of dcrec and not on btcec's schnorr
// package, which takes s modulo n where BIP-340 refuses s >= n, and lifts the
// public key twice.
func VerifyHash(pk PubKey, msg [32]byte, sig Sig) bool {
	var point, sG, eP, sum secp256k1.JacobianPoint
	if !liftX(&point, pk) {
		return false
	}
	var r secp256k1.FieldVal
	var s, c secp256k1.ModNScalar
	if r.SetByteSlice(sig[:32]) || s.SetByteSlice(sig[32:]) {
		return false
	}
	h := challenge(pk, msg, &sig)
	c.SetBytes(&h)
	c.Negate()
	secp256k1.ScalarBaseMultNonConst(&s, &sG)
	secp256k1.ScalarMultNonConst(&c, &point, &eP)
	secp256k1.AddNonConst(&sG, &eP, &sum)
	if sum.Z.IsZero() || (sum.X.IsZero() && sum.Y.IsZero()) {
		return false
	}
	sum.ToAffine()
	return !sum.Y.IsOdd() && sum.X.Equals(&r)
}

// liftX sets p to the point with that x and an even y, false where there is none.
func liftX(p *secp256k1.JacobianPoint, x [32]byte) bool {
	if p.X.SetByteSlice(x[:]) || !secp256k1.DecompressY(&p.X, false, &p.Y) {
		return false
	}
	p.Y.Normalize()
	p.Z.SetInt(1)
	return true
}

// Valid says that the key is a point of the curve, so that it can have signed anything.
func (pk PubKey) Valid() bool {
	var p secp256k1.JacobianPoint
	return liftX(&p, pk)
}
