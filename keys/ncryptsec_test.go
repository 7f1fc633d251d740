package keys

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"

	"mural/event"
)

const vector = "ncryptsec1qgg9947rlpvqu76pj5ecreduf9jxhselq2nae2kghhvd5g7dgjtcxfqtd67p9m0w57lspw8gsq6yphnm8623nsl8xn9j4jdzz84zm3frztj3z7s35vpzmqf6ksu8r89qk5z2zxfmu5gv8th8wclt0h4p"

// The test vector of NIP-49.
func TestUnlockReadsTheVectorOfNIP49(t *testing.T) {
	got, err := Unlock(vector, "nostr")
	if err != nil {
		t.Fatal(err)
	}
	if want := "3501454135014541350145413501453fefb02227e449e57cf4d3a3ce05378683"; hex.EncodeToString(got[:]) != want {
		t.Errorf("another key than NIP-49's came out")
	}
	if _, err := Unlock(vector, "nostR"); !errors.Is(err, ErrPassphrase) {
		t.Errorf("a wrong passphrase gave %v, want ErrPassphrase", err)
	}
}

func TestBackupOpensWithItsPassphraseAlone(t *testing.T) {
	r := open(t, t.TempDir())
	if _, err := r.NewPerson(); err != nil {
		t.Fatal(err)
	}
	// NIP-49: a passphrase is normalised (NFKC), so that it can be typed anywhere.
	locked, err := r.Backup("Ångström ﬁ ok")
	if err != nil {
		t.Fatal(err)
	}
	got, err := Unlock(locked, "A\u030angstro\u0308m fi ok")
	if err != nil {
		t.Fatalf("the same words in another normal form: %v", err)
	}
	if who, _ := r.Person(); got.PubKey() != who {
		t.Error("the backup holds another key")
	}
	if _, err := r.Backup("short"); err == nil || !strings.Contains(err.Error(), "8 characters") {
		t.Errorf("a short passphrase gave %v, want the minimum", err)
	}
	if _, err := Lock(event.SecretKey{31: 1}, "long enough", bytes.NewReader(nil)); !errors.Is(err, io.EOF) {
		t.Errorf("without randomness Lock gave %v", err)
	}
}

// relock changes bytes of the vector and makes it bech32 again.
func relock(change func([]byte) []byte) string {
	_, b, err := event.DecodeBech32(vector)
	if err != nil {
		panic(err) // the vector above
	}
	return event.EncodeBech32("ncryptsec", change(b))
}

// A backup may come from anywhere: it may not take memory by its own word.
func TestUnlockRefusesHostileBackups(t *testing.T) {
	rows := map[string]string{
		"empty":           "",
		"not bech32":      "ncryptsec1???",
		"a secret key":    event.EncodeNSec(event.SecretKey{31: 1}),
		"log_n over":      relock(func(b []byte) []byte { b[1] = maxLogN + 1; return b }),
		"log_n 63":        relock(func(b []byte) []byte { b[1] = 63; return b }),
		"log_n 255":       relock(func(b []byte) []byte { b[1] = 255; return b }),
		"log_n zero":      relock(func(b []byte) []byte { b[1] = 0; return b }),
		"another version": relock(func(b []byte) []byte { b[0] = 1; return b }),
		"cut":             relock(func(b []byte) []byte { return b[:len(b)-1] }),
		"too long":        relock(func(b []byte) []byte { return append(b, 0) }),
		"head alone":      relock(func(b []byte) []byte { return b[:2] }),
		"very long":       "ncryptsec1" + strings.Repeat("q", 1<<20),
	}
	for name, locked := range rows {
		if _, err := Unlock(locked, "nostr"); err == nil || errors.Is(err, ErrPassphrase) {
			t.Errorf("%s: got %v, want a refusal before any work", name, err)
		}
	}
	// A low log_n is cheap, and a changed byte is noticed.
	weak := relock(func(b []byte) []byte { b[1] = 1; return b })
	if _, err := Unlock(weak, "nostr"); !errors.Is(err, ErrPassphrase) {
		t.Errorf("another log_n: got %v, want ErrPassphrase", err)
	}
}

func FuzzUnlock(f *testing.F) {
	f.Add(vector, "nostr")
	f.Add(relock(func(b []byte) []byte { b[1] = 1; return b }), "")
	f.Add("ncryptsec1", "")
	f.Fuzz(func(t *testing.T, locked, passphrase string) {
		if _, b, err := event.DecodeBech32(locked); err == nil && len(b) > 1 && b[1] > 4 && b[1] <= maxLogN {
			t.Skip("stretching is slow by design")
		}
		if _, err := Unlock(locked, passphrase); err == nil {
			t.Error("a made-up backup opened")
		}
	})
}

func TestLockIsNeverTheSameTwice(t *testing.T) {
	a, err := Lock(event.SecretKey{31: 1}, "long enough", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Lock(event.SecretKey{31: 1}, "long enough", rand.Reader)
	if err != nil || a == b {
		t.Errorf("two backups of one key are equal (%v)", err)
	}
}
