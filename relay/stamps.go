package relay

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"mural/event"
)

// view is who asks for a set: a connection's rights as they stand now.
type view struct {
	node  Stamper
	now   time.Time
	owner bool
	keys  []event.PubKey // proven; their inboxes are shown
}

// view needs a node that is a Stamper.
func (c *conn) view() view {
	v := view{node: c.server.node.(Stamper), now: c.server.config.Now(), owner: c.visitor.Owner}
	if !c.visitor.foreign() {
		v.keys = slices.Clone(c.proven())
		slices.SortFunc(v.keys, func(a, b event.PubKey) int { return slices.Compare(a[:], b[:]) })
	}
	return v
}

// key is the same for all who get the same set for a filter.
func (v view) key(f event.Filter) (setKey, error) {
	raw, err := json.Marshal(f)
	if err != nil {
		return setKey{}, fmt.Errorf("relay: naming a set: %w", err)
	}
	scope := "public"
	if useOfInbox(f) != inboxNone && v.owner {
		scope = "owner"
	} else if useOfInbox(f) != inboxNone && len(v.keys) > 0 {
		scope = fmt.Sprint(v.keys)
	}
	return sha256.Sum256(append(raw, scope...)), nil
}

const (
	firstWindow = 24 * 60 * 60 // seconds of created_at that are asked for first
	leastWindow = 60           // seconds; a window gets no shorter
	fewItems    = 32 << 10     // a window that has fewer is followed by a longer one
	manyItems   = 128 << 10    // a window that has more, by a shorter one
)

// all gives the stamps of the stored events that match and may be seen,
// ascending; the newest of them where the filter has a limit. It asks window
// by window of created_at, newest first, and for room before it goes on, so
// that a set which is too big is known before it is in memory.
func (v view) all(ctx context.Context, f event.Filter, room func(n int) error) ([]event.Stamp, error) {
	limit := f.Limit
	if limit < 0 {
		return nil, nil
	}
	f.Limit = 0
	var parts [][]event.Stamp
	total := 0
	for w := v.firstWindow(f); ; w.next(len(parts[len(parts)-1])) {
		part, err := v.seen(ctx, w.of(f))
		if err != nil {
			return nil, err
		}
		if err := room(len(part)); err != nil {
			return nil, err
		}
		parts = append(parts, part)
		total += len(part)
		if w.last() || limit > 0 && total >= limit {
			break
		}
	}
	slices.Reverse(parts)
	return newest(slices.Concat(parts...), limit), nil
}

// newest keeps the n newest, of one second those with the lowest ids, as a REQ
// with that limit gives them; 0 keeps all.
func newest(stamps []event.Stamp, n int) []event.Stamp {
	if n == 0 || len(stamps) <= n {
		return stamps
	}
	second := stamps[len(stamps)-n].CreatedAt
	isOf := func(s event.Stamp) bool { return s.CreatedAt == second }
	from := slices.IndexFunc(stamps, isOf)
	to := from
	for to < len(stamps) && isOf(stamps[to]) {
		to++
	}
	want := n - (len(stamps) - to)
	return slices.Concat(stamps[from:from+want], stamps[to:])
}

// window is a span of created_at.
type window struct {
	since, until, length int64 // since 0: from the beginning; until 0: no end
	floor                int64 // the filter's own since
}

func (v view) firstWindow(f event.Filter) window {
	w := window{until: f.Until, floor: f.Since, length: firstWindow}
	if f.IDs != nil {
		w.since = f.Since // they are few, wherever they lie
		return w
	}
	end := v.now.Unix()
	if f.Until != 0 {
		end = min(end, f.Until)
	}
	w.from(end)
	return w
}

// from sets since so that the window has its length up to end.
func (w *window) from(end int64) {
	w.since = end - w.length
	if w.since <= max(w.floor, 1) {
		w.since = w.floor
	}
}

func (w *window) last() bool { return w.since == w.floor }

// next moves to the window before, which is longer where this one had few items.
func (w *window) next(items int) {
	switch {
	case items < fewItems:
		w.length *= 2
	case items > manyItems:
		w.length = max(w.length/2, leastWindow)
	}
	w.until = w.since - 1
	w.from(w.until)
}

func (w *window) of(f event.Filter) event.Filter {
	f.Since, f.Until = w.since, w.until
	return f
}

// seen gives the stamps of all that matches and may be seen.
func (v view) seen(ctx context.Context, f event.Filter) ([]event.Stamp, error) {
	use := useOfInbox(f)
	if v.owner || use == inboxNone {
		return v.node.Stamps(ctx, f)
	}
	inbox := inboxPart([]event.Filter{f})
	var mine []event.Filter
	for _, part := range inbox {
		if len(v.keys) > 0 {
			mine = append(mine, asAuthor(part, v.keys), asRecipient(part, v.keys))
		}
	}
	if f.Kinds != nil {
		f.Kinds = slices.DeleteFunc(slices.Clone(f.Kinds), isInbox)
		return v.node.Stamps(ctx, append(mine, f)...)
	}
	all, err := v.node.Stamps(ctx, f)
	if err != nil {
		return nil, err
	}
	// What is private is asked for after all else: what came in between is in
	// neither or in the second.
	hidden, err := v.hidden(ctx, inbox, mine)
	if err != nil || len(hidden) == 0 {
		return all, err
	}
	return slices.DeleteFunc(slices.Clone(all), func(s event.Stamp) bool { return hidden[s.ID] }), nil
}

// hidden gives the ids in inbox that are not among mine.
func (v view) hidden(ctx context.Context, inbox, mine []event.Filter) (map[event.ID]bool, error) {
	private, err := v.node.Stamps(ctx, inbox...)
	if err != nil || len(private) == 0 {
		return nil, err
	}
	hidden := make(map[event.ID]bool, len(private))
	for _, s := range private {
		hidden[s.ID] = true
	}
	if len(mine) == 0 {
		return hidden, nil
	}
	own, err := v.node.Stamps(ctx, mine...)
	for _, s := range own {
		delete(hidden, s.ID)
	}
	return hidden, err
}
