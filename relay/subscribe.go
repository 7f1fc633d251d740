package relay

import (
	"context"
	"fmt"
	"sync"
	"time"

	"mural/event"
)

// subscription is one open REQ: first what is stored, then what comes in.
//
// It listens before it asks, and holds back what comes in meanwhile, so that
// no event falls between the stored answer and the live stream; what is in
// both goes out once.
type subscription struct {
	conn *conn
	head []byte // of every EVENT message

	cost int // values that its live filters watch for

	mu        sync.Mutex // guards all below
	state     subState
	held      []*event.Event
	heldBytes int
	sent      map[event.ID]struct{} // stored events that the live stream may repeat
	forget    *time.Timer           // lets go of sent
	cancel    func()
}

type subState uint8

const (
	subAsking subState = iota // the stored answer is on its way
	subLive
	subStopped
)

// maxHeld bounds the events held back while the stored answer is on its way.
const maxHeld = 4096

// subscribe answers a REQ.
func (c *conn) subscribe(ctx context.Context, m message) {
	// NIP-01: "a new REQ is sent using the same <subscription_id> (in which
	// case a new subscription is created, replacing the old one)".
	c.unsubscribe(m.sub)
	filters, r, no := c.ask(ctx, m)
	watch := live(filters)
	if !no {
		r, no = c.mayOpen(cost(watch))
	}
	if no {
		c.reply(ctx, closedMessage(m.sub, r))
		return
	}
	sub := &subscription{conn: c, head: eventHead(m.sub), cost: cost(watch)}
	c.subs[m.sub.text] = sub
	sub.listen(watch)
	if err := sub.stored(ctx, m.sub, filters); err != nil {
		c.unsubscribe(m.sub)
		c.reply(ctx, closedMessage(m.sub, c.internal(ctx, "query", err)))
	}
}

// mayOpen holds the limits on what stays open. It takes the cost from the
// relay's budget, which unsubscribe gives back.
func (c *conn) mayOpen(cost int) (r refusal, no bool) {
	if len(c.subs) >= c.server.config.Limits.MaxSubscriptions {
		return refusal{event.RateLimited, fmt.Sprintf("%d subscriptions are open on this connection, close one first", len(c.subs))}, true
	}
	return c.watch(cost)
}

// watch takes the values that something open names from the budgets of the
// connection and of the relay. unwatch gives them back.
func (c *conn) watch(cost int) (r refusal, no bool) {
	if c.watched.Add(int64(cost)) > maxWatched {
		c.watched.Add(-int64(cost))
		return refusal{event.RateLimited, fmt.Sprintf("what is open on this connection would name more than %d values, close one first", maxWatched)}, true
	}
	if c.server.watched.Add(int64(cost)) > maxWatchedByAll {
		c.unwatch(cost)
		return refusal{event.RateLimited, "too many subscriptions are open on this relay, try again later"}, true
	}
	return refusal{}, false
}

func (c *conn) unwatch(cost int) {
	c.watched.Add(-int64(cost))
	c.server.watched.Add(-int64(cost))
}

// cost counts the values that filters name: each stays in memory as long as
// the subscription is open.
func cost(filters []event.Filter) int {
	n := len(filters)
	for _, f := range filters {
		n += len(f.IDs) + len(f.Authors) + len(f.Kinds)
		for _, values := range f.Tags {
			n += len(values)
		}
	}
	return n
}

// ask reads the filters of a REQ or COUNT and holds the rules on who may ask.
func (c *conn) ask(ctx context.Context, m message) (filters []event.Filter, r refusal, no bool) {
	filters, err := m.filters()
	if err != nil {
		return nil, refusal{event.Invalid, err.Error()}, true
	}
	for _, f := range filters {
		if f.Search != "" && !c.server.config.Search {
			return nil, refusal{"unsupported", "this relay does not search (NIP-50)"}, true
		}
	}
	if r, no = c.mayAsk(filters); no && r.status == event.AuthNeeded {
		c.challengeOnce(ctx)
	}
	return filters, r, no
}

func (c *conn) unsubscribe(id subID) {
	if sub := c.subs[id.text]; sub != nil {
		delete(c.subs, id.text)
		sub.stop()
	}
}

// live gives the filters that what comes in is matched with. A search is not
// a condition on one event, so it ends with its stored answer.
func live(filters []event.Filter) []event.Filter {
	var out []event.Filter
	for _, f := range filters {
		if f.Search == "" {
			out = append(out, f)
		}
	}
	return out
}

func (s *subscription) listen(filters []event.Filter) {
	if len(filters) == 0 {
		return
	}
	cancel := s.conn.server.node.Subscribe(filters, s.deliver)
	s.mu.Lock()
	s.cancel = cancel
	s.mu.Unlock()
}

// stored sends what the node holds, then opens the live stream.
func (s *subscription) stored(ctx context.Context, id subID, filters []event.Filter) error {
	events, say, err := s.conn.query(ctx, filters)
	if err != nil {
		return err
	}
	sent := make(map[event.ID]struct{}, len(events))
	for _, e := range events {
		sent[e.ID] = struct{}{}
		if s.conn.out.wait(ctx, outItem{head: s.head, body: e.Raw()}) != nil {
			return nil // the connection ends
		}
	}
	s.conn.reply(ctx, eoseMessage(id, say))
	s.open(sent)
	return nil
}

// open sends what came in meanwhile and lets the live stream through.
func (s *subscription) open(sent map[event.ID]struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == subStopped {
		return
	}
	s.state = subLive
	s.sent = sent
	for _, e := range s.held {
		s.send(e)
	}
	s.held = nil
	s.forget = time.AfterFunc(overlap, s.forgetSent)
}

func (s *subscription) forgetSent() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = nil
}

// deliver takes a live event from the node. It never blocks.
func (s *subscription) deliver(e *event.Event) {
	if !s.conn.sees(e) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.state == subLive:
		s.send(e)
	case s.state == subAsking && len(s.held) < maxHeld && s.heldBytes < s.conn.server.config.Limits.OutBytes:
		s.held = append(s.held, e)
		s.heldBytes += len(e.Raw())
	case s.state == subAsking:
		s.conn.dropSlow()
	}
}

// send queues a live event unless the stored answer had it. The lock is held.
func (s *subscription) send(e *event.Event) {
	if _, twice := s.sent[e.ID]; twice {
		return
	}
	if !s.conn.out.push(outItem{head: s.head, body: e.Raw()}) {
		s.conn.dropSlow()
	}
}

func (s *subscription) stop() {
	s.mu.Lock()
	s.state, s.held, s.sent = subStopped, nil, nil
	cancel, forget := s.cancel, s.forget
	s.mu.Unlock()
	if cancel != nil {
		cancel()
	}
	if forget != nil {
		forget.Stop()
	}
	s.conn.unwatch(s.cost)
}
