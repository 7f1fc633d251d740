package event

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
)

// sealedVector is one row of testdata/nip44.json, made by another
// implementation (nostr-tools 2.25.2).
type sealedVector struct {
	Sec1, Sec2, Nonce, Pattern string
	ConversationKey            string `json:"conversation_key"`
	Times                      int
	Payload                    string
	PayloadSHA256              string `json:"payload_sha256"`
}

func sealedVectors(t testing.TB) (list []sealedVector) {
	t.Helper()
	b, err := os.ReadFile("testdata/nip44.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &list); err != nil || len(list) == 0 {
		t.Fatalf("%d vectors, %v", len(list), err)
	}
	// The example in the text of NIP-44.
	return append(list, sealedVector{
		Sec1: strings.Repeat("0", 63) + "1", Sec2: strings.Repeat("0", 63) + "2", Nonce: strings.Repeat("0", 63) + "1",
		ConversationKey: "c41c775356fd92eadc63ff5a0dc1da211b268cbea22316767095b2871ea1412d", Pattern: "a", Times: 1,
		Payload: "AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABee0G5VSK0/9YypIObAtDKfYEAjD35uVkHyB0F4DwrcNaCXlCWZKaArsGrY6M9wnuTMxWfp1RTN9Xga8no+kF5Vsb",
	})
}

func conversation(t testing.TB, a, b SecretKey) ConversationKey {
	t.Helper()
	c, err := a.Conversation(b.PubKey())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEncryptionAgreesWithOthers(t *testing.T) {
	for _, v := range sealedVectors(t) {
		a, b := SecretKey(hex32(t, v.Sec1)), SecretKey(hex32(t, v.Sec2))
		ab, ba := conversation(t, a, b), conversation(t, b, a)
		if ab != ba || hex.EncodeToString(ab[:]) != v.ConversationKey {
			t.Errorf("%q x %d: conversation keys %x and %x, want %s", v.Pattern, v.Times, ab[:], ba[:], v.ConversationKey)
		}
		text, nonce := strings.Repeat(v.Pattern, v.Times), hex32(t, v.Nonce)
		sealed, err := ab.Encrypt(text, bytes.NewReader(nonce[:]))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(sealed))
		if sealed != v.Payload && hex.EncodeToString(sum[:]) != v.PayloadSHA256 {
			t.Errorf("%q x %d: sealed otherwise: %.80s", v.Pattern, v.Times, sealed)
		}
		if got, err := ba.Decrypt(sealed); err != nil || got != text {
			t.Errorf("%q x %d: opens as %.80q, %v", v.Pattern, v.Times, got, err)
		}
	}
}

func TestPaddedSize(t *testing.T) {
	for n, want := range map[int]int{1: 32, 16: 32, 32: 32, 33: 64, 37: 64, 64: 64, 65: 96, 100: 128, 200: 224, 250: 256,
		256: 256, 257: 320, 320: 320, 383: 384, 400: 448, 500: 512, 515: 640, 700: 768, 900: 1024, 1020: 1024, 65536: 65536, 65537: 81920} {
		if got := paddedSize(n); got != want {
			t.Errorf("%d: got %d, want %d", n, got, want)
		}
	}
}

func TestConversationRefusesBadKeys(t *testing.T) {
	k, _ := NewSecretKey(rand.Reader)
	ff := bytes.Repeat([]byte{0xff}, 32)
	notOnCurve, _ := ParsePubKey("1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef")
	for name, try := range map[string]func() error{
		"secret key zero":         func() error { _, err := SecretKey{}.Conversation(k.PubKey()); return err },
		"secret key over n":       func() error { _, err := SecretKey(ff).Conversation(k.PubKey()); return err },
		"public key over p":       func() error { _, err := k.Conversation(PubKey(ff)); return err },
		"public key not on curve": func() error { _, err := k.Conversation(notOnCurve); return err },
		"public key zero":         func() error { _, err := k.Conversation(PubKey{}); return err },
	} {
		if err := try(); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestEncryptRefuses(t *testing.T) {
	c := ConversationKey{1}
	for text, want := range map[string]error{"": ErrMalformed, "\xff": ErrMalformed,
		strings.Repeat("x", 81921): ErrTooLarge, strings.Repeat("x", 10_000_000): ErrTooLarge} {
		if _, err := c.Encrypt(text, rand.Reader); !errors.Is(err, want) {
			t.Errorf("%d bytes: got %v, want %v", len(text), err, want)
		}
	}
	if _, err := c.Encrypt("x", failing{}); err == nil {
		t.Error("encrypts without randomness")
	}
}

// resealed seals any padded bytes with a right MAC.
func resealed(t testing.TB, c ConversationKey, padded []byte) string {
	t.Helper()
	var nonce [nonceSize]byte
	keys, err := c.messageKeys(nonce)
	if err != nil {
		t.Fatal(err)
	}
	body := make([]byte, len(padded))
	keys.cipher.XORKeyStream(body, padded)
	b := append(append([]byte{nip44Version}, nonce[:]...), body...)
	return base64.StdEncoding.EncodeToString(append(b, keys.mac(nonce, body)...))
}

func TestDecryptRefuses(t *testing.T) {
	c := ConversationKey{1}
	good, err := c.Encrypt("hello", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := base64.StdEncoding.DecodeString(good)
	changed := func(at int) string {
		b := bytes.Clone(raw)
		b[at] ^= 1
		return base64.StdEncoding.EncodeToString(b)
	}
	zeros := func(n int, head ...byte) []byte { return append(head, make([]byte, n)...) }
	cases := []struct {
		name, sealed string
		want         error
	}{
		{"nothing", "", ErrMalformed},
		{"future version", "#" + good, ErrMalformed},
		{"version 1", changed0(raw, 1), ErrMalformed},
		{"version 0", changed0(raw, 0), ErrMalformed},
		{"no base64", good[:20] + "," + good[21:], ErrMalformed},
		{"line end inside", good[:20] + "\n" + good[20:], ErrMalformed},
		{"too short", base64.StdEncoding.EncodeToString(raw[:minNIP44-1]), ErrMalformed},
		{"too long", strings.Repeat("A", maxNIP44Chars+4), ErrTooLarge},
		{"nonce changed", changed(1), ErrSealed},
		{"text changed", changed(40), ErrSealed},
		{"MAC changed", changed(len(raw) - 1), ErrSealed},
		{"length zero", resealed(t, c, zeros(32, 0, 0)), ErrSealed},
		{"length over what is there", resealed(t, c, zeros(32, 0, 33)), ErrSealed},
		{"padding of another length", resealed(t, c, zeros(64, 0, 5)), ErrSealed},
		{"wide length under 65536", resealed(t, c, zeros(32, 0, 0, 0, 0, 0, 5)), ErrSealed},
		{"wide length of 4 GB", resealed(t, c, zeros(32, 0, 0, 0xff, 0xff, 0xff, 0xff)), ErrSealed},
		{"invalid UTF-8", resealed(t, c, zeros(31, 0, 1, 0xff)), ErrSealed},
	}
	for _, v := range cases {
		if got, err := c.Decrypt(v.sealed); !errors.Is(err, v.want) {
			t.Errorf("%s: got %q, %v; want %v", v.name, got, err, v.want)
		}
	}
	if _, err := (ConversationKey{2}).Decrypt(good); !errors.Is(err, ErrSealed) {
		t.Errorf("another key: %v", err)
	}
}

func changed0(raw []byte, version byte) string {
	b := bytes.Clone(raw)
	b[0] = version
	return base64.StdEncoding.EncodeToString(b)
}

// FuzzDecrypt also seals the bytes properly, so that unpad meets them.
func FuzzDecrypt(f *testing.F) {
	c := ConversationKey{1}
	good, _ := c.Encrypt("hello", rand.Reader)
	f.Add(good, []byte{0, 5, 'h', 'e', 'l', 'l', 'o'})
	f.Add("#", []byte{0, 0, 0, 1, 0, 0})
	f.Fuzz(func(t *testing.T, sealed string, padded []byte) {
		_, _ = c.Decrypt(sealed)
		if len(padded) < 2 {
			return
		}
		text, err := c.Decrypt(resealed(t, c, padded))
		if err != nil {
			return
		}
		again, err := c.Encrypt(text, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.Decrypt(again); err != nil || got != text {
			t.Fatalf("%q comes back as %q, %v", text, got, err)
		}
	})
}
