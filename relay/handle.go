package relay

import (
	"context"
	"errors"
	"fmt"

	"mural/event"
)

// answer understands messages in the order in which they came. EVENTs that
// have arrived together are gathered and accepted together; nothing waits for
// more to come.
func (c *conn) answer(ctx context.Context) {
	for frame := range c.in {
		c.handle(ctx, frame.Bytes())
		c.inBudget.Release(frameCost(frame))
		putFrame(frame)
		if len(c.in) == 0 || len(c.pending) == maxBatch {
			c.publish(ctx)
		}
	}
	c.publish(ctx)
	for _, sub := range c.subs {
		sub.stop()
	}
	c.closeReconciliations()
}

// handle answers one message. It keeps no part of frame.
func (c *conn) handle(ctx context.Context, frame []byte) {
	m, err := parseMessage(frame)
	if m.label != "EVENT" {
		c.publish(ctx) // answers come in the order of the questions
	}
	if ctx.Err() != nil && m.label != "EVENT" && m.label != "AUTH" {
		return // the client has gone: what it said counts, what it asked does not
	}
	if !c.allowed() {
		c.refuse(ctx, m, refusal{event.RateLimited, "too many messages, slow down"})
		return
	}
	if err != nil {
		c.refuse(ctx, m, refusal{event.Invalid, err.Error()})
		return
	}
	switch m.label {
	case "EVENT":
		c.gather(ctx, m.payload[0])
	case "REQ":
		c.subscribe(ctx, m)
	case "CLOSE":
		c.unsubscribe(m.sub)
	case "COUNT":
		c.count(ctx, m)
	case "AUTH":
		c.authenticate(ctx, m.payload[0])
	case "NEG-OPEN":
		c.openReconciliation(ctx, m)
	case "NEG-MSG":
		c.reconcile(ctx, m)
	case "NEG-CLOSE":
		c.closeReconciliation(m.sub)
	}
}

// allowed takes one message from the connection's budget. A client that goes
// on long after it was told is sent away.
func (c *conn) allowed() bool {
	if c.limiter == nil || c.limiter.AllowN(c.server.config.Now(), 1) {
		c.refused = 0
		return true
	}
	if c.refused++; c.refused > maxRefusals {
		c.end(tooMuch)
	}
	return false
}

// refuse says no in the form that fits the message: OK for an event whose id
// can be read, CLOSED for a subscription, NEG-ERR for a reconciliation, which
// ends with it, NOTICE for all else.
func (c *conn) refuse(ctx context.Context, m message, r refusal) {
	if (m.label == "EVENT" || m.label == "AUTH") && len(m.payload) > 0 {
		if id, ok := eventID(m.payload[0]); ok {
			c.decided(ctx, m.label, event.Verdict{ID: id, Status: r.status, Reason: r.reason})
			return
		}
	}
	if (m.label == "REQ" || m.label == "COUNT") && m.sub.text != "" {
		c.reply(ctx, closedMessage(m.sub, r))
		return
	}
	if (m.label == "NEG-OPEN" || m.label == "NEG-MSG") && m.sub.text != "" {
		c.closeReconciliation(m.sub)
		c.reply(ctx, negErrMessage(m.sub, r))
		return
	}
	c.publish(ctx)
	c.reply(ctx, noticeMessage(r.String()))
}

// decided queues the verdict on an EVENT behind those before it, and answers
// an AUTH at once.
func (c *conn) decided(ctx context.Context, label string, v event.Verdict) {
	if label == "EVENT" {
		c.pending = append(c.pending, publication{verdict: v})
		return
	}
	c.reply(ctx, okMessage(v))
}

// reply queues one whole message and waits for room. The answer to a client
// that has gone is lost, as it must be.
func (c *conn) reply(ctx context.Context, message []byte) {
	_ = c.out.wait(ctx, outItem{head: message})
}

// internal hides what went wrong inside from strangers; the log has it.
func (c *conn) internal(ctx context.Context, what string, err error) refusal {
	c.server.config.Log.WarnContext(ctx, "relay could not answer", "what", what, "err", err)
	if errors.Is(err, context.DeadlineExceeded) {
		return refusal{event.Failed, fmt.Sprintf("the %s took too long, ask for less", what)}
	}
	return refusal{event.Failed, fmt.Sprintf("the %s could not be answered, ask for less at once or later", what)}
}
