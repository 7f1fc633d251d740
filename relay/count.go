package relay

import (
	"context"

	"mural/event"
)

// count answers a COUNT (NIP-45). "Whenever the relay decides to refuse to
// fulfill the COUNT request, it MUST return a CLOSED message."
func (c *conn) count(ctx context.Context, m message) {
	filters, r, no := c.ask(ctx, m)
	if no {
		c.reply(ctx, closedMessage(m.sub, r))
		return
	}
	for i := range filters {
		filters[i].Limit = 0 // a count has none
	}
	ctx, cancel := context.WithTimeout(ctx, c.server.config.Limits.QueryTimeout)
	defer cancel()
	n, registers, err := c.countAuthors(ctx, filters)
	if err != nil {
		c.reply(ctx, closedMessage(m.sub, c.internal(ctx, "count", err)))
		return
	}
	c.reply(ctx, countMessage(m.sub, n, registers))
}

// countAuthors gives the count and, for filters that qualify, the HyperLogLog
// of the authors; "" where there is none.
func (c *conn) countAuthors(ctx context.Context, filters []event.Filter) (n int, registers string, err error) {
	if offset, ok := hllOffset(filters); ok {
		n, h, whole, err := c.tally(ctx, filters[0], offset)
		if whole || err != nil {
			return n, h.String(), err
		}
	}
	n, err = c.countVisible(ctx, filters)
	return n, "", err
}

// countVisible counts what this connection may see: everything, less the inbox
// events, plus those among them that it is party to. A plain count would tell
// strangers how much mail somebody gets.
func (c *conn) countVisible(ctx context.Context, filters []event.Filter) (int, error) {
	node := c.server.node
	n, err := node.Count(ctx, filters...)
	if err != nil || c.visitor.Owner {
		return n, err
	}
	hidden := inboxPart(filters)
	if len(hidden) == 0 {
		return n, nil
	}
	all, err := node.Count(ctx, hidden...)
	if err != nil || all == 0 || c.visitor.foreign() || len(c.proven()) == 0 {
		return max(0, n-all), err
	}
	var mine []event.Filter
	for _, f := range hidden {
		mine = append(mine, asAuthor(f, c.proven()), asRecipient(f, c.proven()))
	}
	own, err := node.Count(ctx, mine...)
	return max(0, n-all+own), err
}

// inboxPart narrows filters to the inbox kinds they ask for.
func inboxPart(filters []event.Filter) []event.Filter {
	var out []event.Filter
	for _, f := range filters {
		if f.Kinds == nil {
			f.Kinds = inboxKinds
		} else {
			f.Kinds = common(f.Kinds, inboxKinds)
		}
		if len(f.Kinds) > 0 {
			out = append(out, f)
		}
	}
	return out
}
