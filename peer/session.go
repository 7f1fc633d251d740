package peer

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// Why a session ends without anybody's fault.
var (
	errReplaced = errors.New("replaced by a newer session")
	errSilent   = errors.New("the peer fell silent")
	errFull     = errors.New("no place for another peer")
	errBye      = errors.New("the peer said goodbye")
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

	accept chan []*event.Event
	stuck  atomic.Bool   // reading waits for Accept, so silence says nothing
	resync chan struct{} // a reconciliation is due
	strict *rate.Limiter // control frames

	sayMu sync.Mutex // one say at a time, so that the latest wants win

	mu        sync.Mutex // guards what follows
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
		return errFull
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
	if err := s.introduce(ctx); err != nil {
		h.sessionFailed(s.id)
		return err
	}
	if err := h.enter(s); err != nil {
		_ = s.wire.send(frameBye, []byte(err.Error()))
		return err
	}
	return nil
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
		transport: transportOf(st.Conn().RemoteMultiaddr()), ping: farPing, dead: farDead, began: time.Now(),
		accept: make(chan []*event.Event, maxAcceptQueue), resync: make(chan struct{}, 1),
		strict: rate.NewLimiter(controlPerSecond, controlBurst), unwatch: func() {},
	}
	if isLocal(st.Conn().RemoteMultiaddr()) {
		s.ping, s.dead = nearbyPing, nearbyDead
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

// introduce exchanges hellos: who this node is, and who the other is.
func (s *session) introduce(ctx context.Context) error {
	es := s.h.interests.Hello(ctx)
	if err := s.wire.send(frameHello, encodeHello(s.h.cfg.UserAgent, es)); err != nil {
		return fmt.Errorf("peer: sending a hello: %w", err)
	}
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
		return fmt.Errorf("%w: %q", errBye, body)
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
	_, es, err := parseHello(body)
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
	s.h.mu.Lock()
	s.c.person, s.c.profile = person, profile
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

// prove finds whose device the peer is: the author of a valid devices event
// in es that lists it, unless a newer one that is known here does not.
func (h *Host) prove(ctx context.Context, id corepeer.ID, es []*event.Event) (person event.PubKey, profile *event.Event) {
	for _, e := range es {
		if e.Kind == event.KindDevices && lists(h.newestDevices(ctx, e), id) {
			person = e.PubKey
		}
	}
	for _, e := range es {
		if e.Kind == event.KindProfile && !person.IsZero() && e.PubKey == person {
			profile = e
		}
	}
	return person, profile
}

func lists(e *event.Event, id corepeer.ID) bool {
	ds, err := Devices(e)
	return err == nil && slices.ContainsFunc(ds, func(d Device) bool { return d.Peer == id.String() })
}

// newestDevices gives the person's newest devices event among e and what is stored.
func (h *Host) newestDevices(ctx context.Context, e *event.Event) *event.Event {
	stored, err := h.events.Query(ctx, event.Filter{Authors: []event.PubKey{e.PubKey}, Kinds: []event.Kind{event.KindDevices}, Limit: 1})
	if err != nil {
		h.log.Warn("devices event not looked up", "err", err)
		return e
	}
	for _, o := range stored {
		if o.CreatedAt > e.CreatedAt {
			e = o
		}
	}
	return e
}

// reconsider looks again at the peers that claim to be this person's: a newer
// devices event may have revoked one. What was proven by a hello stays
// proven only while the newest event lists the device.
func (h *Host) reconsider(ctx context.Context, person event.PubKey) {
	h.mu.Lock()
	var ids []corepeer.ID
	for id, c := range h.contacts {
		if c.person == person {
			ids = append(ids, id)
		}
	}
	h.mu.Unlock()
	if len(ids) == 0 {
		return
	}
	e := h.newestDevices(ctx, &event.Event{PubKey: person, Kind: event.KindDevices, CreatedAt: -1})
	for _, id := range ids {
		if e.CreatedAt >= 0 && !lists(e, id) {
			if s := h.disown(id); s != nil {
				s.say(ctx)
			}
		}
	}
}

// disown takes a peer for nobody's device from now on, and gives its session, if any.
func (h *Host) disown(id corepeer.ID) *session {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.contacts[id]
	if c == nil {
		return nil
	}
	c.person, c.profile = event.PubKey{}, nil
	h.tellLocked(c)
	return c.session
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
	s.c.failedLocked()
	h.tellLocked(s.c)
	h.poke()
	// The connection goes with its session; another one to the same peer gets a new session.
	h.taskLocked(func(ctx context.Context) {
		_ = s.stream.Conn().Close()
		if len(h.net.Network().ConnsToPeer(s.id)) > 0 {
			h.ensureSession(ctx, s.id)
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

// farewell tears the stream down, which ends every read and write on it.
func (s *session) farewell(reason error) {
	s.out.bye(lastWord(reason))
	_ = s.stream.SetDeadline(time.Now().Add(time.Second))
	select {
	case <-s.out.gone:
	case <-time.After(time.Second):
	}
	_ = s.stream.Reset()
}

// lastWord is what the other side is told: nothing of this side's inner errors.
func lastWord(reason error) string {
	var f *Fault
	for _, known := range []error{errReplaced, errSilent, errNearbyOff} {
		if errors.Is(reason, known) {
			return known.Error()
		}
	}
	if errors.As(reason, &f) {
		return f.Reason
	}
	return "closing"
}

// say queues what this side wants, if it changed.
func (s *session) say(ctx context.Context) {
	s.sayMu.Lock()
	defer s.sayMu.Unlock()
	fs, dropped := widen(s.h.interests.Wants(ctx, s.peer()))
	if dropped > 0 {
		s.h.log.Warn("wants are over the limit", "peer", s.id.String(), "filters dropped", dropped)
	}
	raw, err := encodeWants(0, fs)
	if err != nil {
		s.h.log.Error("wants not sent", "err", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.myGen > 0 && string(raw) == string(s.lastWants) {
		s.wantSync()
		return
	}
	s.myGen++
	s.before, s.mine, s.lastWants, s.unwanted = s.mine, fs, raw, 0
	if raw, err = encodeWants(s.myGen, fs); err == nil {
		s.out.setWants(raw)
	}
}

// wantSync asks syncLoop for a reconciliation.
func (s *session) wantSync() {
	select {
	case s.resync <- struct{}{}:
	default:
	}
}

// Resync tells every session what this node wants now and who it is, and
// reconciles again. Call it when somebody was followed, when the profile or
// the devices changed.
func (h *Host) Resync() {
	h.mu.Lock()
	var all []*session
	for _, c := range h.contacts {
		if c.session != nil {
			all = append(all, c.session)
		}
	}
	h.mu.Unlock()
	for _, s := range all {
		h.task(func(ctx context.Context) {
			s.out.setHello(encodeHello(h.cfg.UserAgent, h.interests.Hello(ctx)))
			s.say(ctx)
		})
	}
}
