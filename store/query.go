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
	w, ok := windowOf(f)
	if !ok || matchesNothing(f) {
		return nil
	}
	m := &matcher{f: f, now: s.options.Now(), codec: s.codec, c: c, visit: visit}
	if f.IDs != nil {
		return m.byID(ctx)
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
	return intersect(ctx, unions, m.see)
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

// Count gives how many events Query would give without limits (NIP-45).
func (s *Store) Count(ctx context.Context, filters ...event.Filter) (int, error) {
	stamps, err := s.stamps(ctx, filters)
	if err != nil {
		return 0, fmt.Errorf("store: count: %w", err)
	}
	return len(stamps), nil
}

// Stamps gives the stamps of all matches, ascending by (created_at, id), each
// once, without regard to any Limit.
func (s *Store) Stamps(ctx context.Context, filters ...event.Filter) ([]event.Stamp, error) {
	stamps, err := s.stamps(ctx, filters)
	if err != nil {
		return nil, fmt.Errorf("store: stamps: %w", err)
	}
	return stamps, nil
}

func (s *Store) stamps(ctx context.Context, filters []event.Filter) (list []event.Stamp, err error) {
	err = s.read(ctx, func(c *conn) error {
		for _, f := range filters {
			f.Limit = 0
			err := s.candidates(ctx, c, &f, 0, func(r record) (bool, error) {
				list = append(list, r.Stamp())
				return true, nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	slices.SortFunc(list, compareStamps)
	return slices.Compact(list), err
}

func compareStamps(a, b event.Stamp) int {
	if a.CreatedAt != b.CreatedAt {
		return int(a.CreatedAt - b.CreatedAt)
	}
	return slices.Compare(a.ID[:], b.ID[:])
}
