package peer

import (
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/network"
	corepeer "github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// gate keeps peers out that misbehaved, until their time is over.
type gate struct{ h *Host }

func (g gate) InterceptPeerDial(id corepeer.ID) bool                { return !g.h.banned(id) }
func (g gate) InterceptAddrDial(_ corepeer.ID, a ma.Multiaddr) bool { return dialable(a) }
func (g gate) InterceptAccept(network.ConnMultiaddrs) bool          { return true }
func (g gate) InterceptSecured(_ network.Direction, id corepeer.ID, _ network.ConnMultiaddrs) bool {
	return !g.h.banned(id)
}
func (g gate) InterceptUpgraded(network.Conn) (bool, control.DisconnectReason) { return true, 0 }

func (h *Host) banned(id corepeer.ID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.contacts[id]
	return c != nil && time.Now().Before(c.bannedUntil)
}

// punish drops a peer for a breach of the protocol and keeps it out for a
// while: a minute the first time, twice as long each time after.
func (h *Host) punish(id corepeer.ID, f *Fault) {
	h.mu.Lock()
	c := h.contactLocked(id)
	if c == nil || time.Now().Before(c.bannedUntil) {
		h.mu.Unlock()
		return
	}
	c.fault = f.Reason
	ban := min(firstBan<<min(c.bans, 10), maxBan)
	c.bans++
	c.bannedUntil = time.Now().Add(ban)
	s := c.session
	h.mu.Unlock()
	h.log.Warn("peer dropped", "peer", id.String(), "reason", f.Reason, "for", ban)
	if s != nil {
		s.stop(f)
	}
	_ = h.net.Network().ClosePeer(id)
}

// tcpFirst dials TCP at once and QUIC a little later: on the figures, TCP
// moves bulk at a third of QUIC's cost. Local addresses come before others.
func tcpFirst(addrs []ma.Multiaddr) []network.AddrDelay {
	sorted := slices.Clone(addrs)
	slices.SortStableFunc(sorted, func(a, b ma.Multiaddr) int { return int(dialDelay(a) - dialDelay(b)) })
	out := make([]network.AddrDelay, 0, len(sorted))
	for _, a := range sorted {
		out = append(out, network.AddrDelay{Addr: a, Delay: dialDelay(a)})
	}
	return out
}

func dialDelay(a ma.Multiaddr) (d time.Duration) {
	if !isLocal(a) {
		d += 100 * time.Millisecond
	}
	if _, err := a.ValueForProtocol(ma.P_TCP); err != nil {
		d += 250 * time.Millisecond
	}
	return d
}

// isLocal says whether the address is on this machine or on a private network.
func isLocal(a ma.Multiaddr) bool {
	return manet.IsPrivateAddr(a) || manet.IsIPLoopback(a) || manet.IsIP6LinkLocal(a)
}

func isLoopback(a ma.Multiaddr) bool { return manet.IsIPLoopback(a) }

func isLoopbackText(s string) bool {
	a, err := ma.NewMultiaddr(s)
	return err == nil && isLoopback(a)
}

// inviteRank orders addresses for an invitation.
func inviteRank(a ma.Multiaddr) int {
	rank := 0
	switch {
	case isLoopback(a):
		rank = 20
	case !isLocal(a):
		rank = 10
	}
	if _, err := a.ValueForProtocol(ma.P_TCP); err != nil {
		rank += 5
	}
	return rank
}
