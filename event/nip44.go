package event

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"strings"
	"unicode/utf8"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"golang.org/x/crypto/chacha20"
)

// ErrSealed means an encrypted text that is whole in form and does not open:
// another key, or changed on its way.
var ErrSealed = errors.New("encrypted text does not open with this key")

// What NIP-44 version 2 fixes, in bytes.
const (
	nip44Version  = 2
	nonceSize     = 32
	macSize       = sha256.Size
	minPadded     = 32
	wideLength    = 1 << 16 // lengths from here on are written in six bytes, not two
	minNIP44      = 1 + nonceSize + 2 + minPadded + macSize
	maxNIP44Chars = MaxEventBytes // an encrypted text is the content of an event
)

// ConversationKey encrypts between two persons (NIP-44). It is the same for
// both and never changes; printed, logged or marshalled it does not show itself.
type ConversationKey [32]byte

// String, GoString and MarshalText keep the key out of logs and JSON.
func (c ConversationKey) String() string { return "(conversation key)" }

// GoString says no more than String.
func (c ConversationKey) GoString() string { return c.String() }

// MarshalText says no more than String.
func (c ConversationKey) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Conversation gives the key for encrypting between this person and another.
// It refuses a secret key out of range and a public key that is no point of
// the curve; errors wrap ErrMalformed.
func (k SecretKey) Conversation(with PubKey) (ConversationKey, error) {
	if !k.Valid() {
		return ConversationKey{}, fmt.Errorf("%w: secret key out of range", ErrMalformed)
	}
	theirs, err := secp256k1.ParsePubKey(append([]byte{secp256k1.PubKeyFormatCompressedEven}, with[:]...))
	if err != nil {
		return ConversationKey{}, fmt.Errorf("%w: public key is not on the curve", ErrMalformed)
	}
	mine := secp256k1.PrivKeyFromBytes(k[:])
	defer mine.Zero()
	shared := secp256k1.GenerateSharedSecret(mine, theirs) // x alone, unhashed
	defer clear(shared)
	key, err := hkdf.Extract(sha256.New, shared, []byte("nip44-v2"))
	if err != nil {
		return ConversationKey{}, fmt.Errorf("event: deriving a conversation key: %w", err)
	}
	return ConversationKey(key), nil
}

// Encrypt seals text as the base64 of NIP-44 version 2, with a nonce drawn from
// random. The text must not be empty, must be valid UTF-8, and must fit an
// event once encrypted (81,920 bytes do). What is sealed must still be signed,
// as the content of an event.
func (c ConversationKey) Encrypt(text string, random io.Reader) (string, error) {
	if text == "" || !utf8.ValidString(text) {
		return "", fmt.Errorf("%w: only valid UTF-8 of at least a byte is encrypted", ErrMalformed)
	}
	var nonce [nonceSize]byte
	if _, err := io.ReadFull(random, nonce[:]); err != nil {
		return "", fmt.Errorf("event: encrypting: %w", err)
	}
	prefix, padded := lengthPrefix(len(text)), paddedSize(len(text))
	size := 1 + nonceSize + len(prefix) + padded + macSize
	if base64.StdEncoding.EncodedLen(size) > maxNIP44Chars {
		return "", fmt.Errorf("%w: %d bytes to encrypt", ErrTooLarge, len(text))
	}
	out := append(make([]byte, 0, size), nip44Version)
	out = append(out, nonce[:]...)
	out = append(append(out, prefix...), text...)
	out = out[:size-macSize]
	keys, err := c.messageKeys(nonce)
	if err != nil {
		return "", err
	}
	keys.cipher.XORKeyStream(out[1+nonceSize:], out[1+nonceSize:])
	return base64.StdEncoding.EncodeToString(append(out, keys.mac(nonce, out[1+nonceSize:])...)), nil
}

// Decrypt opens what Encrypt or another implementation of NIP-44 version 2
// sealed. Errors wrap ErrMalformed (no such text, or another version),
// ErrTooLarge, or ErrSealed (does not open).
func (c ConversationKey) Decrypt(sealed string) (string, error) {
	nonce, body, mac, err := readSealed(sealed)
	if err != nil {
		return "", err
	}
	keys, err := c.messageKeys(nonce)
	if err != nil {
		return "", err
	}
	if !hmac.Equal(keys.mac(nonce, body), mac) { // constant time
		return "", ErrSealed
	}
	keys.cipher.XORKeyStream(body, body)
	return unpad(body)
}

func readSealed(sealed string) (nonce [nonceSize]byte, body, mac []byte, err error) {
	if len(sealed) > maxNIP44Chars {
		return nonce, nil, nil, fmt.Errorf("%w: encrypted text of %d characters, not at most %d", ErrTooLarge, len(sealed), maxNIP44Chars)
	}
	if strings.HasPrefix(sealed, "#") {
		return nonce, nil, nil, fmt.Errorf("%w: unknown version of encryption", ErrMalformed)
	}
	b, err := base64.StdEncoding.Strict().DecodeString(sealed)
	// The decoder skips line ends, which nobody else does.
	if err != nil || strings.ContainsAny(sealed, "\r\n") || len(b) == 0 {
		return nonce, nil, nil, fmt.Errorf("%w: encrypted text is not base64", ErrMalformed)
	}
	if b[0] != nip44Version {
		return nonce, nil, nil, fmt.Errorf("%w: unknown version %d of encryption", ErrMalformed, b[0])
	}
	if len(b) < minNIP44 {
		return nonce, nil, nil, fmt.Errorf("%w: encrypted text of %d bytes", ErrMalformed, len(b))
	}
	end := len(b) - macSize
	return [nonceSize]byte(b[1:]), b[1+nonceSize : end], b[end:], nil
}

// messageKeys are for one message alone.
type messageKeys struct {
	cipher *chacha20.Cipher
	macKey [macSize]byte
}

func (c ConversationKey) messageKeys(nonce [nonceSize]byte) (k messageKeys, err error) {
	const cipherEnd = chacha20.KeySize + chacha20.NonceSize
	b, err := hkdf.Expand(sha256.New, c[:], string(nonce[:]), cipherEnd+macSize)
	if err != nil {
		return k, fmt.Errorf("event: deriving message keys: %w", err)
	}
	defer clear(b)
	copy(k.macKey[:], b[cipherEnd:])
	if k.cipher, err = chacha20.NewUnauthenticatedCipher(b[:chacha20.KeySize], b[chacha20.KeySize:cipherEnd]); err != nil {
		return k, fmt.Errorf("event: starting the cipher: %w", err)
	}
	return k, nil
}

// mac authenticates nonce and ciphertext.
func (k *messageKeys) mac(nonce [nonceSize]byte, ciphertext []byte) []byte {
	h := hmac.New(sha256.New, k.macKey[:])
	h.Write(nonce[:])
	h.Write(ciphertext)
	return h.Sum(nil)
}

// lengthPrefix is the length as 16 bits, or as 16 zero bits and 32 more.
func lengthPrefix(n int) []byte {
	if n < wideLength {
		return binary.BigEndian.AppendUint16(nil, uint16(n))
	}
	return binary.BigEndian.AppendUint32([]byte{0, 0}, uint32(n))
}

// paddedSize rounds up to 32, and from 257 on to an eighth of the next power of two.
func paddedSize(n int) int {
	if n <= minPadded {
		return minPadded
	}
	chunk := max(minPadded, 1<<bits.Len(uint(n-1))/8)
	return (n + chunk - 1) / chunk * chunk
}

func unpad(body []byte) (string, error) {
	n, text := int(binary.BigEndian.Uint16(body)), body[2:]
	if n == 0 && len(text) >= 4 {
		wide := binary.BigEndian.Uint32(text)
		if wide < wideLength || uint64(wide) > uint64(len(text)) {
			return "", fmt.Errorf("%w: its length is wrong", ErrSealed)
		}
		n, text = int(wide), text[4:]
	}
	if n == 0 || n > len(text) || len(text) != paddedSize(n) || !utf8.Valid(text[:n]) {
		return "", fmt.Errorf("%w: its padding is wrong", ErrSealed)
	}
	return string(text[:n]), nil
}
