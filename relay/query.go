package relay

import (
	"context"
	"slices"

	"mural/event"
)

// query gives the stored events that this connection may see, newest first,
// and whether these are all there are.
//
// Where hidden events have used up a filter's limit, it asks again for more,
// so that somebody's full inbox does not push public posts out of an answer.
func (c *conn) query(ctx context.Context, filters []event.Filter) (events []*event.Event, finish bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.server.config.Limits.QueryTimeout)
	defer cancel()
	asked := c.clamp(filters)
	if len(asked) == 0 {
		return nil, false, nil
	}
	for widen := 1; ; widen *= 4 {
		got, err := c.server.node.Query(ctx, widened(asked, widen)...)
		if err != nil {
			return nil, false, err
		}
		all := len(got) < smallest(asked)*widen
		seen := c.visible(got)
		if len(seen) == len(got) && widen == 1 {
			return seen, all && len(asked) == len(filters), nil
		}
		seen = cut(seen, asked)
		if all || len(seen) >= smallest(asked) || widen == maxWiden {
			return seen, all && len(seen) < smallest(asked) && len(asked) == len(filters), nil
		}
	}
}

// maxWiden bounds how much more is asked for to make up for hidden events.
const maxWiden = 16

// clamp gives the filters that ask for stored events, with limits that this
// relay answers. "limit":0 asks for live events alone.
func (c *conn) clamp(filters []event.Filter) []event.Filter {
	limits := c.server.config.Limits
	out := make([]event.Filter, 0, len(filters))
	for _, f := range filters {
		switch {
		case f.Limit < 0:
			continue
		case f.Limit == 0:
			f.Limit = limits.DefaultLimit
		}
		f.Limit = min(f.Limit, limits.MaxLimit)
		out = append(out, f)
	}
	return out
}

func widened(filters []event.Filter, by int) []event.Filter {
	if by == 1 {
		return filters
	}
	out := make([]event.Filter, len(filters))
	for i, f := range filters {
		f.Limit *= by
		out[i] = f
	}
	return out
}

func smallest(filters []event.Filter) int {
	n := filters[0].Limit
	for _, f := range filters {
		n = min(n, f.Limit)
	}
	return n
}

// visible leaves out what this connection may not see.
func (c *conn) visible(events []*event.Event) []*event.Event {
	hidden := func(e *event.Event) bool { return !c.sees(e) }
	if !slices.ContainsFunc(events, hidden) {
		return events
	}
	return slices.DeleteFunc(slices.Clone(events), hidden)
}

// cut takes the first events of each filter, up to its limit.
func cut(events []*event.Event, filters []event.Filter) []*event.Event {
	left := make([]int, len(filters))
	for i, f := range filters {
		left[i] = f.Limit
	}
	out := make([]*event.Event, 0, len(events))
	for _, e := range events {
		take := false
		for i := range filters {
			if left[i] > 0 && filters[i].Match(e) {
				left[i]--
				take = true
			}
		}
		if take {
			out = append(out, e)
		}
	}
	return out
}
