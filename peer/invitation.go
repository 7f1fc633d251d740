package peer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	libp2p "github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"mural/event"
)

// Versions of an invitation: the second carries a token.
const (
	plainInvitation = 1
	tokenInvitation = 2
)

// Limits of an invitation. The whole stays under 500 characters, so that a
// QR code of it can be read from a phone's screen.
const (
	inviteTokenBytes = 16
	maxInviteAddrs   = 6   // addresses
	maxInviteAddr    = 40  // bytes of one address, binary multiaddr
	maxInviteName    = 40  // bytes of the name
	maxInviteText    = 640 // characters of the code
	maxInviteLink    = 4096
)

// ErrInvitation wraps what is wrong with an invitation's text.
var ErrInvitation = errors.New("not an invitation")

// Invitation tells somebody where to find a person's device. It is not
// signed: who hands it over is whom the reader trusts, and the device proves
// itself when it is reached.
type Invitation struct {
	Person event.PubKey // who invites; zero if unknown
	Peer   string       // libp2p peer id of the inviting device
	Addrs  []string     // multiaddrs, each ending in /p2p/<Peer>
	Name   string       // what the inviter is called; a claim
	Token  []byte       // 16 bytes by which the inviter knows who was invited; nil in a version 1 code
}

// Invitation makes the text "mural1..." that lets somebody find this node.
func (h *Host) Invitation(name string) string {
	inv := Invitation{Peer: h.ID(), Name: name, Addrs: h.inviteAddrs(), Token: h.cfg.InviteToken}
	for _, e := range h.interests.Hello(context.Background()) {
		if inv.Person.IsZero() || e.Kind == event.KindDevices {
			inv.Person = e.PubKey
		}
	}
	return inv.String()
}

// String gives the code: bech32 with the prefix "mural" (docs/protocol/invitation.md).
func (i Invitation) String() string {
	pub := rawKey(i.Peer)
	b := []byte{plainInvitation}
	if len(i.Token) == inviteTokenBytes {
		b[0] = tokenInvitation
	}
	b = append(b, i.Person[:]...)
	b = append(b, pub[:]...)
	name := cutUTF8(i.Name, maxInviteName)
	b = append(append(b, byte(len(name))), name...)
	addrs := binaryAddrs(i.Addrs)
	b = append(b, byte(len(addrs)))
	for _, a := range addrs {
		b = append(append(b, byte(len(a))), a...)
	}
	if b[0] == tokenInvitation {
		b = append(b, i.Token...)
	}
	return event.EncodeBech32("mural", b)
}

func rawKey(id string) (out [32]byte) {
	p, err := libp2p.Decode(id)
	if err != nil {
		return out
	}
	if pub, err := p.ExtractPublicKey(); err == nil {
		raw, _ := pub.Raw() // an inline Ed25519 key always has its bytes
		copy(out[:], raw)
	}
	return out
}

func binaryAddrs(addrs []string) (out [][]byte) {
	for _, s := range addrs {
		a, err := ma.NewMultiaddr(s)
		if err != nil {
			continue
		}
		if t, id := libp2p.SplitAddr(a); id != "" || t != nil {
			a = t
		}
		if dialable(a) && len(a.Bytes()) <= maxInviteAddr && len(out) < maxInviteAddrs {
			out = append(out, a.Bytes())
		}
	}
	return out
}

func cutUTF8(s string, n int) string {
	s = strings.ToValidUTF8(s, "")
	for len(s) > n {
		_, w := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-w]
	}
	return s
}

// ParseInvitation reads an invitation, or a text or link that contains one.
func ParseInvitation(text string) (Invitation, error) {
	if len(text) > maxInviteLink {
		return Invitation{}, fmt.Errorf("%w: %d characters, over the limit of %d", ErrInvitation, len(text), maxInviteLink)
	}
	code := findCode(text)
	if code == "" {
		return Invitation{}, fmt.Errorf("%w: no \"mural1...\" in it", ErrInvitation)
	}
	hrp, b, err := event.DecodeBech32(code)
	if len(code) > maxInviteText || err != nil || hrp != "mural" {
		return Invitation{}, fmt.Errorf("%w: it was cut off or mistyped", ErrInvitation)
	}
	return parseInvitation(b)
}

const bech32Chars = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

// findCode gives the longest stretch of bech32 characters that begins with "mural1".
func findCode(text string) string {
	low := strings.ToLower(text)
	if len(low) != len(text) {
		return "" // not ASCII where it matters
	}
	at := strings.Index(low, "mural1")
	if at < 0 {
		return ""
	}
	end := at + len("mural1")
	for end < len(low) && strings.IndexByte(bech32Chars, low[end]) >= 0 {
		end++
	}
	return text[at:end]
}

func parseInvitation(b []byte) (inv Invitation, err error) {
	if len(b) < 1+32+32+2 {
		return inv, fmt.Errorf("%w: too short", ErrInvitation)
	}
	switch b[0] {
	case plainInvitation:
	case tokenInvitation:
		end := len(b) - inviteTokenBytes
		inv.Token, b = slices.Clone(b[end:]), b[:end]
	default:
		return inv, fmt.Errorf("%w: version %d is newer than this program", ErrInvitation, b[0])
	}
	if len(b) < 1+32+32+2 {
		return Invitation{}, fmt.Errorf("%w: too short", ErrInvitation)
	}
	copy(inv.Person[:], b[1:])
	id, err := idOfKey(b[33:65])
	if err != nil {
		return inv, fmt.Errorf("%w: %v", ErrInvitation, err)
	}
	inv.Peer = id.String()
	name, rest, err := cutField(b[65:], maxInviteName)
	if err != nil || !utf8.Valid(name) || len(rest) < 1 || rest[0] > maxInviteAddrs {
		return inv, fmt.Errorf("%w: name or addresses are over their limits", ErrInvitation)
	}
	inv.Name = string(name)
	inv.Addrs, err = parseInviteAddrs(rest[1:], int(rest[0]), id)
	return inv, err
}

func parseInviteAddrs(b []byte, n int, id libp2p.ID) (out []string, err error) {
	for range n {
		var raw []byte
		if raw, b, err = cutField(b, maxInviteAddr); err != nil {
			return nil, err
		}
		a, err := ma.NewMultiaddrBytes(raw)
		if err != nil || !dialable(a) {
			continue // an address form of a later version
		}
		out = append(out, a.String()+"/p2p/"+id.String())
	}
	if len(b) > 0 {
		return nil, fmt.Errorf("%w: %d bytes too many", ErrInvitation, len(b))
	}
	return out, nil
}

func cutField(b []byte, limit int) (field, rest []byte, err error) {
	if len(b) < 1 || int(b[0]) > limit || int(b[0]) > len(b)-1 {
		return nil, nil, fmt.Errorf("%w: a field is cut off or too long", ErrInvitation)
	}
	return b[1 : 1+b[0]], b[1+b[0]:], nil
}

// dialable says whether the address is plain TCP or QUIC on an IP or a name.
func dialable(a ma.Multiaddr) bool {
	if len(a) < 2 || len(a) > 3 {
		return false
	}
	host := []int{ma.P_IP4, ma.P_IP6, ma.P_DNS, ma.P_DNS4, ma.P_DNS6}
	if !slices.Contains(host, a[0].Protocol().Code) {
		return false
	}
	if len(a) == 2 {
		return a[1].Protocol().Code == ma.P_TCP
	}
	return a[1].Protocol().Code == ma.P_UDP && a[2].Protocol().Code == ma.P_QUIC_V1
}

// inviteAddrs gives the addresses others may reach this node at: those of the
// local network first, then public ones; loopback only where there is nothing else.
func (h *Host) inviteAddrs() []string {
	all, err := h.net.Network().InterfaceListenAddresses()
	if err != nil {
		return nil
	}
	all = slices.DeleteFunc(slices.Clone(all), func(a ma.Multiaddr) bool { return !dialable(a) || manet.IsIP6LinkLocal(a) })
	slices.SortStableFunc(all, func(a, b ma.Multiaddr) int { return inviteRank(a) - inviteRank(b) })
	var out []string
	for _, a := range all {
		if isLoopback(a) && len(out) > 0 && !isLoopbackText(out[0]) || len(out) == maxInviteAddrs {
			break
		}
		out = append(out, a.String())
	}
	return out
}
