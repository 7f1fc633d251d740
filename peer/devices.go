package peer

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/libp2p/go-libp2p/core/crypto"
	libp2p "github.com/libp2p/go-libp2p/core/peer"

	"mural/event"
)

// Limits of a devices event.
const (
	maxDevices   = 64  // devices of one person, revoked ones aside
	maxRevoked   = 512 // revoked devices of one person
	maxHubs      = 8   // hub addresses of one device
	maxRoleBytes = 32
	maxHubBytes  = 256
)

const deviceDomain = "mural device 1\n" // what a counter-signature is made over begins with this

// ErrDevices wraps what is wrong with an event that should list devices.
var ErrDevices = errors.New("not a devices event")

// Device is one device of a person.
type Device struct {
	Peer   string   // libp2p peer id of an Ed25519 key
	Role   string   // "laptop", "phone", "hub": a word for people, at most 32 bytes
	Since  int64    // Unix seconds
	LogKey [32]byte // Ed25519 key of the device's log; zero while it has none
	Hubs   []string // multiaddrs of hubs that reach it, at most 8
	Sig    [64]byte // the device's signature: it agrees to be this person's
}

// CounterSign fills Peer and Sig of a device: the device key says that it
// belongs to the person since then, with that log key.
func CounterSign(key ed25519.PrivateKey, person event.PubKey, d Device) Device {
	id, err := idOfKey(key.Public().(ed25519.PublicKey))
	if err != nil { // an Ed25519 public key always makes an id
		return d
	}
	d.Peer = id.String()
	copy(d.Sig[:], ed25519.Sign(key, d.signed(person)))
	return d
}

func (d Device) signed(person event.PubKey) []byte {
	return fmt.Appendf(nil, "%s%s\n%s\n%d\n%s\n", deviceDomain, person, d.Peer, d.Since, logKeyText(d.LogKey))
}

// proven says whether the device itself agreed to be this person's.
func (d Device) proven(person event.PubKey) bool {
	id, err := libp2p.Decode(d.Peer)
	if err != nil {
		return false
	}
	pub, err := id.ExtractPublicKey()
	if err != nil || pub.Type() != crypto.Ed25519 {
		return false
	}
	ok, err := pub.Verify(d.signed(person), d.Sig[:])
	return err == nil && ok
}

// Devices lists the devices that the event names and that agreed to it by a
// valid counter-signature; entries that are malformed, forged or revoked are
// left out. The event's own signature is the caller's to check.
func Devices(e *event.Event) ([]Device, error) {
	if e.Kind != event.KindDevices {
		return nil, fmt.Errorf("%w: kind %d", ErrDevices, e.Kind)
	}
	entries := e.Tags.All("device")
	if len(entries) > maxDevices {
		return nil, fmt.Errorf("%w: %d devices, over the limit of %d", ErrDevices, len(entries), maxDevices)
	}
	gone := revoked(e)
	var out []Device
	for _, t := range entries {
		d, err := parseDevice(t)
		if err != nil || slices.Contains(gone, d.Peer) || !d.proven(e.PubKey) {
			continue
		}
		if !slices.ContainsFunc(out, func(o Device) bool { return o.Peer == d.Peer }) {
			out = append(out, d)
		}
	}
	return out, nil
}

// NewDevices makes the unsigned devices event of a person. prev is the version
// that it replaces, or nil: devices that prev lists and list does not become
// revoked, what was revoked stays so, and the commitment to a recovery key is kept.
func NewDevices(person event.PubKey, prev *event.Event, now time.Time, list []Device) *event.Event {
	e := &event.Event{PubKey: person, Kind: event.KindDevices, CreatedAt: now.Unix()}
	e.Tags = append(e.Tags, event.Tag{"alt", "The devices of this person"})
	for _, d := range list[:min(len(list), maxDevices)] {
		e.Tags = append(e.Tags, d.tag())
	}
	if prev == nil {
		return e
	}
	e.CreatedAt = max(e.CreatedAt, prev.CreatedAt+1)
	e.Tags = append(e.Tags, event.Tag{"prev", prev.ID.String()})
	if r := prev.Tags.First("recovery"); r != nil {
		e.Tags = append(e.Tags, r)
	}
	for _, id := range goneFrom(prev, list) {
		e.Tags = append(e.Tags, event.Tag{"revoked", id})
	}
	return e
}

// goneFrom gives what is revoked once list replaces prev. A device that was
// revoked does not come back by being listed again: it takes a new key.
func goneFrom(prev *event.Event, list []Device) []string {
	gone := revoked(prev)
	for _, t := range prev.Tags.All("device") {
		id := t.Value(1)
		listed := slices.ContainsFunc(list, func(d Device) bool { return d.Peer == id })
		if id != "" && !listed && !slices.Contains(gone, id) {
			gone = append(gone, id)
		}
	}
	return gone[max(0, len(gone)-maxRevoked):]
}

func revoked(e *event.Event) (ids []string) {
	for _, t := range e.Tags.All("revoked") {
		if len(ids) < maxRevoked && t.Value(1) != "" {
			ids = append(ids, t.Value(1))
		}
	}
	return ids
}

// tag gives ["device", peer, role, since, log key or "", counter-signature, hub...].
func (d Device) tag() event.Tag {
	t := event.Tag{"device", d.Peer, d.Role, strconv.FormatInt(d.Since, 10), logKeyText(d.LogKey), hex.EncodeToString(d.Sig[:])}
	return append(t, d.Hubs[:min(len(d.Hubs), maxHubs)]...)
}

func logKeyText(k [32]byte) string {
	if k == ([32]byte{}) {
		return ""
	}
	return hex.EncodeToString(k[:])
}

func parseDevice(t event.Tag) (d Device, err error) {
	if len(t) < 6 || len(t) > 6+maxHubs {
		return d, fmt.Errorf("%w: an entry has %d values", ErrDevices, len(t))
	}
	d.Peer, d.Role = t[1], t[2]
	if len(t) > 6 {
		d.Hubs = slices.Clone(t[6:])
	}
	if d.Since, err = strconv.ParseInt(t[3], 10, 64); err != nil || strconv.FormatInt(d.Since, 10) != t[3] {
		return d, fmt.Errorf("%w: an entry's time is not a number", ErrDevices)
	}
	if len(d.Role) > maxRoleBytes || !utf8.ValidString(d.Role) || slices.ContainsFunc(d.Hubs, func(h string) bool { return len(h) > maxHubBytes }) {
		return d, fmt.Errorf("%w: an entry is over its limits", ErrDevices)
	}
	if t[4] != "" {
		if err := fixedHex(d.LogKey[:], t[4]); err != nil {
			return d, err
		}
	}
	return d, fixedHex(d.Sig[:], t[5])
}

func fixedHex(dst []byte, s string) error {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(dst) || hex.EncodeToString(b) != s {
		return fmt.Errorf("%w: an entry's key or signature is not lower-case hex", ErrDevices)
	}
	copy(dst, b)
	return nil
}

func idOfKey(pub ed25519.PublicKey) (libp2p.ID, error) {
	k, err := crypto.UnmarshalEd25519PublicKey(pub)
	if err != nil {
		return "", fmt.Errorf("peer: reading a device key: %w", err)
	}
	return libp2p.IDFromPublicKey(k)
}
