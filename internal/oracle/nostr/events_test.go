package oracle

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"math/big"
	mrand "math/rand/v2"
	"os"
	"testing"
	"unicode/utf8"

	"github.com/nbd-wtf/go-nostr"

	"mural/event"
)

// golden is one line of event/testdata/events.jsonl.
type golden struct{ Name, Event, ASCII, ID string }

func goldens(t testing.TB) (list []golden) {
	t.Helper()
	f, err := os.Open("../../../event/testdata/events.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var g golden
		if err := json.Unmarshal(lines.Bytes(), &g); err != nil {
			t.Fatal(err)
		}
		list = append(list, g)
	}
	if len(list) == 0 {
		t.Fatal("no golden events")
	}
	return list
}

func TestGoldenEventsAreTheSameToBoth(t *testing.T) {
	for _, g := range goldens(t) {
		t.Run(g.Name, func(t *testing.T) {
			for _, raw := range []string{g.Event, g.ASCII} {
				ours, err := event.Parse([]byte(raw))
				if err != nil {
					t.Fatal(err)
				}
				agree(t, ours)
				if ours.ID.String() != g.ID {
					t.Errorf("id %s, want %s", ours.ID, g.ID)
				}
			}
		})
	}
}

// agree compares what both make of one event of ours.
func agree(t testing.TB, ours *event.Event) {
	t.Helper()
	var theirs nostr.Event
	if err := json.Unmarshal(ours.AppendJSON(nil), &theirs); err != nil {
		t.Fatalf("go-nostr cannot read %s: %v", ours.AppendJSON(nil), err)
	}
	if got, want := string(ours.AppendCanonical(nil)), string(theirs.Serialize()); got != want {
		t.Errorf("canonical form\n%q\ngo-nostr has\n%q", got, want)
	}
	if got, want := ours.ComputeID().String(), theirs.GetID(); got != want {
		t.Errorf("id %s, go-nostr has %s", got, want)
	}
	ok, err := theirs.CheckSignature()
	if ourErr := ours.Verify(); (ourErr == nil) != (ok && err == nil) {
		t.Errorf("we verify with %v, go-nostr with %v %v", ourErr, ok, err)
	}
}

// text gives a string with everything in it that makes serializers differ.
func text(r *mrand.Rand) string {
	var s []byte
	for range r.IntN(30) {
		switch r.IntN(8) {
		case 0:
			s = append(s, byte(r.IntN(32)))
		case 1:
			s = utf8.AppendRune(s, []rune("\u2028\u2029\u007f\u0080\ufeff\ufffd\U0001f600\U0010ffff")[r.IntN(8)])
		case 2:
			s = append(s, `"\/<>&'`[r.IntN(7)])
		case 3:
			s = utf8.AppendRune(s, rune(r.IntN(0xd800)))
		default:
			s = append(s, byte(32+r.IntN(95)))
		}
	}
	return string(s)
}

func TestOurEventsAreTrueToGoNostr(t *testing.T) {
	r := mrand.New(mrand.NewPCG(1, 2))
	key, err := event.NewSecretKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for range 300 {
		e := event.Event{Kind: event.Kind(r.IntN(65536)), CreatedAt: r.Int64N(1 << 33), Content: text(r)}
		for range r.IntN(4) {
			tag := event.Tag{"t"}
			for range r.IntN(4) {
				tag = append(tag, text(r))
			}
			e.Tags = append(e.Tags, tag)
		}
		if err := e.Sign(key); err != nil {
			t.Fatal(err)
		}
		agree(t, &e)
		e.Sig[r.IntN(64)] ^= 1 << r.IntN(8)
		agree(t, &e)
	}
}

func TestTheirEventsAreTrueToUs(t *testing.T) {
	r := mrand.New(mrand.NewPCG(3, 4))
	key := nostr.GeneratePrivateKey()
	for range 300 {
		theirs := nostr.Event{Kind: r.IntN(65536), CreatedAt: nostr.Timestamp(r.Int64N(1 << 33)), Content: text(r), Tags: nostr.Tags{{"t", text(r)}}}
		if err := theirs.Sign(key); err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(theirs)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := event.Parse(raw)
		if err != nil {
			t.Fatalf("we cannot read %s: %v", raw, err)
		}
		if err := ours.Verify(); err != nil {
			t.Errorf("we do not believe %s: %v", raw, err)
		}
		if string(ours.Raw()) != string(raw) {
			t.Errorf("Raw is not what came in")
		}
	}
}

// FuzzWhatWeReadTheyReadTheSame: we may be stricter than go-nostr, but what
// both read, both read as one event.
func FuzzWhatWeReadTheyReadTheSame(f *testing.F) {
	for _, g := range goldens(f) {
		f.Add([]byte(g.Event))
		f.Add([]byte(g.ASCII))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		ours, err := event.Parse(raw)
		if err != nil {
			return
		}
		var theirs nostr.Event
		if json.Unmarshal(raw, &theirs) != nil {
			return
		}
		if got, want := string(ours.AppendCanonical(nil)), string(theirs.Serialize()); got != want {
			t.Errorf("%q is to us\n%q\nto go-nostr\n%q", raw, got, want)
		}
	})
}

// TestKeysOfBoth: the same secret gives the same public key.
func TestKeysOfBoth(t *testing.T) {
	order, _ := new(big.Int).SetString("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", 16)
	secrets := []*big.Int{big.NewInt(1), big.NewInt(2), new(big.Int).Sub(order, big.NewInt(1))}
	for range 20 {
		n, err := rand.Int(rand.Reader, order)
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, n)
	}
	for _, n := range secrets {
		var key event.SecretKey
		n.FillBytes(key[:])
		want, err := nostr.GetPublicKey(key.Hex())
		if err != nil {
			t.Fatal(err)
		}
		if got := key.PubKey().String(); got != want {
			t.Errorf("public key %s, go-nostr has %s", got, want)
		}
	}
}
