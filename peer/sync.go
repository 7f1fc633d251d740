package peer

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	corepeer "github.com/libp2p/go-libp2p/core/peer"

	"mural/event"
	"mural/negentropy"
)

// errIncomplete says that a reconciliation ended with something still missing.
var errIncomplete = errors.New("some events could not be taken in")

// syncLoop reconciles whenever it is asked to, again after a failure, and
// once in a long while.
func (s *session) syncLoop(ctx context.Context) error {
	timer := time.NewTimer(jitter(resyncEvery))
	defer timer.Stop()
	retry := resyncRetry
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.resync:
		case <-timer.C:
		}
		err := s.pull(ctx)
		var f *Fault
		if errors.As(err, &f) {
			return err
		}
		next := resyncEvery
		if err != nil && ctx.Err() == nil {
			s.h.log.Debug("reconciliation did not finish", "peer", s.id.String(), "err", err)
			next, retry = retry, min(2*retry, resyncEvery)
		} else {
			retry = resyncRetry
		}
		timer.Reset(jitter(next))
	}
}

func jitter(d time.Duration) time.Duration { return d*3/4 + time.Duration(rand.Int64N(int64(d)/2)) }

// puller is one reconciliation of what this side wants against what the other may give.
type puller struct {
	s    *session
	wire *wire
	all  bool // every event that came could be taken in
}

// pull reconciles once and fetches what is missing.
func (s *session) pull(ctx context.Context) error {
	s.mu.Lock()
	gen, fs := s.myGen, s.mine
	s.mu.Unlock()
	if len(fs) == 0 {
		return nil
	}
	stamps, err := s.h.events.Stamps(ctx, fs...)
	if err != nil {
		return fmt.Errorf("peer: reading what is here: %w", err)
	}
	return s.withSync(ctx, func(p *puller) error { return p.reconcile(ctx, gen, newest(stamps)) })
}

// withSync opens a stream for one reconciliation and closes it after use.
func (s *session) withSync(ctx context.Context, use func(*puller) error) error {
	open, cancel := context.WithTimeout(network.WithNoDial(ctx, "sync"), dialTimeout)
	defer cancel()
	st, err := s.h.net.NewStream(open, s.id, syncProtocol)
	if err != nil {
		return fmt.Errorf("peer: opening a reconciliation: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = st.Reset() })
	defer stop()
	p := &puller{s: s, wire: newWire(st, s.c.meter), all: true}
	if err := use(p); err != nil {
		_ = st.Reset()
		return err
	}
	_ = st.Close()
	if !p.all {
		return errIncomplete
	}
	return nil
}

// Ask fetches events by id from one peer, as far as it has them and may give
// them; they come in through Accept. It returns when the peer has answered.
func (h *Host) Ask(ctx context.Context, peerID string, ids []event.ID) error {
	id, err := corepeer.Decode(peerID)
	if err != nil {
		return fmt.Errorf("peer: asking %q: %w", peerID, ErrAddress)
	}
	s := h.standing(ctx, id)
	if s == nil {
		return fmt.Errorf("peer: asking %s: %w", peerID, ErrNotConnected)
	}
	err = s.withSync(ctx, func(p *puller) error { return p.fetch(ctx, ids) })
	var f *Fault
	if errors.As(err, &f) {
		h.punish(id, f)
	}
	return err
}

func newest(stamps []event.Stamp) []event.Stamp { return stamps[max(0, len(stamps)-maxSetStamps):] }

func (p *puller) reconcile(ctx context.Context, gen uint32, stamps []event.Stamp) error {
	n, msg := negentropy.New(stamps).Initiate(reconcileFrame)
	if err := p.wire.send(frameOpen, binary.BigEndian.AppendUint32(nil, gen), msg); err != nil {
		return fmt.Errorf("peer: starting a reconciliation: %w", err)
	}
	for range maxSyncRounds {
		body, err := p.answer(frameReconcile)
		if err != nil {
			return err
		}
		reply, _, need, done, err := n.Next(body)
		if err != nil {
			return faultf("sent a broken reconciliation: %v", err)
		}
		if err := p.fetch(ctx, need); err != nil || done {
			return err
		}
		if err := p.wire.send(frameReconcile, reply); err != nil {
			return fmt.Errorf("peer: reconciling: %w", err)
		}
	}
	return faultf("did not finish a reconciliation in %d rounds", maxSyncRounds)
}

// answer reads the next frame, which must be of type t; a refusal is an error
// of nobody's fault.
func (p *puller) answer(t frameType) ([]byte, error) {
	got, body, err := p.wire.read(syncTimeout)
	switch {
	case err != nil:
		return nil, fmt.Errorf("peer: waiting in a reconciliation: %w", err)
	case got == frameRefuse:
		return nil, fmt.Errorf("peer: the other side refused: %q", body)
	case got != t:
		return nil, faultf("answered with a frame of type %d instead of %d", got, t)
	}
	return body, nil
}

// fetch asks for events by id and takes them in. The other side answers each
// need frame with event frames and one end frame.
func (p *puller) fetch(ctx context.Context, ids []event.ID) error {
	for part := range slices.Chunk(ids, maxNeedIDs) {
		part, err := p.s.h.lacking(ctx, part)
		if err != nil {
			return err
		}
		if len(part) == 0 {
			continue
		}
		if err := p.wire.send(frameNeed, encodeIDs(part)); err != nil {
			return fmt.Errorf("peer: asking for events: %w", err)
		}
		if err := p.receive(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

func (p *puller) receive(ctx context.Context, asked []event.ID) error {
	open := make(map[event.ID]bool, len(asked))
	for _, id := range asked {
		open[id] = true
	}
	for {
		t, body, err := p.wire.read(syncTimeout)
		if err != nil {
			return fmt.Errorf("peer: waiting for events: %w", err)
		}
		if t == frameEnd {
			return nil
		}
		if t != frameEvents {
			return faultf("answered with a frame of type %d instead of events", t)
		}
		es, err := parseEvents(body)
		if err != nil {
			return err
		}
		for _, e := range es {
			if !open[e.ID] {
				return faultf("sent an event that was not asked for")
			}
			delete(open, e.ID)
		}
		all, err := p.s.take(ctx, es)
		if err != nil {
			return err
		}
		p.all = p.all && all
	}
}

// lacking leaves out the ids of events that are here by now.
func (h *Host) lacking(ctx context.Context, ids []event.ID) ([]event.ID, error) {
	have, err := h.events.Stamps(ctx, event.Filter{IDs: ids})
	if err != nil {
		return nil, fmt.Errorf("peer: looking up events: %w", err)
	}
	here := make(map[event.ID]bool, len(have))
	for _, st := range have {
		here[st.ID] = true
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id event.ID) bool { return here[id] }), nil
}

// serveSync answers one reconciliation of a peer that has a session.
func (h *Host) serveSync(ctx context.Context, st network.Stream) error {
	s, free := h.sessionFor(ctx, st.Conn().RemotePeer())
	if s == nil {
		return errors.New("peer: a reconciliation without a session, or too many at once")
	}
	defer free()
	select {
	case h.syncs <- struct{}{}:
		defer func() { <-h.syncs }()
	case <-ctx.Done():
		return ctx.Err()
	}
	g := giver{s: s, wire: newWire(st, s.c.meter)}
	return g.serve(ctx)
}

// sessionFor gives the peer's session and counts a reconciliation with it.
func (h *Host) sessionFor(ctx context.Context, id corepeer.ID) (s *session, free func()) {
	if s = h.standing(ctx, id); s == nil {
		return nil, nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	c := s.c
	if c.syncs >= maxSyncsPerPeer {
		return nil, nil
	}
	c.syncs++
	return s, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		c.syncs--
	}
}

// giver is the answering side of a reconciliation.
type giver struct {
	s    *session
	wire *wire
	set  *negentropy.Set
}

func (g *giver) serve(ctx context.Context) error {
	for range 2 * maxSyncRounds {
		t, body, err := g.wire.read(syncTimeout)
		if err != nil {
			return err // io.EOF: the other side is content
		}
		switch {
		case t == frameOpen && g.set == nil:
			err = g.open(ctx, body)
		case t == frameReconcile && g.set != nil:
			err = g.respond(body)
		case t == frameNeed:
			err = g.give(ctx, body)
		default:
			err = faultf("sent a frame of type %d in a reconciliation", t)
		}
		if err != nil {
			return err
		}
	}
	return faultf("did not finish a reconciliation in %d rounds", 2*maxSyncRounds)
}

func (g *giver) open(ctx context.Context, body []byte) error {
	if len(body) < 4 {
		return faultf("opened a reconciliation with %d bytes", len(body))
	}
	s := g.s
	s.mu.Lock()
	gen, fs := s.theirGen, s.theirs
	s.mu.Unlock()
	if !s.opens.Allow() {
		return g.wire.send(frameRefuse, []byte("too many reconciliations"))
	}
	if gen != binary.BigEndian.Uint32(body) {
		return g.wire.send(frameRefuse, []byte("these wants are not the current ones"))
	}
	if !s.open() {
		fs = nil
	}
	stamps, err := s.h.givable(ctx, s.peer(), fs)
	if err != nil {
		return errors.Join(err, g.wire.send(frameRefuse, []byte("cannot read the events here now")))
	}
	g.set = negentropy.New(newest(stamps))
	return g.respond(body[4:])
}

func (g *giver) respond(msg []byte) error {
	reply, err := g.set.Respond(msg, reconcileFrame)
	if err != nil {
		return faultf("sent a broken reconciliation: %v", err)
	}
	return g.wire.send(frameReconcile, reply)
}

// give answers one need frame: events that are here and may be given, then an end frame.
func (g *giver) give(ctx context.Context, body []byte) error {
	ids, err := parseIDs(body)
	if err != nil {
		return err
	}
	to := g.s.peer()
	es, err := g.s.h.events.Query(ctx, event.Filter{IDs: ids, Limit: len(ids)})
	if err != nil {
		return fmt.Errorf("peer: reading events for a peer: %w", err)
	}
	es = slices.DeleteFunc(es, func(e *event.Event) bool { return e.Kind.IsEphemeral() || !g.s.may(ctx, to, e) })
	for _, e := range es {
		g.s.out.saw(e.ID)
	}
	if err := batches(es, func(parts [][]byte) error { return g.wire.put(frameEvents, parts...) }); err != nil {
		return fmt.Errorf("peer: giving events: %w", err)
	}
	return g.wire.send(frameEnd)
}

// givable gives the stamps of what matches and may be given. Each event is
// looked at in full, because permission is a matter of the whole event.
func (h *Host) givable(ctx context.Context, to Peer, fs []event.Filter) ([]event.Stamp, error) {
	if len(fs) == 0 {
		return nil, nil
	}
	stamps, err := h.events.Stamps(ctx, fs...)
	if err != nil {
		return nil, fmt.Errorf("peer: reading what a peer wants: %w", err)
	}
	stamps = newest(stamps)
	out := stamps[:0]
	for part := range slices.Chunk(stamps, maxNeedIDs) {
		allowed, err := h.allowed(ctx, to, part)
		if err != nil {
			return nil, err
		}
		for _, st := range part {
			if allowed[st.ID] {
				out = append(out, st)
			}
		}
	}
	return out, nil
}

func (h *Host) allowed(ctx context.Context, to Peer, stamps []event.Stamp) (map[event.ID]bool, error) {
	ids := make([]event.ID, len(stamps))
	for i, st := range stamps {
		ids[i] = st.ID
	}
	es, err := h.events.Query(ctx, event.Filter{IDs: ids, Limit: len(ids)})
	if err != nil {
		return nil, fmt.Errorf("peer: reading what a peer wants: %w", err)
	}
	out := make(map[event.ID]bool, len(es))
	for _, e := range es {
		out[e.ID] = h.may(ctx, to, e)
	}
	return out, nil
}
