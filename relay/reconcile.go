package relay

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"mural/event"
	"mural/negentropy"
)

// reconciliations are what is open of NIP-77 on one connection. "Subscription
// IDs are in a separate namespace from REQ subscription IDs."
//
// The answering goroutine opens and uses them; a timer may close an idle one.
type reconciliations struct {
	mu    sync.Mutex // guards all below, and the fields of each that say so
	open  map[string]*reconciliation
	items int // of their sets
}

// reconciliation is one open NEG-OPEN: a set that answers messages. The set is
// taken once; what comes in later is not in it.
type reconciliation struct {
	conn *conn
	id   subID
	cost int // values that its filter names
	set  *sharedSet

	// Guarded by the lock of reconciliations.
	idle *time.Timer
	turn int // messages answered; a timer of an older turn means nothing
}

const tooBigSentence = "this query is too big"

// openReconciliation answers a NEG-OPEN. NIP-77: "if a NEG-OPEN is issued for a
// currently open subscription ID, the existing subscription is first closed".
func (c *conn) openReconciliation(ctx context.Context, m message) {
	c.closeReconciliation(m.sub)
	filters, r, no := c.mayReconcile(ctx, m)
	if no {
		c.reply(ctx, negErrMessage(m.sub, r))
		return
	}
	query, err := m.negentropy()
	if err != nil {
		c.reply(ctx, negErrMessage(m.sub, refusal{event.Invalid, err.Error()}))
		return
	}
	cost := cost(filters)
	if r, no := c.watch(cost); no {
		c.reply(ctx, negErrMessage(m.sub, r))
		return
	}
	set, err := c.borrow(ctx, filters[0])
	if err != nil {
		c.unwatch(cost)
		c.reply(ctx, c.noSet(ctx, m.sub, err))
		return
	}
	x := &reconciliation{conn: c, id: m.sub, cost: cost, set: set}
	c.reconciling.add(x)
	c.converse(ctx, x, query)
}

// mayReconcile holds the rules on who may ask for what: those of a REQ, and
// how many may be open.
func (c *conn) mayReconcile(ctx context.Context, m message) (filters []event.Filter, r refusal, no bool) {
	limits := c.server.config.Limits
	if _, ok := c.server.node.(Stamper); !ok {
		return nil, refusal{"unsupported", "this relay does not reconcile (NIP-77)"}, true
	}
	if filters, r, no = c.ask(ctx, m); no {
		return nil, r, true
	}
	switch n := c.reconciling.count(); {
	case filters[0].Search != "":
		return nil, refusal{"unsupported", "the answer to a search is no set"}, true
	case n >= limits.MaxReconciliations:
		return nil, refusal{event.RateLimited, fmt.Sprintf("%d reconciliations are open on this connection, close one first", n)}, true
	case c.limiter != nil && !c.limiter.AllowN(c.server.config.Now(), min(openCost, limits.Burst)):
		return nil, refusal{event.RateLimited, "too many reconciliations at once, slow down"}, true
	}
	return filters, refusal{}, false
}

// noSet says why there is no set to reconcile with.
func (c *conn) noSet(ctx context.Context, sub subID, err error) []byte {
	most := c.server.config.Limits.MaxSetItems
	switch {
	case errors.Is(err, errSetTooBig):
		return negErrMessage(sub, refusal{event.Blocked, tooBigSentence}, most)
	case errors.Is(err, errConnFull):
		return negErrMessage(sub, refusal{event.RateLimited, fmt.Sprintf("the reconciliations of this connection would hold more than %d items, close one first", most)})
	case errors.Is(err, errShelfFull):
		return negErrMessage(sub, refusal{event.RateLimited, "too many reconciliations are open on this relay, try again later or ask for less"})
	}
	return negErrMessage(sub, c.internal(ctx, "set", err))
}

// reconcile answers a NEG-MSG.
func (c *conn) reconcile(ctx context.Context, m message) {
	x := c.reconciling.take(m.sub)
	if x == nil {
		c.reply(ctx, negErrMessage(m.sub, refusal{"closed", "no reconciliation is open under this id"}))
		return
	}
	query, err := m.negentropy()
	if err != nil {
		c.refuse(ctx, m, refusal{event.Invalid, err.Error()})
		return
	}
	c.converse(ctx, x, query)
}

// converse answers one message and starts to wait for the next.
func (c *conn) converse(ctx context.Context, x *reconciliation, query []byte) {
	answer, err := x.set.set.Respond(query, c.server.negFrame())
	if err != nil {
		c.closeReconciliation(x.id)
		c.reply(ctx, negErrMessage(x.id, refusal{event.Invalid, err.Error()}))
		return
	}
	c.reply(ctx, negMessage(x.id, answer))
	c.reconciling.mu.Lock()
	defer c.reconciling.mu.Unlock()
	turn := x.turn
	x.idle = time.AfterFunc(c.server.config.Limits.ReconcileIdle, func() { x.expire(turn) })
}

// negEnvelope is kept free for what stands around a message in hex, in bytes:
// the longest subscription id, each character escaped as two surrogates.
const negEnvelope = 1024

// negFrame is the limit in bytes of one negentropy message sent: in hex it is
// shorter than what the relay itself takes.
func (s *Server) negFrame() int {
	return max(negentropy.MinFrame, min(negentropy.DefaultFrame, (s.config.Limits.MaxFrameBytes-negEnvelope)/2))
}

// expire ends a reconciliation that nobody goes on with. NIP-77: "relays may
// choose to time-out inactive queries to recover memory resources".
func (x *reconciliation) expire(turn int) {
	if x.conn.reconciling.removeIdle(x, turn) {
		x.end()
		x.conn.out.push(outItem{head: negErrMessage(x.id, refusal{"closed", "you took too long to respond!"})})
	}
}

// end gives back what a reconciliation holds, after it was removed.
func (x *reconciliation) end() {
	x.conn.server.sets.release(x.set)
	x.conn.unwatch(x.cost)
}

func (c *conn) closeReconciliation(id subID) {
	if x := c.reconciling.find(id); x != nil && c.reconciling.remove(x) {
		x.end()
	}
}

func (c *conn) closeReconciliations() {
	for _, x := range c.reconciling.all() {
		c.closeReconciliation(x.id)
	}
}

func (r *reconciliations) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.open)
}

func (r *reconciliations) all() (list []*reconciliation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, x := range r.open {
		list = append(list, x)
	}
	return list
}

func (r *reconciliations) find(id subID) *reconciliation {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.open[id.text]
}

func (r *reconciliations) add(x *reconciliation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open == nil {
		r.open = map[string]*reconciliation{}
	}
	r.open[x.id.text] = x
	r.items += x.set.items
}

// take gives what is open under this id and keeps it from expiring.
func (r *reconciliations) take(id subID) *reconciliation {
	r.mu.Lock()
	defer r.mu.Unlock()
	x := r.open[id.text]
	if x != nil {
		x.idle.Stop()
		x.turn++
	}
	return x
}

// removeIdle removes x if nothing has come since that turn.
func (r *reconciliations) removeIdle(x *reconciliation, turn int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return x.turn == turn && r.removeLocked(x)
}

// remove says whether it removed x, which the timer may have done before.
func (r *reconciliations) remove(x *reconciliation) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.removeLocked(x)
}

func (r *reconciliations) removeLocked(x *reconciliation) bool {
	if r.open[x.id.text] != x {
		return false
	}
	delete(r.open, x.id.text)
	r.items -= x.set.items
	if x.idle != nil {
		x.idle.Stop()
	}
	return true
}

// room says whether sets of this many more items may be held here.
func (r *reconciliations) room(more, most int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.items+more <= most
}
