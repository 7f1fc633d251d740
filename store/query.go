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
// Superseded versions are found by their ids alone. All filters see the same
// state. Errors wrap ErrBroad, or ErrClosed.
//
// A filter with a Search (NIP-50) gives and keeps the matches that fit best, and
// an answer in which there is one is in the order of the filters. See search.go
// for what a search may say. QueryNewest gives the newest instead.
func (s *Store) Query(ctx context.Context, filters ...event.Filter) ([]*event.Event, error) {
	if !searches(filters) {
		return s.QueryNewest(ctx, filters...)
	}
	found, err := s.query(ctx, s.best, filters)
	return once(found), err
}

// QueryNewest is Query with searches in the order of everything else.
func (s *Store) QueryNewest(ctx context.Context, filters ...event.Filter) ([]*event.Event, error) {
	found, err := s.query(ctx, s.newest, filters)
	return merge(found, len(filters)), err
}

// answer gives the matches of one filter that its limit keeps, at least one.
type answer func(_ context.Context, _ *conn, _ *event.Filter, limit int) ([]*event.Event, error)

func (s *Store) query(ctx context.Context, answer answer, filters []event.Filter) (found []*event.Event, err error) {
	err = s.look(ctx, filters, func(c *conn) error {
		for i := range filters {
			limit := filters[i].Limit
			if limit == 0 {
				limit = s.options.MaxResults
			}
			if limit < 0 {
				continue
			}
			part, err := answer(ctx, c, &filters[i], limit)
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
	return found, nil
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

// newest gives the newest matches of one filter, in order.
func (s *Store) newest(ctx context.Context, c *conn, f *event.Filter, limit int) (found []*event.Event, err error) {
	m, err := s.matcher(c, f)
	if err != nil {
		return nil, err
	}
	err = m.run(ctx, limit, func(r record) (bool, error) {
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

// walk visits the entries that may match a filter without ids, in descending
// rank, until visit says false. Kinds, since and until hold for all of them;
// authors and tags are hashes in the lists, and some conditions may not have
// been looked at.
func (c *conn) walk(ctx context.Context, f *event.Filter, want *wanted, limit int, visit func(entry) (bool, error)) error {
	w, ok := windowOf(f)
	if !ok || matchesNothing(f) {
		return nil
	}
	conditions, err := c.plan(f, want)
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
	want  *wanted // what f searches for, nil where it does not
	now   time.Time
	codec *codec
	c     *conn
	words document // of the candidate that is visited, where there is a search
	tried int      // candidates that were held against the search
	visit func(record) (bool, error)
	// enough is asked after a candidate that the search has turned down; nil says no.
	enough func() bool
}

func (s *Store) matcher(c *conn, f *event.Filter) (*matcher, error) {
	want, err := c.parse(f.Search)
	return &matcher{f: f, want: want, now: s.options.Now(), codec: s.codec, c: c}, err
}

// run visits the matches in descending rank until visit says false. Matches by
// id come in no order, and all of them. A limit says how many will be asked for,
// 0 that it will be all.
func (m *matcher) run(ctx context.Context, limit int, visit func(record) (bool, error)) error {
	m.visit = visit
	if m.f.IDs != nil {
		return m.byID(ctx)
	}
	return m.c.walk(ctx, m.f, m.want, limit, m.see)
}

func (m *matcher) see(e entry) (bool, error) {
	r, err := m.c.load(m.codec, e.n)
	if err != nil {
		return false, err
	}
	if expired(r.Event, m.now) || !m.f.Match(r.Event) {
		return true, nil
	}
	if m.want != nil {
		m.tried++
		if m.words = documentOf(r.Event); !m.want.matches(m.words) {
			return m.enough == nil || !m.enough(), nil
		}
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
