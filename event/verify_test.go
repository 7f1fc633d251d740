package event

import (
	"crypto/rand"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	mrand "math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2/schnorr"
)

// bip340 are the 32-byte-message vectors of the standard.
func bip340(t testing.TB) [][]string {
	t.Helper()
	f, err := os.Open("testdata/bip340-vectors.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) < 2 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	return rows[1:]
}

func hex32(t testing.TB, s string) (b [32]byte) {
	t.Helper()
	if n, err := hex.Decode(b[:], []byte(s)); err != nil || n != 32 {
		t.Fatalf("%q: %v", s, err)
	}
	return b
}

func vectorClaim(t testing.TB, row []string) claim {
	t.Helper()
	c := claim{pk: hex32(t, row[2]), msg: hex32(t, row[4])}
	if n, err := hex.Decode(c.sig[:], []byte(row[5])); err != nil || n != 64 {
		t.Fatalf("%q: %v", row[5], err)
	}
	return c
}

func TestBIP340Vectors(t *testing.T) {
	for _, row := range bip340(t) {
		c := vectorClaim(t, row)
		want := row[6] == "TRUE"
		if got := VerifyHash(c.pk, c.msg, c.sig); got != want {
			t.Errorf("vector %s (%s): single gives %v, want %v", row[0], row[7], got, want)
		}
		if got := inBatch(t, c); got != want {
			t.Errorf("vector %s (%s): batch gives %v, want %v", row[0], row[7], got, want)
		}
		if row[1] == "" {
			continue
		}
		k := SecretKey(hex32(t, row[1]))
		if k.PubKey() != c.pk {
			t.Errorf("vector %s: public key is %s", row[0], k.PubKey())
		}
		if sig, err := k.SignHash(c.msg, hex32(t, row[3])); err != nil || sig != c.sig {
			t.Errorf("vector %s: signature is %s, %v", row[0], sig, err)
		}
	}
}

// inBatch says what the batch equation alone makes of a claim among good
// ones, without the single verifications that follow a failure.
func inBatch(t testing.TB, c claim) bool {
	t.Helper()
	claims := []claim{c}
	for _, e := range population(t, batchMin, 2) {
		claims = append(claims, claim{pk: e.PubKey, msg: e.ID, sig: e.Sig})
	}
	people := map[PubKey]fpPoint{}
	for i := range claims {
		if !claims[i].lift(people) {
			return false
		}
	}
	return batchEquation(claims)
}

func TestBatchSaysWhatSingleSays(t *testing.T) {
	es := population(t, 130, 7)
	for _, n := range []int{0, 1, batchMin - 1, batchMin, batchMin + 1, bisectMin, 40, 130} {
		for _, every := range []int{1, 2, 5, 33, 1000} {
			checkBatch(t, spoiled(es[:n], every))
		}
	}
}

// spoiled copies the events and spoils every so manyth in a different way.
func spoiled(es []*Event, every int) []*Event {
	out := slices.Clone(es)
	for i := every - 1; i < len(out); i += every {
		e := *out[i]
		switch i % 5 {
		case 0:
			e.Sig[40] ^= 1
		case 1:
			e.Content = "changed"
		case 2:
			e.Sig[0] ^= 1
		case 3:
			e.Sig = out[(i+1)%len(out)].Sig
		case 4:
			e.PubKey[31] ^= 1
			e.ID = e.ComputeID()
		}
		out[i] = &e
	}
	return out
}

func checkBatch(t testing.TB, es []*Event) {
	t.Helper()
	for i, err := range VerifyBatch(es) {
		if want := es[i].Verify(); !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("event %d of %d: batch says %v, single says %v", i, len(es), err, want)
		}
	}
}

func TestBatchOfOneEventManyTimes(t *testing.T) {
	e := population(t, 1, 1)[0]
	es := slices.Repeat([]*Event{e}, 1500)
	checkBatch(t, es[:3])
	for i, err := range VerifyBatch(es) {
		if err != nil {
			t.Fatalf("copy %d: %v", i, err)
		}
	}
	if !inBatch(t, claim{pk: e.PubKey, msg: e.ID, sig: e.Sig}) {
		t.Error("the equation alone refuses it")
	}
}

// Two signatures shifted against each other cancel out in a sum without
// weights: s+1 and s-1 are both wrong and their sum is right.
func TestBatchWeightsStopCancellation(t *testing.T) {
	es := population(t, 2*bisectMin, 1)
	shift(es[3], 1)
	shift(es[4], -1)
	errs := VerifyBatch(es)
	for i, err := range errs {
		if want := i == 3 || i == 4; (err != nil) != want {
			t.Errorf("event %d: %v", i, err)
		}
	}
}

var groupOrder, _ = new(big.Int).SetString("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", 16)
var fieldPrime, _ = new(big.Int).SetString("fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f", 16)

func shift(e *Event, by int64) {
	s := new(big.Int).SetBytes(e.Sig[32:])
	s.Add(s, big.NewInt(by)).Mod(s, groupOrder).FillBytes(e.Sig[32:])
}

// s + n is the same scalar in other bytes; BIP-340 refuses it. No signature
// with s+n < 2^256 can be computed for a test (it takes 2^128 work), so this
// looks at the reading of s alone.
func TestScalarOutOfRangeIsRefusedBeforeArithmetic(t *testing.T) {
	e := population(t, 1, 1)[0]
	for _, plus := range []int64{0, 1, 1 << 60} {
		c := claim{pk: e.PubKey, msg: e.ID, sig: e.Sig}
		new(big.Int).Add(groupOrder, big.NewInt(plus)).FillBytes(c.sig[32:])
		if c.lift(map[PubKey]fpPoint{}) {
			t.Errorf("batch reads s = n+%d", plus)
		}
		if VerifyHash(c.pk, c.msg, c.sig) {
			t.Errorf("single takes s = n+%d", plus)
		}
	}
}

func FuzzBatchAgainstSingle(f *testing.F) {
	f.Add(uint64(1), uint8(8), uint16(0), byte(1))
	f.Add(uint64(2), uint8(40), uint16(70), byte(0x80))
	f.Add(uint64(3), uint8(17), uint16(130), byte(0xff))
	es := population(f, 64, 5)
	f.Fuzz(func(t *testing.T, seed uint64, n uint8, at uint16, flip byte) {
		batch := slices.Clone(es[:int(n)%len(es)])
		r := mrand.New(mrand.NewPCG(seed, 0))
		for i := range batch {
			if r.IntN(6) != 0 {
				continue
			}
			e := *batch[i]
			at := (int(at) + i) % 160
			switch {
			case at < 64:
				e.Sig[at] ^= flip
			case at < 96:
				e.PubKey[at-64] ^= flip
				e.ID = e.ComputeID()
			case at < 128:
				e.ID[at-96] ^= flip
			default:
				hostile(&e, at)
				e.ID = e.ComputeID()
			}
			batch[i] = &e
		}
		checkBatch(t, batch)
	})
}

// hostile sets a field of the signature to a value at an edge of its range.
func hostile(e *Event, which int) {
	edges := []*big.Int{
		big.NewInt(0), big.NewInt(1), groupOrder, fieldPrime,
		new(big.Int).Sub(groupOrder, big.NewInt(1)), new(big.Int).Sub(fieldPrime, big.NewInt(1)),
		new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1)),
	}
	v := edges[which%len(edges)]
	switch which % 3 {
	case 0:
		v.FillBytes(e.Sig[:32])
	case 1:
		v.FillBytes(e.Sig[32:])
	case 2:
		v.FillBytes(e.PubKey[:])
	}
}

func TestHostileEdgesAreRefusedAlike(t *testing.T) {
	es := population(t, 42, 3)
	for i := range es {
		hostile(es[i], i)
		es[i].ID = es[i].ComputeID()
	}
	checkBatch(t, es)
	for i, err := range VerifyBatch(es) {
		if err == nil {
			t.Errorf("edge %d is accepted", i)
		}
	}
}

func TestVerifyAgreesWithBtcec(t *testing.T) {
	for i, e := range spoiled(population(t, 40, 3), 2) {
		id := e.ComputeID()
		pk, err := schnorr.ParsePubKey(e.PubKey[:])
		want := err == nil
		if sig, err := schnorr.ParseSignature(e.Sig[:]); err != nil || !want || !sig.Verify(id[:], pk) {
			want = false
		}
		if got := VerifyHash(e.PubKey, id, e.Sig); got != want {
			t.Errorf("event %d: got %v, btcec says %v", i, got, want)
		}
	}
}

func TestNewSecretKeyNeedsRandomness(t *testing.T) {
	if _, err := NewSecretKey(failing{}); err == nil {
		t.Error("a key without randomness")
	}
	a, _ := NewSecretKey(rand.Reader)
	b, _ := NewSecretKey(rand.Reader)
	if a == b || !a.PubKey().Valid() {
		t.Errorf("keys of %s and %s", a.PubKey(), b.PubKey())
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, fmt.Errorf("no entropy") }
