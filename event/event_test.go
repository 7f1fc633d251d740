package event

import (
	"crypto/rand"
	"errors"
	"testing"
)

// signed makes an event by a fresh key.
func signed(t testing.TB, e Event) *Event {
	t.Helper()
	k, err := NewSecretKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Sign(k); err != nil {
		t.Fatal(err)
	}
	return &e
}

func TestSignedEventSurvivesTheWire(t *testing.T) {
	e := signed(t, Event{CreatedAt: 1700000000, Kind: KindNote, Content: "a\"\\\n\r\t\b\f\x00\x1f\x7f\u2028<>&🌍é",
		Tags: Tags{{"e", "x"}, {"p", "é\n"}, {"-"}}})
	got, err := Parse(e.Raw())
	if err != nil {
		t.Fatal(err)
	}
	if err := got.Verify(); err != nil {
		t.Fatalf("verify: %v\n%s", err, e.Raw())
	}
	if got.Content != e.Content || got.Tags[1][1] != "é\n" {
		t.Errorf("got %+v, want %+v", got, e)
	}
}

func TestBatchSaysWhatSingleSays(t *testing.T) {
	for _, n := range []int{0, 1, 7, 8, 9, 40, 130} {
		es := make([]*Event, n)
		for i := range es {
			es[i] = signed(t, Event{CreatedAt: int64(i), Kind: 1})
			switch i % 7 {
			case 3:
				es[i].Sig[40] ^= 1
			case 5:
				es[i].Content = "changed"
			}
		}
		for i, err := range VerifyBatch(es) {
			if want := es[i].Verify(); !errors.Is(err, want) || (err == nil) != (want == nil) {
				t.Errorf("n=%d: event %d: got %v, want %v", n, i, err, want)
			}
		}
	}
}
