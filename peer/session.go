package peer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	corepeer "github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"mural/event"
)

// session is the standing conversation with one peer.
type session struct {
	h         *Host
	c         *contact
	id        corepeer.ID
	stream    network.Stream
	wire      *wire
	out       *outbox
	transport string
	ping      time.Duration // silence before a ping
	dead      time.Duration // silence that ends the session
	began     time.Time

	cancel context.CancelCauseFunc // set before the session is registered

	accept   chan []*event.Event
	heardOut chan struct{} // closed when readLoop has ended
	stuck    atomic.Bool   // reading waits for Accept, so silence says nothing
	resync   chan struct{} // a reconciliation is due
	strict   *rate.Limiter // control frames
	opens    *rate.Limiter // reconciliations that the other side begins

	sayMu sync.Mutex // one say at a time, so that the latest wants win

	mu        sync.Mutex // guards what follows
	shown     bool       // the last hello said who this node is
	theirGen  uint32
	theirs    []event.Filter
	unwatch   func() // ends the subscription for theirs
	myGen     uint32
	mine      []event.Filter
	before    []event.Filter // what mine was; events that answer it may still be on their way
	invalid   int
	unwanted  int
	lastWants []byte
}

// runSession introduces both sides and talks until the session ends. A
// returned *Fault is the peer's.
func (h *Host) runSession(ctx context.Context, st network.Stream) (err error) {
	id := st.Conn().RemotePeer()
	h.mu.Lock()
	c := h.contactLocked(id)
	h.mu.Unlock()
	if c == nil {
		return errFull // not one that this side opens: it has a contact
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := newSession(h, c, st, cancel)
	if err := h.greet(ctx, s); err != nil {
		return err
	}
	err = s.talk(ctx)
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	h.leave(s, err)
	return err
}

// greet introduces both sides and registers the session.
func (h *Host) greet(ctx context.Context, s *session) error {
	h.greeting(s.c, 1)
	defer h.greeting(s.c, -1)
	defer h.opened(s.c)
	if err := s.introduce(ctx); err != nil {
		h.sessionFailed(s.id)
		return err
	}
	if err := h.enter(s); err != nil {
		s.turnAway(err)
		return err
	}
	return nil
}

// turnAway says why there is no session, and waits for the other side to hang up.
func (s *session) turnAway(reason error) {
	if s.wire.send(frameBye, []byte(lastWord(reason))) != nil || s.stream.CloseWrite() != nil {
		return
	}
	_ = s.stream.SetReadDeadline(time.Now().Add(lingerTime))
	_, _ = io.CopyN(io.Discard, s.stream, growStep) // what still comes matters no more
}

func (h *Host) greeting(c *contact, n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c.greeting += n
	close(h.greeted)
	h.greeted = make(chan struct{})
}

// standing gives the peer's session. The other side may be done with the
// introduction a moment earlier than this one, so that is waited for.
func (h *Host) standing(ctx context.Context, id corepeer.ID) *session {
	for {
		h.mu.Lock()
		c, greeted := h.contacts[id], h.greeted
		if c == nil || c.session != nil || c.greeting == 0 {
			defer h.mu.Unlock()
			if c == nil {
				return nil
			}
			return c.session
		}
		h.mu.Unlock()
		select {
		case <-greeted:
		case <-ctx.Done():
			return nil
		}
	}
}

func newSession(h *Host, c *contact, st network.Stream, cancel context.CancelCauseFunc) *session {
	s := &session{
		h: h, c: c, id: c.id, stream: st, wire: newWire(st, c.meter), out: newOutbox(), cancel: cancel,
		transport: transportOf(st.Conn().RemoteMultiaddr()), ping: h.cfg.pace.farPing, dead: h.cfg.pace.farDead, began: time.Now(),
		accept: make(chan []*event.Event, maxAcceptQueue), resync: make(chan struct{}, 1), heardOut: make(chan struct{}),
		strict: rate.NewLimiter(controlPerSecond, controlBurst), opens: rate.NewLimiter(rate.Every(syncEvery), syncBurst),
		unwatch: func() {},
	}
	if isLocal(st.Conn().RemoteMultiaddr()) {
		s.ping, s.dead = h.cfg.pace.nearbyPing, h.cfg.pace.nearbyDead
	}
	return s
}

func transportOf(a ma.Multiaddr) string {
	if _, err := a.ValueForProtocol(ma.P_TCP); err == nil {
		return "tcp"
	}
	return "quic"
}

// stop ends the session from outside, with a reason.
func (s *session) stop(reason error) {
	s.cancel(reason)
}

// introduce exchanges hellos: who this node is, and who the other is. The side
// that was dialled hears first who it is that dials, unless it knows already
// that it introduces itself; the dialler does not wait.
func (s *session) introduce(ctx context.Context) error {
	first := s.open() || s.stream.Conn().Stat().Direction != network.DirInbound
	if first {
		if err := s.sendHello(ctx); err != nil {
			return err
		}
	}
	if err := s.hear(ctx); err != nil {
		return err
	}
	if first {
		s.reveal(ctx)
		return nil
	}
	return s.sendHello(ctx)
}

func (s *session) sendHello(ctx context.Context) error {
	if err := s.wire.send(frameHello, s.hello(ctx)); err != nil {
		return fmt.Errorf("peer: sending a hello: %w", err)
	}
	return nil
}

func (s *session) hear(ctx context.Context) error {
	t, body, err := s.wire.read(helloTimeout)
	if err != nil {
		if isTimeout(err) {
			return faultf("did not introduce itself within %s", helloTimeout)
		}
		return fmt.Errorf("peer: waiting for a hello: %w", err)
	}
	switch t {
	case frameHello:
		return s.met(ctx, body)
	case frameBye:
		return s.h.toldBye(s.c, body)
	}
	return faultf("began with a frame of type %d instead of a hello", t)
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// met takes in the other side's hello: its events go the way of all events,
// and its person counts as proven if its devices event says so.
func (s *session) met(ctx context.Context, body []byte) error {
	hi, es, err := parseHello(body)
	if err != nil {
		return err
	}
	for _, e := range es {
		if err := e.Verify(); err != nil {
			return faultf("sent a hello with a forged event: %v", err)
		}
		s.out.saw(e.ID)
	}
	person, profile := s.h.prove(ctx, s.id, es)
	friend := s.h.knows(ctx, person)
	s.h.mu.Lock()
	s.c.person, s.c.profile, s.c.friend = person, profile, friend
	s.c.invited = s.c.invited || s.h.invited(s.id, hi.Invited)
	s.h.mu.Unlock()
	if len(es) > 0 {
		s.h.events.Accept(ctx, s.source(), es)
	}
	return nil
}

func (s *session) source() event.Source {
	src := event.Source{Via: event.ViaPeer, Peer: s.id.String()}
	if p := s.peer().Person; !p.IsZero() {
		src.Auth = []event.PubKey{p}
	}
	return src
}

func (s *session) peer() Peer {
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	return s.h.snapshotLocked(s.c)
}

// enter registers the session; an older one with the same peer ends.
func (h *Host) enter(s *session) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return ErrClosed
	}
	if old := s.c.session; old != nil {
		old.stop(errReplaced)
	} else if h.sessionsLocked() >= h.cfg.MaxPeers {
		return errFull
	}
	s.c.session, s.c.since, s.c.met = s, h.cfg.Now(), true
	h.tellLocked(s.c)
	return nil
}

func (h *Host) sessionsLocked() (n int) {
	for _, c := range h.contacts {
		if c.session != nil {
			n++
		}
	}
	return n
}

// leave takes the session off the list and plans what comes after it.
func (h *Host) leave(s *session, err error) {
	s.mu.Lock()
	unwatch := s.unwatch
	s.unwatch = func() {}
	s.mu.Unlock()
	unwatch()
	h.log.Info("session ended", "peer", s.id.String(), "reason", errText(err))
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.c.session != s {
		return
	}
	if heard := s.c.meter.heard.Load(); heard > 0 {
		s.c.lastSeen = h.cfg.Now().Add(-time.Since(time.Unix(0, heard)))
	}
	s.c.session, s.c.since = nil, time.Time{}
	if time.Since(s.began) > steady {
		s.c.fails = 0
	}
	if time.Since(s.began) > maxBan {
		s.c.bans = 0
	}
	h.failedLocked(s.c)
	h.tellLocked(s.c)
	h.poke()
	// The connection goes with its session; another one to the same peer gets a new session.
	h.taskLocked(func(context.Context) {
		_ = s.stream.Conn().Close()
		for _, conn := range h.net.Network().ConnsToPeer(s.id) {
			h.connected(conn)
		}
	})
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// talk runs the session's four loops until one ends.
func (s *session) talk(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { <-ctx.Done(); s.farewell(context.Cause(ctx)); return nil })
	s.say(ctx)
	g.Go(func() error { return s.readLoop(ctx) })
	g.Go(func() error { return s.writeLoop(ctx) })
	g.Go(func() error { return s.acceptLoop(ctx) })
	g.Go(func() error { return s.syncLoop(ctx) })
	return g.Wait()
}

// farewell tears the stream down, which ends every read and write on it. A
// reason that the other side should draw conclusions from gets time to arrive.
func (s *session) farewell(reason error) {
	word := lastWord(reason)
	_ = s.stream.SetDeadline(time.Now().Add(lingerTime))
	timer := time.NewTimer(lingerTime)
	defer timer.Stop()
	select {
	case <-s.out.gone:
	case <-timer.C:
	}
	if matters(word) {
		_ = s.stream.CloseWrite()
		select {
		case <-s.heardOut:
		case <-timer.C:
		}
	}
	_ = s.stream.Reset()
}
