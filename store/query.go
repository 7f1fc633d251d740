package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"mural/event"
)

// Query gives the events that match any of the filters: newest first, the
// lowest id first among those of one second, each once. A filter's Limit keeps
// its newest matches; 0 stands for Options.MaxResults, a negative one for none.
// Superseded versions are found by their ids alone. Search is not looked at.
// All filters see the same state. Errors wrap ErrBroad, or ErrClosed.
func (s *Store) Query(ctx context.Context, filters ...event.Filter) ([]*event.Event, error) {
	var found []*event.Event
	err := s.read(ctx, func(c *conn) error {
		for i := range filters {
			part, err := s.queryOne(ctx, c, &filters[i])
			if err != nil {
				return err
			}
			found = append(found, part...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("store: query: %w", err)
	}
	return merge(found, len(filters)), nil
}

// merge brings the answers of n filters, each in order, into one order.
func merge(found []*event.Event, n int) []*event.Event {
	if n <= 1 {
		return found
	}
	slices.SortFunc(found, compare)
	return slices.CompactFunc(found, func(a, b *event.Event) bool { return a.ID == b.ID })
}

func compare(a, b *event.Event) int {
	if a.ID == b.ID {
		return 0
	}
	if newer(a, b) {
		return -1
	}
	return 1
}

// queryOne gives the newest matches of one filter, in order.
func (s *Store) queryOne(ctx context.Context, c *conn, f *event.Filter) ([]*event.Event, error) {
	limit := f.Limit
	if limit == 0 {
		limit = s.options.MaxResults
	}
	if limit < 0 {
		return nil, nil
	}
	var found []*event.Event
	err := s.candidates(ctx, c, f, limit, func(r record) (bool, error) {
		// An event with the rank of the last one may come before it: see newer.
		if f.IDs == nil && len(found) >= limit && r.rank() != rank(found[limit-1].CreatedAt, found[limit-1].ID) {
			return false, nil
		}
		found = append(found, r.Event)
		return true, nil
	})
	slices.SortFunc(found, compare)
	return found[:min(len(found), limit)], err
}

// candidates visits the matches of a filter in descending rank until visit says
// false. Matches by id come in no order, and all of them.
func (s *Store) candidates(ctx context.Context, c *conn, f *event.Filter, limit int, visit func(record) (bool, error)) error {
	m := &matcher{f: f, now: s.options.Now(), codec: s.codec, c: c, visit: visit}
	if f.IDs != nil {
		return m.byID(ctx)
	}
	return c.walk(ctx, f, limit, m.see)
}

// walk visits the entries that may match a filter without ids, in descending
// rank, until visit says false. Kinds, since and until hold for all of them;
// authors and tags are hashes in the lists, and some conditions may not have
// been looked at.
func (c *conn) walk(ctx context.Context, f *event.Filter, limit int, visit func(entry) (bool, error)) error {
	w, ok := windowOf(f)
	if !ok || matchesNothing(f) {
		return nil
	}
	conditions, err := c.plan(f)
	if err != nil {
		return err
	}
	unions := make([]*union, len(conditions))
	for i, condition := range conditions {
		if unions[i], err = c.open(condition, w, pieceFor(limit, len(condition))); err != nil {
			return err
		}
	}
	return intersect(ctx, unions, visit)
}

// intersect visits the entries that all unions have, in their order, until visit says false.
func intersect(ctx context.Context, unions []*union, visit func(entry) (bool, error)) error {
	for steps := 0; ; steps++ {
		if steps%256 == 255 && ctx.Err() != nil {
			return ctx.Err()
		}
		e, agree, ok := align(unions)
		if !ok {
			return nil
		}
		if agree {
			if more, err := visit(e); err != nil || !more {
				return err
			}
			if err := unions[0].drop(e); err != nil {
				return err
			}
			continue
		}
		for _, u := range unions {
			if err := u.skip(e); err != nil {
				return err
			}
		}
	}
}

// align gives the last of the unions' heads and whether all stand there; false
// when one has ended.
func align(unions []*union) (last entry, agree, ok bool) {
	agree = true
	for i, u := range unions {
		e, ok := u.head()
		if !ok {
			return last, false, false
		}
		if i > 0 && e != last {
			agree = false
		}
		if i == 0 || last.before(e) {
			last = e
		}
	}
	return last, agree, true
}

// matcher holds candidates against their filter.
type matcher struct {
	f     *event.Filter
	now   time.Time
	codec *codec
	c     *conn
	visit func(record) (bool, error)
}

func (m *matcher) see(e entry) (bool, error) {
	r, err := m.c.load(m.codec, e.n)
	if err != nil {
		return false, err
	}
	if expired(r.Event, m.now) || !m.f.Match(r.Event) {
		return true, nil
	}
	return m.visit(r)
}

func (m *matcher) byID(ctx context.Context) error {
	seen := make(map[event.ID]bool, len(m.f.IDs))
	for _, id := range m.f.IDs {
		if seen[id] {
			continue
		}
		seen[id] = true
		n, err := m.c.find(id)
		if err == nil && n != 0 {
			_, err = m.see(entry{n: n})
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}
