// Package keys holds what signs here: the person's key, the device's key, and
// the gate that says who is at the door.
//
// The person's key is the npub that others follow; the device's key is the
// libp2p identity of this node. A backup holds the first and never the second,
// so that a restored backup becomes a new device (design, "Keys of a person").
package keys

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"mural/event"
)

// File names inside the keys folder. Each is one line of text, mode 0600.
const (
	personFile = "person.key" // nsec1...
	deviceFile = "device.key" // hex of the Ed25519 seed
	inviteFile = "invite.key" // hex of the token in invitations
)

// ErrNoPerson says that nobody has typed a name on this node yet.
var ErrNoPerson = errors.New("this node has no person yet: open the app and type a name, or run: mural name \"Ana\"")

// Ring is the set of keys of one home. It is safe for concurrent use.
type Ring struct {
	dir    string
	rand   io.Reader
	device ed25519.PrivateKey

	mu     sync.RWMutex // guards secret and pub
	secret event.SecretKey
	pub    event.PubKey
}

// Open reads the keys under dir, and makes the folder and the device key when
// they are missing. random is where new keys come from (crypto/rand.Reader).
// A key file that others on this machine may read is refused.
func Open(dir string, random io.Reader) (*Ring, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("keys: making %s: %w", dir, err)
	}
	r := &Ring{dir: dir, rand: random}
	if err := r.openDevice(); err != nil {
		return nil, err
	}
	return r, r.openPerson()
}

func (r *Ring) openPerson() error {
	path := filepath.Join(r.dir, personFile)
	line, err := readSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	secret, err := ParseSecret(line)
	if err != nil {
		// What is wrong with it is not said: the words would quote the key.
		return fmt.Errorf("keys: %s is damaged; move it away and bring your key back from a backup: mural restore-key", path)
	}
	r.secret, r.pub = secret, secret.PubKey()
	return nil
}

// ParseSecret reads a person's key as nsec1 or as 64 hex digits.
func ParseSecret(s string) (event.SecretKey, error) {
	s = strings.TrimSpace(s)
	if !strings.HasPrefix(s, "nsec1") {
		return event.ParseSecretKey(s)
	}
	v, err := event.Decode(s)
	if err != nil {
		return event.SecretKey{}, err
	}
	k, ok := v.(event.SecretKey)
	if !ok {
		return event.SecretKey{}, errors.New("this is not a secret key (nsec1...)")
	}
	return k, nil
}

// Person gives the key that signs here; false before anybody typed a name.
func (r *Ring) Person() (event.PubKey, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.pub, !r.pub.IsZero()
}

// Device gives the device's key, the libp2p identity of this node.
func (r *Ring) Device() ed25519.PrivateKey { return r.device }

// NewPerson makes the person's key. It refuses where there is one already:
// a key that was replaced by accident is a person lost.
func (r *Ring) NewPerson() (event.PubKey, error) {
	secret, err := event.NewSecretKey(r.rand)
	if err != nil {
		return event.PubKey{}, fmt.Errorf("keys: making a key: %w", err)
	}
	return r.SetPerson(secret)
}

// SetPerson takes an existing key (a restored backup) as the person of this home.
func (r *Ring) SetPerson(secret event.SecretKey) (event.PubKey, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.pub.IsZero() {
		return r.pub, errors.New("keys: this home already has a person; use another --home for another person")
	}
	if err := writeSecret(filepath.Join(r.dir, personFile), event.EncodeNSec(secret)); err != nil {
		return event.PubKey{}, err
	}
	r.secret, r.pub = secret, secret.PubKey()
	return r.pub, nil
}

// Sign signs e as the person of this home. ErrNoPerson before there is one.
func (r *Ring) Sign(_ context.Context, e *event.Event) error {
	r.mu.RLock()
	secret, ok := r.secret, !r.pub.IsZero()
	r.mu.RUnlock()
	if !ok {
		return ErrNoPerson
	}
	if err := e.Sign(secret); err != nil {
		return fmt.Errorf("keys: signing: %w", err)
	}
	return nil
}

// Backup gives the person's key locked with a passphrase (NIP-49 ncryptsec).
func (r *Ring) Backup(passphrase string) (string, error) {
	r.mu.RLock()
	secret, ok := r.secret, !r.pub.IsZero()
	r.mu.RUnlock()
	if !ok {
		return "", ErrNoPerson
	}
	return Lock(secret, passphrase, r.rand)
}
