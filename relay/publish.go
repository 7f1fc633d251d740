package relay

import (
	"context"

	"mural/event"
)

// publication is one EVENT on its way: decided already, or with an event that
// Accept is to decide on.
type publication struct {
	event   *event.Event // nil where the verdict stands
	verdict event.Verdict
}

// gather reads one event and puts it into the batch.
func (c *conn) gather(ctx context.Context, raw []byte) {
	e, err := event.Parse(raw)
	if err != nil {
		m := message{label: "EVENT", payload: [][]byte{raw}}
		c.refuse(ctx, m, refusal{event.Invalid, err.Error()})
		return
	}
	p := publication{event: e, verdict: event.Verdict{ID: e.ID}}
	if r, no := c.mayPublish(ctx, e); no {
		p.event, p.verdict.Status, p.verdict.Reason = nil, r.status, r.reason
	}
	c.pending = append(c.pending, p)
}

const originSentence = "this site may not publish here yet; the owner of this node can allow it in mural under Node, Web clients"

// mayPublish holds the rules that depend on the connection alone.
func (c *conn) mayPublish(ctx context.Context, e *event.Event) (r refusal, no bool) {
	switch {
	case c.visitor.foreign():
		c.askOwner()
		return refusal{event.Restricted, originSentence}, true
	case e.Kind == event.KindAuth:
		// NIP-42: never broadcast, so there is nothing to publish.
		return refusal{event.Invalid, "kind 22242 belongs in an AUTH message"}, true
	case e.IsProtected() && !c.visitor.Owner && !c.proved(e.PubKey):
		return c.askAuthor(ctx), true
	}
	return refusal{}, false
}

// askAuthor refuses a protected event. NIP-70: the relay must "first require
// that the client perform the NIP-42 AUTH flow and then check if the
// authenticated client has the same pubkey as the event being published".
func (c *conn) askAuthor(ctx context.Context) refusal {
	const reason = "this event may only be published by its author"
	if len(c.proven()) > 0 {
		return refusal{event.Restricted, reason}
	}
	c.challengeOnce(ctx)
	return refusal{event.AuthNeeded, reason}
}

// askOwner tells the app, once per connection, that this page wants to publish.
func (c *conn) askOwner() {
	if !c.asked {
		c.asked = true
		c.server.config.OnOrigin(c.visitor.Origin)
	}
}

// publish hands the gathered events to the node and answers each, in order.
func (c *conn) publish(ctx context.Context) {
	if len(c.pending) == 0 {
		return
	}
	c.accept(ctx)
	for _, p := range c.pending {
		if p.verdict.Status == event.AuthNeeded {
			c.challengeOnce(ctx)
		}
		c.reply(ctx, okMessage(p.verdict))
	}
	clear(c.pending)
	c.pending = c.pending[:0]
}

func (c *conn) accept(ctx context.Context) {
	events := make([]*event.Event, 0, len(c.pending))
	for _, p := range c.pending {
		if p.event != nil {
			events = append(events, p.event)
		}
	}
	if len(events) == 0 {
		return
	}
	// The client may have gone; what it said is still taken in.
	verdicts := c.server.node.Accept(c.server.ctx, c.source(), events)
	for i := range c.pending {
		p := &c.pending[i]
		switch {
		case p.event == nil:
			continue
		case len(verdicts) == 0:
			p.verdict.Status = event.Failed
			continue
		}
		p.verdict.Status, p.verdict.Reason = verdicts[0].Status, verdicts[0].Reason
		verdicts = verdicts[1:]
	}
}

func (c *conn) source() event.Source {
	return event.Source{
		Via:   event.ViaClient,
		Local: c.visitor.Local,
		Owner: c.visitor.Owner,
		Auth:  c.proven(),
	}
}
