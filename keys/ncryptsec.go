package keys

import (
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/crypto/scrypt"
	"golang.org/x/text/unicode/norm"

	"mural/event"
)

// The fixed form of NIP-49: version, log2 of the scrypt rounds, salt, nonce,
// key-security byte, ciphertext with its tag.
const (
	lockVersion   = 0x02
	lockLogN      = 16 // 64 MiB and about 0.2 s: what NIP-49 calls interactive
	maxLogN       = 20 // 1 GiB: more is refused, no memory on a stranger's word
	saltBytes     = 16
	nonceBytes    = chacha20poly1305.NonceSizeX
	keySecurity   = 0x02 // "the client does not track this"
	lockedBytes   = 2 + saltBytes + nonceBytes + 1 + 32 + chacha20poly1305.Overhead
	MinPassphrase = 8 // characters
)

// ErrPassphrase says that a backup does not open with this passphrase.
var ErrPassphrase = errors.New("this passphrase does not open the backup")

// Lock encrypts a person's key under a passphrase (NIP-49). random gives salt and nonce.
func Lock(secret event.SecretKey, passphrase string, random io.Reader) (string, error) {
	if utf8.RuneCountInString(passphrase) < MinPassphrase {
		return "", fmt.Errorf("the passphrase needs at least %d characters", MinPassphrase)
	}
	out := make([]byte, 2+saltBytes+nonceBytes, lockedBytes)
	out[0], out[1] = lockVersion, lockLogN
	if _, err := io.ReadFull(random, out[2:]); err != nil {
		return "", fmt.Errorf("keys: salt for the backup: %w", err)
	}
	key, err := stretch(passphrase, out[2:2+saltBytes], lockLogN)
	if err != nil {
		return "", err
	}
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return "", fmt.Errorf("keys: locking: %w", err)
	}
	out = append(out, keySecurity)
	return event.EncodeBech32("ncryptsec", aead.Seal(out, out[2+saltBytes:2+saltBytes+nonceBytes], secret[:], []byte{keySecurity})), nil
}

// Unlock opens what Lock made. A wrong passphrase is ErrPassphrase.
func Unlock(locked, passphrase string) (event.SecretKey, error) {
	hrp, b, err := event.DecodeBech32(locked)
	if err != nil || hrp != "ncryptsec" || len(b) != lockedBytes || b[0] != lockVersion || b[1] == 0 || b[1] > maxLogN {
		return event.SecretKey{}, errors.New("this is not a locked key (ncryptsec1...)")
	}
	head := 2 + saltBytes + nonceBytes
	key, err := stretch(passphrase, b[2:2+saltBytes], b[1])
	if err != nil {
		return event.SecretKey{}, err
	}
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return event.SecretKey{}, fmt.Errorf("keys: unlocking: %w", err)
	}
	plain, err := aead.Open(nil, b[2+saltBytes:head], b[head+1:], b[head:head+1])
	if err != nil || len(plain) != 32 {
		return event.SecretKey{}, ErrPassphrase
	}
	return event.SecretKey(plain), nil
}

func stretch(passphrase string, salt []byte, logN byte) ([]byte, error) {
	key, err := scrypt.Key([]byte(norm.NFKC.String(passphrase)), salt, 1<<logN, 8, 1, 32)
	if err != nil {
		return nil, fmt.Errorf("keys: stretching the passphrase: %w", err)
	}
	return key, nil
}
