package peer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corepeer "github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	ma "github.com/multiformats/go-multiaddr"
)

// What connecting and asking can fail with, besides errors of the network.
var (
	ErrAddress      = errors.New("not an address of a peer")
	ErrNotConnected = errors.New("the peer is not connected")
)

// Connect dials a peer and waits until it has introduced itself. addrs are
// multiaddrs of TCP or QUIC that end in /p2p/<peer id>, all of one peer; the
// code of that peer's invitation may stand among them, and is made use of. The
// peer is remembered and redialled from then on, also when Connect fails.
func (h *Host) Connect(ctx context.Context, addrs []string) (Peer, error) {
	id, err := h.remember(addrs)
	if err != nil {
		return Peer{}, err
	}
	came := make(chan struct{}, 1)
	stop := h.Watch(func(p Peer) {
		if p.ID == id.String() {
			select {
			case came <- struct{}{}:
			default:
			}
		}
	})
	defer stop()
	dialled := make(chan error, 1)
	if !h.task(func(own context.Context) { dialled <- h.dial(own, id) }) {
		return Peer{}, ErrClosed
	}
	for {
		if p, ok := h.peer(id); ok && p.Connected {
			return p, nil
		}
		select {
		case <-came:
		case err := <-dialled:
			if err != nil {
				return Peer{}, fmt.Errorf("peer: connecting to %s: %w", id, err)
			}
		case <-ctx.Done():
			return Peer{}, fmt.Errorf("peer: connecting to %s: %w", id, ctx.Err())
		case <-h.ctx.Done():
			return Peer{}, ErrClosed
		}
	}
}

// Remember makes the host dial a peer in the background, now and whenever
// the connection is lost. addrs are as for Connect.
func (h *Host) Remember(addrs []string) error {
	_, err := h.remember(addrs)
	h.poke()
	return err
}

func (h *Host) remember(addrs []string) (corepeer.ID, error) {
	id, list, token, err := parseDials(addrs)
	if err != nil {
		return "", err
	}
	if id == h.net.ID() {
		return "", fmt.Errorf("peer: %w: that is this device itself", ErrAddress)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.contactLocked(id)
	if c == nil {
		return "", fmt.Errorf("peer: remembering %s: %d peers are remembered already", id, maxContacts)
	}
	c.known = true
	c.fails, c.nextDial = 0, time.Time{}
	c.bannedUntil = time.Time{} // the owner's word counts more
	c.addAddrs(list)
	if token != nil {
		c.token = token
	}
	if c.session != nil {
		h.taskLocked(c.session.noticed) // it may have been a stranger until now
	}
	return id, nil
}

// parseDials reads addresses, and the invitations among them.
func parseDials(addrs []string) (id corepeer.ID, out []ma.Multiaddr, token []byte, err error) {
	var all []string
	for _, s := range addrs {
		if !strings.HasPrefix(s, "mural1") {
			all = append(all, s)
			continue
		}
		inv, err := ParseInvitation(s)
		if err != nil {
			return "", nil, nil, fmt.Errorf("peer: %w", err)
		}
		all = append(all, inv.Addrs...)
		if token == nil {
			token = inv.Token
		}
	}
	id, out, err = parseAddrs(all)
	return id, out, token, err
}

func parseAddrs(addrs []string) (id corepeer.ID, out []ma.Multiaddr, err error) {
	for _, s := range addrs[:min(len(addrs), maxAddrs)] {
		a, err := ma.NewMultiaddr(s)
		if err != nil {
			return "", nil, fmt.Errorf("peer: %q: %w", s, ErrAddress)
		}
		t, of := corepeer.SplitAddr(a)
		if of == "" || id != "" && of != id || t == nil || !dialable(t) {
			return "", nil, fmt.Errorf("peer: %q: %w", s, ErrAddress)
		}
		id = of
		out = append(out, t)
	}
	if id == "" {
		return "", nil, fmt.Errorf("peer: no address: %w", ErrAddress)
	}
	return id, out, nil
}

func (h *Host) peer(id corepeer.ID) (Peer, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.contacts[id]
	if c == nil {
		return Peer{}, false
	}
	return h.snapshotLocked(c), true
}

// dialLoop keeps redialling the peers that should be connected and are not.
func (h *Host) dialLoop(ctx context.Context) {
	for {
		timer := time.NewTimer(h.dialDue())
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-h.wake:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// dialDue starts the dials whose time has come and says when the next one is due.
func (h *Host) dialDue() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	now, next, dials := time.Now(), maxRedial, 0
	for _, c := range h.contacts {
		if c.dialing {
			dials++
		}
	}
	for _, c := range h.contacts {
		if !c.redials() || c.session != nil || c.opening || c.dialing {
			continue
		}
		if wait := later(c.nextDial, c.bannedUntil).Sub(now); wait > 0 {
			next = min(next, wait)
			continue
		}
		if dials < maxDials {
			dials++
			h.taskLocked(func(ctx context.Context) { _ = h.dial(ctx, c.id) })
			c.nextDial = now.Add(h.cfg.pace.firstRedial) // until the task has begun
		}
	}
	return next
}

// dial connects once; the session follows from the connection (see connected).
func (h *Host) dial(ctx context.Context, id corepeer.ID) error {
	h.mu.Lock()
	c := h.contacts[id]
	if c == nil || c.dialing || c.session != nil {
		h.mu.Unlock()
		return nil
	}
	c.dialing = true
	info := corepeer.AddrInfo{ID: id, Addrs: append([]ma.Multiaddr(nil), c.addrs...)}
	h.mu.Unlock()

	if sw, ok := h.net.Network().(*swarm.Swarm); ok {
		sw.Backoff().Clear(id) // our own back-off decides
	}
	dialCtx, cancel := context.WithTimeout(ctx, dialTimeout)
	err := h.net.Connect(dialCtx, info)
	cancel()

	h.mu.Lock()
	defer h.mu.Unlock()
	c.dialing = false
	h.failedLocked(c) // forgiven when a session comes of it
	h.poke()
	if err != nil {
		h.log.Debug("peer not reached", "peer", id.String(), "fails", c.fails, "err", err)
	}
	return err
}
