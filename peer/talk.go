package peer

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"mural/event"
)

// writeLoop is the only writer on the session's stream. It also watches for silence.
func (s *session) writeLoop(ctx context.Context) error {
	defer close(s.out.gone)
	tick := time.NewTicker(s.ping)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			_ = s.wire.send(frameBye, []byte(lastWord(context.Cause(ctx)))) // a courtesy; the stream is reset right after
			return context.Cause(ctx)
		case <-s.out.wake:
			if err := s.write(ctx, s.out.take()); err != nil {
				return err
			}
		case <-tick.C:
			if err := s.listen(); err != nil {
				return err
			}
		}
	}
}

// listen pings a silent peer and gives up on one that stays silent.
func (s *session) listen() error {
	silent := time.Since(time.Unix(0, s.c.meter.heard.Load()))
	if s.stuck.Load() || silent < s.ping-s.ping/10 {
		return nil
	}
	if silent >= s.dead {
		return errSilent
	}
	s.out.setPing()
	return nil
}

func (s *session) write(ctx context.Context, l load) error {
	for _, f := range l.frames {
		if err := s.wire.put(f.t, f.body); err != nil {
			return fmt.Errorf("peer: writing to a session: %w", err)
		}
	}
	to := s.peer()
	give := l.events[:0]
	for _, e := range l.events {
		if s.may(ctx, to, e) {
			give = append(give, e)
		}
	}
	err := batches(give, func(parts [][]byte) error { return s.wire.put(frameEvents, parts...) })
	if err != nil {
		return fmt.Errorf("peer: pushing events: %w", err)
	}
	if err := s.wire.flush(); err != nil {
		return fmt.Errorf("peer: writing to a session: %w", err)
	}
	return nil
}

// may says whether an event may be given in this session: nothing to strangers.
func (s *session) may(ctx context.Context, to Peer, e *event.Event) bool {
	return s.open() && s.h.may(ctx, to, e)
}

// may says whether an event may be given to a peer. Protected events (NIP-70)
// go to their author's own devices only, whatever else is said.
func (h *Host) may(ctx context.Context, to Peer, e *event.Event) bool {
	if e.IsProtected() && (to.Person.IsZero() || to.Person != e.PubKey) {
		return false
	}
	return h.interests.May(ctx, to, e)
}

// readLoop is the only reader of the session's stream.
func (s *session) readLoop(ctx context.Context) error {
	defer close(s.heardOut)
	for {
		t, body, err := s.wire.read(0) // writeLoop decides when silence is too long
		if err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return fmt.Errorf("peer: reading from a session: %w", err)
		}
		if t != frameEvents && !s.strict.AllowN(time.Now(), 1+len(body)/controlUnit) {
			return faultf("sent more than %d control frames a second", controlPerSecond)
		}
		if err := s.handle(ctx, t, body); err != nil {
			return err
		}
	}
}

func (s *session) handle(ctx context.Context, t frameType, body []byte) error {
	switch t {
	case frameHello:
		return s.metAgain(ctx, body)
	case frameWants:
		return s.asked(ctx, body)
	case frameReady:
		return s.ready(body)
	case frameEvents:
		return s.got(ctx, body)
	case framePing:
		s.out.setPong()
	case frameLagging:
		s.wantSync()
	case frameBye:
		return s.h.toldBye(s.c, body)
	case framePong:
	default:
		if t < frameOptional {
			return faultf("sent a frame of type %d inside a session", t)
		}
	}
	return nil
}

func (s *session) metAgain(ctx context.Context, body []byte) error {
	before := s.peer().Person
	if err := s.met(ctx, body); err != nil {
		return err
	}
	s.h.mu.Lock()
	s.h.tellLocked(s.c)
	changed := s.c.person != before
	s.h.mu.Unlock()
	if changed || s.reveal(ctx) {
		s.noticed(ctx)
	}
	return nil
}

// asked takes the other side's wants: from now on matching events are pushed,
// and the answer "ready" tells it that nothing falls between the
// reconciliation it starts now and the pushing.
func (s *session) asked(_ context.Context, body []byte) error {
	gen, fs, err := parseWants(body)
	if err != nil {
		return err
	}
	unwatch := func() {}
	if len(fs) > 0 {
		unwatch = s.h.events.Subscribe(fs, s.out.offer)
	}
	s.mu.Lock()
	old := s.unwatch
	s.theirGen, s.theirs, s.unwatch = gen, fs, unwatch
	s.mu.Unlock()
	old()
	s.out.setReady(gen)
	return nil
}

func (s *session) ready(body []byte) error {
	if len(body) != 4 {
		return faultf("sent a ready frame of %d bytes", len(body))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if binary.BigEndian.Uint32(body) == s.myGen {
		s.wantSync()
	}
	return nil
}

// got hands pushed events to acceptLoop; while that is behind, nothing more
// is read, and the transport slows the peer down.
func (s *session) got(ctx context.Context, body []byte) error {
	es, err := parseEvents(body)
	if err != nil {
		return err
	}
	if err := s.askedFor(es); err != nil {
		return err
	}
	s.stuck.Store(true)
	defer s.stuck.Store(false)
	select {
	case s.accept <- es:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// askedFor counts events that match nothing this side wants.
func (s *session) askedFor(es []*event.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range es {
		if !matchesAny(s.mine, e) && !matchesAny(s.before, e) {
			s.unwanted++
		}
	}
	if s.unwanted > maxUnwanted {
		return faultf("sent more than %d events that nobody asked for", maxUnwanted)
	}
	return nil
}

// acceptLoop brings pushed events in.
func (s *session) acceptLoop(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case es := <-s.accept:
			if _, err := s.take(ctx, es); err != nil {
				return err
			}
		}
	}
}

// take gives events to the one way in. It says whether all of them are here
// now, and returns a *Fault when the peer has sent too many invalid ones.
func (s *session) take(ctx context.Context, es []*event.Event) (all bool, err error) {
	for _, e := range es {
		s.out.saw(e.ID)
	}
	all = true
	for _, v := range s.h.events.Accept(ctx, s.source(), es) {
		switch v.Status {
		case event.Invalid:
			if err := s.strike(v); err != nil {
				return false, err
			}
		case event.Failed, event.RateLimited:
			all = false
		}
	}
	return all, nil
}

func (s *session) strike(v event.Verdict) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.invalid++
	s.h.log.Info("invalid event from peer", "peer", s.id.String(), "event", v.ID.String(), "reason", v.Reason)
	if s.invalid >= maxInvalid {
		return faultf("sent %d invalid events, the last: %s", s.invalid, v.Reason)
	}
	return nil
}
