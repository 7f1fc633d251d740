package relay

import (
	"context"
	"slices"

	"mural/event"
)

// hint is what an EOSE says of its answer (NIP-67).
type hint string

const (
	hintNone   hint = ""
	hintFinish hint = "finish" // "the relay has sent every stored event matching the subscription's filters"
	hintMore   hint = "more"   // "the relay holds more matching stored events than it has sent"
)

// query gives the stored events that this connection may see, newest first,
// and whether these are all there are: each filter is asked for one event more
// than its limit.
//
// Where hidden events have used up a filter's limit, it asks again for more,
// so that somebody's full inbox does not push public posts out of an answer.
func (c *conn) query(ctx context.Context, filters []event.Filter) (events []*event.Event, say hint, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.server.config.Limits.QueryTimeout)
	defer cancel()
	asked := c.clamp(filters)
	if len(asked) == 0 {
		return nil, hintNone, nil
	}
	one := oneMore(asked)
	for widen := 1; ; widen *= 4 {
		got, err := c.server.node.Query(ctx, widened(asked, widen, one)...)
		if err != nil {
			return nil, hintNone, err
		}
		seen := c.visible(got)
		sent := seen
		if one > 0 || len(seen) < len(got) || widen > 1 {
			sent = cut(seen, asked)
		}
		all := exhausted(got, asked, widen, one)
		if !all && len(seen) < len(got) && len(sent) < smallest(asked) && widen < maxWiden {
			continue
		}
		switch {
		case len(sent) < len(seen):
			say = hintMore
		case all && len(asked) == len(filters):
			say = hintFinish
		}
		return sent, say, nil
	}
}

// oneMore is what is asked for beyond the limits: an event, unless a search is
// among several filters. What a search has found cannot be told from what the
// others have, and so not be cut to its limit.
func oneMore(filters []event.Filter) int {
	search := func(f event.Filter) bool { return f.Search != "" }
	if len(filters) > 1 && slices.ContainsFunc(filters, search) {
		return 0
	}
	return 1
}

// exhausted says that every filter gave all it has: fewer events than it was
// asked for.
func exhausted(got []*event.Event, asked []event.Filter, widen, one int) bool {
	if len(got) < smallest(asked)*widen+one {
		return true
	}
	if len(asked) == 1 || one == 0 {
		return false
	}
	for i := range asked {
		matches := 0
		for _, e := range got {
			if asked[i].Match(e) {
				matches++
			}
		}
		if matches > asked[i].Limit*widen {
			return false
		}
	}
	return true
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

func widened(filters []event.Filter, by, more int) []event.Filter {
	out := make([]event.Filter, len(filters))
	for i, f := range filters {
		f.Limit = f.Limit*by + more
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
	if len(events) <= smallest(filters) {
		return events
	}
	if len(filters) == 1 {
		return events[:filters[0].Limit]
	}
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
