package peer

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	corepeer "github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"mural/event"
)

// contact is what the host remembers of one peer. Host.mu guards it, the meter aside.
type contact struct {
	id      corepeer.ID
	addrs   []ma.Multiaddr
	known   bool      // asked for by Connect or Remember: redialled for ever
	found   time.Time // when mDNS last told of it; zero if it did not
	met     bool      // a session stood at least once
	token   []byte    // of the peer's invitation to this node, if there was one
	invited bool      // has shown that it knows an invitation of this node
	friend  bool      // its person is an acquaintance
	person  event.PubKey
	profile *event.Event

	session  *session
	since    time.Time
	lastSeen time.Time
	opening  bool // a session is being opened; until it stands, or does not
	greeting int  // hellos under way

	fails    int // dials in a row that led to nothing
	nextDial time.Time
	dialing  bool

	fault       string
	bans        int
	bannedUntil time.Time

	syncs, blobStreams int // streams being served
	meter              *meter
}

// contactLocked gives the contact, made if need be; nil when the book is full
// of peers that matter more.
func (h *Host) contactLocked(id corepeer.ID) *contact {
	if c := h.contacts[id]; c != nil {
		return c
	}
	if len(h.contacts) >= maxContacts && !h.forgetOneLocked() {
		return nil
	}
	c := &contact{id: id, meter: &meter{}}
	h.contacts[id] = c
	return c
}

// forgetOneLocked forgets the stranger that was seen longest ago; one that is
// kept out only when there is nobody else.
func (h *Host) forgetOneLocked() bool {
	var oldest *contact
	now := time.Now()
	worth := func(c *contact) (bool, time.Time) { return now.Before(c.bannedUntil), c.lastSeen }
	for _, c := range h.contacts {
		if c.known || c.session != nil || c.opening || c.dialing || c.greeting > 0 || c.syncs+c.blobStreams > 0 {
			continue
		}
		if oldest == nil {
			oldest = c
			continue
		}
		banned, seen := worth(c)
		oldBanned, oldSeen := worth(oldest)
		if oldBanned && !banned || oldBanned == banned && seen.Before(oldSeen) {
			oldest = c
		}
	}
	if oldest != nil {
		delete(h.contacts, oldest.id)
	}
	return oldest != nil
}

func (c *contact) addAddrs(addrs []ma.Multiaddr) {
	for _, a := range addrs {
		if !slices.ContainsFunc(c.addrs, a.Equal) {
			c.addrs = append([]ma.Multiaddr{a}, c.addrs...)
		}
	}
	c.addrs = c.addrs[:min(len(c.addrs), maxAddrs)]
}

// redials says whether the host should keep trying to reach it.
// A peer that is known from the local network alone is given up after a while.
func (c *contact) redials() bool {
	near := !c.found.IsZero() && time.Since(later(c.found, c.lastSeen)) < nearbyRedial
	return len(c.addrs) > 0 && (c.known || near)
}

// failedLocked plans the next dial: doubling, capped, jittered by a quarter.
func (h *Host) failedLocked(c *contact) {
	wait := min(h.cfg.pace.firstRedial<<min(c.fails, 10), maxRedial)
	wait += time.Duration(rand.Int64N(int64(wait)/2)) - wait/4
	c.fails++
	c.nextDial = time.Now().Add(wait)
}

func (h *Host) snapshotLocked(c *contact) Peer {
	p := Peer{
		ID: c.id.String(), Person: c.person, Profile: c.profile, Connected: c.session != nil,
		Since: c.since, LastSeen: c.lastSeen, Fault: c.fault,
		BytesIn: c.meter.in.Load(), BytesOut: c.meter.out.Load(),
	}
	p.Nearby = !c.found.IsZero() && (p.Connected || time.Since(later(c.found, c.lastSeen)) < nearbyMemory)
	for _, a := range c.addrs {
		p.Addrs = append(p.Addrs, a.String())
	}
	if c.session != nil {
		p.Transport = c.session.transport
		if heard := c.meter.heard.Load(); heard > 0 {
			p.LastSeen = h.cfg.Now().Add(-time.Since(time.Unix(0, heard)))
		}
	}
	return p
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Peers lists the peers that are connected, nearby, remembered, or were met
// since the host started: connected ones first, then by when they were last seen.
func (h *Host) Peers() []Peer {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []Peer
	for _, c := range h.contacts {
		if p := h.snapshotLocked(c); p.Connected || p.Nearby || c.known || c.met {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b Peer) int {
		if a.Connected != b.Connected {
			if a.Connected {
				return -1
			}
			return 1
		}
		if n := b.LastSeen.Compare(a.LastSeen); n != 0 {
			return n
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out
}

// Watch calls f with every peer that came, went, introduced itself or was
// found nearby, one call at a time and in order. f must be quick and must not
// call Close.
func (h *Host) Watch(f func(Peer)) (cancel func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	id := h.nextID
	h.nextID++
	h.watchers[id] = f
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.watchers, id)
	}
}

func (h *Host) tellLocked(c *contact) {
	select {
	case h.told <- h.snapshotLocked(c):
	default: // watchers are far behind; Peers still has the truth
	}
}

func (h *Host) tellLoop(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case p := <-h.told:
			h.mu.Lock()
			fs := make([]func(Peer), 0, len(h.watchers))
			for id := range h.nextID {
				if f := h.watchers[id]; f != nil {
					fs = append(fs, f)
				}
			}
			h.mu.Unlock()
			for _, f := range fs {
				f(p)
			}
		}
	}
}

// connected is told of every new connection, whoever dialled.
func (h *Host) connected(conn network.Conn) {
	h.task(func(ctx context.Context) { h.ensureSession(ctx, conn) })
}

// ensureSession opens the session if this side is the one to open it, and
// otherwise waits a while for the other side and then hangs up.
func (h *Host) ensureSession(ctx context.Context, conn network.Conn) {
	if h.net.ID() < conn.RemotePeer() {
		h.openSession(ctx, conn)
		return
	}
	h.hangUp(ctx, conn, h.cfg.pace.strangerGrace)
}

func (h *Host) openSession(ctx context.Context, conn network.Conn) {
	id := conn.RemotePeer()
	h.mu.Lock()
	c := h.contactLocked(id)
	if c == nil || c.session != nil || c.opening {
		if c != nil && c.session != nil && h.outlived(c.session, conn) {
			c.session.stop(errReturned) // leave opens one on the new connection
		}
		h.mu.Unlock()
		return
	}
	c.opening = true
	h.mu.Unlock()
	if err := h.dialSession(ctx, c); err != nil {
		h.log.Debug("no session", "peer", id.String(), "err", err)
		h.hangUp(ctx, conn, lingerTime) // a last word may still be on its way
	}
}

// outlived says whether a new connection shows that the peer has lost the
// session: nobody dials a peer with whom a session stands, unless both sides
// dial at once.
func (h *Host) outlived(s *session, conn network.Conn) bool {
	return conn.Stat().Direction == network.DirInbound && conn.ID() != s.stream.Conn().ID() && time.Since(s.began) > h.cfg.pace.strangerGrace
}

// opened says that a session stands, or that none came of opening it. It must
// not wait for the session's end: whoever looks then whether to dial or to
// open again would be put off by this one.
func (h *Host) opened(c *contact) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c.opening = false
	h.poke()
}

// hangUp closes the connection if no session stands with the peer after the
// wait. Another connection, which may have come since, has its own wait.
func (h *Host) hangUp(ctx context.Context, conn network.Conn, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return
	case <-timer.C:
	}
	h.mu.Lock()
	c := h.contacts[conn.RemotePeer()]
	stands := c != nil && (c.session != nil || c.opening)
	h.mu.Unlock()
	if !stands {
		_ = conn.Close()
	}
}

// dialSession opens the stream and runs the session to its end.
func (h *Host) dialSession(ctx context.Context, c *contact) error {
	open, cancel := context.WithTimeout(network.WithNoDial(ctx, "session"), dialTimeout)
	defer cancel()
	s, err := h.net.NewStream(open, c.id, sessionProtocol)
	if err != nil {
		h.sessionFailed(c.id)
		_ = h.net.Network().ClosePeer(c.id)
		h.opened(c)
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = s.Reset() })
	defer stop()
	err = h.runSession(ctx, s)
	h.streamEnded(s, err)
	return err
}

func (h *Host) sessionFailed(id corepeer.ID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c := h.contacts[id]; c != nil {
		h.failedLocked(c)
		h.poke()
	}
}

// serveSession answers a session that the other side opened.
func (h *Host) serveSession(ctx context.Context, s network.Stream) error {
	if id := s.Conn().RemotePeer(); id > h.net.ID() {
		return faultf("opened a session that was mine to open")
	}
	return h.runSession(ctx, s)
}

// poke wakes dialLoop.
func (h *Host) poke() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}
