package event

import (
	"crypto/rand"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark-crypto/ecc/secp256k1"
	"github.com/consensys/gnark-crypto/ecc/secp256k1/fp"
	"github.com/consensys/gnark-crypto/ecc/secp256k1/fr"
)

const (
	// batchMin is the number of signatures from which one multi-scalar
	// multiplication is cheaper than as many single verifications (measured on
	// amd64: 143 against 195 µs each at 4, 270 at 2).
	batchMin = 4

	// bisectMin is the same for what is left of a batch that failed, where the
	// equation is likely to be paid for nothing.
	bisectMin = 16

	// bisectBudget is how many times the size of a batch may go through
	// equations before the rest is verified singly.
	bisectBudget = 4
)

// VerifyBatch checks ids and signatures of many events, much cheaper per event
// than Verify. The answer has one element per event: nil, ErrWrongID or
// ErrWrongSig, the same that Verify would give.
//
// Signatures are checked together by BIP-340's batch equation with secret
// random 128-bit weights: a batch with a bad signature passes with a
// probability of at most 2^-128. A batch that fails is halved until the bad
// ones stand alone, and nothing is refused but by a single verification or
// because key, r or s are out of range; the work that an attacker can cause so is bounded, at about twice that of
// verifying each event singly (measured: 1.6 to 2.1 times).
func VerifyBatch(es []*Event) []error {
	errs := make([]error, len(es))
	claims := make([]claim, 0, len(es))
	for i, e := range es {
		if e.ComputeID() != e.ID {
			errs[i] = ErrWrongID
			continue
		}
		claims = append(claims, claim{at: i, pk: e.PubKey, msg: e.ID, sig: e.Sig})
	}
	verifyClaims(claims, func(c *claim) { errs[c.at] = ErrWrongSig })
	return errs
}

// claim is one signature to check.
type claim struct {
	at  int
	pk  PubKey
	msg [32]byte
	sig Sig

	// What the batch equation needs, set by lift.
	r, p fpPoint
	s, e fr.Element
}

type fpPoint = secp256k1.G1Affine

func verifyClaims(claims []claim, refuse func(*claim)) {
	if len(claims) < batchMin {
		single(claims, refuse)
		return
	}
	lifted := claims[:0]
	people := map[PubKey]fpPoint{}
	for i := range claims {
		c := claims[i]
		if !c.lift(people) {
			refuse(&c)
			continue
		}
		lifted = append(lifted, c)
	}
	b := &bisection{refuse: refuse, min: batchMin, budget: bisectBudget * len(lifted)}
	b.check(lifted, false)
}

func single(claims []claim, refuse func(*claim)) {
	for i := range claims {
		if c := &claims[i]; !VerifyHash(c.pk, c.msg, c.sig) {
			refuse(c)
		}
	}
}

// bisection finds the bad claims of a batch that failed. budget is how many
// claims it may still put through batch equations; what comes after is
// verified singly, so that many bad ones cost no more than twice.
type bisection struct {
	refuse func(*claim)
	min    int // claims from which an equation is tried
	budget int
}

// check refuses the bad ones of claims. guilty says that at least one is
// known to be bad, so that the equation for all of them need not be tried.
func (b *bisection) check(claims []claim, guilty bool) (clean bool) {
	if len(claims) < b.min || b.budget < len(claims) {
		return b.singly(claims)
	}
	if !guilty {
		b.budget -= len(claims)
		if batchEquation(claims) {
			return true
		}
	}
	b.min = bisectMin
	half := len(claims) / 2
	leftClean := b.check(claims[:half], false)
	b.check(claims[half:], leftClean)
	return false
}

func (b *bisection) singly(claims []claim) (clean bool) {
	clean = true
	single(claims, func(c *claim) { clean = false; b.refuse(c) })
	return clean
}

// lift reads the signature and lifts both points to the curve; false means
// that BIP-340 refuses the signature before any arithmetic.
func (c *claim) lift(people map[PubKey]fpPoint) (ok bool) {
	if c.s.SetBytesCanonical(c.sig[32:]) != nil || !liftAffine(&c.r, c.sig[:32]) {
		return false
	}
	if c.p, ok = people[c.pk]; !ok {
		if !liftAffine(&c.p, c.pk[:]) {
			return false
		}
		people[c.pk] = c.p
	}
	h := challenge(c.pk, c.msg, &c.sig)
	c.e.SetBytes(h[:])
	return true
}

// liftAffine sets p to the point with that x and an even y, false where there is none.
func liftAffine(p *fpPoint, x []byte) bool {
	if p.X.SetBytesCanonical(x) != nil {
		return false
	}
	var y2, seven fp.Element
	seven.SetUint64(7)
	y2.Square(&p.X).Mul(&y2, &p.X).Add(&y2, &seven)
	if p.Y.Sqrt(&y2) == nil {
		return false
	}
	if p.Y.Bits()[0]&1 == 1 {
		p.Y.Neg(&p.Y)
	}
	return true
}

// batchEquation checks, with random a of 128 bits each,
//
//	sum(a*s) * G = sum(a * R) + sum(a*e * P)
//
// where the terms of one author are added before the multiplication.
func batchEquation(claims []claim) bool {
	weights := make([]byte, 16*len(claims))
	if _, err := rand.Read(weights); err != nil {
		return false
	}
	_, g := secp256k1.Generators()
	points := make([]fpPoint, 1, 1+2*len(claims))
	scalars := make([]fr.Element, 1, cap(points))
	points[0] = g
	author := make(map[PubKey]int, len(claims))
	for i := range claims {
		c := &claims[i]
		a := weight(weights[16*i:])
		var as, ae fr.Element
		as.Mul(&a, &c.s)
		ae.Mul(&a, &c.e)
		scalars[0].Sub(&scalars[0], &as)
		points, scalars = append(points, c.r), append(scalars, a)
		at, known := author[c.pk]
		if known {
			scalars[at].Add(&scalars[at], &ae)
			continue
		}
		author[c.pk] = len(points)
		points, scalars = append(points, c.p), append(scalars, ae)
	}
	var sum secp256k1.G1Jac
	if _, err := sum.MultiExp(points, scalars, ecc.MultiExpConfig{}); err != nil {
		return false
	}
	return sum.Z.IsZero()
}

func weight(b []byte) (a fr.Element) {
	var wide [32]byte
	copy(wide[16:], b[:16])
	a.SetBytes(wide[:])
	return a
}
