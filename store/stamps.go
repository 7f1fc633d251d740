package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"mural/event"
)

// Count gives how many events Query would give without limits (NIP-45).
func (s *Store) Count(ctx context.Context, filters ...event.Filter) (int, error) {
	stamps, err := s.stamps(ctx, filters)
	if err != nil {
		return 0, fmt.Errorf("store: count: %w", err)
	}
	return len(stamps), nil
}

// Stamps gives the stamps of all matches, ascending by (created_at, id), each
// once, without regard to any Limit. It takes 40 bytes of memory per match.
func (s *Store) Stamps(ctx context.Context, filters ...event.Filter) ([]event.Stamp, error) {
	stamps, err := s.stamps(ctx, filters)
	if err != nil {
		return nil, fmt.Errorf("store: stamps: %w", err)
	}
	return stamps, nil
}

func (s *Store) stamps(ctx context.Context, filters []event.Filter) (list []event.Stamp, err error) {
	err = s.look(ctx, filters, func(c *conn) error {
		for i := range filters {
			part, err := s.stampsOne(ctx, c, &filters[i])
			if err != nil {
				return err
			}
			list = append(list, part...)
		}
		return nil
	})
	slices.SortFunc(list, func(a, b event.Stamp) int {
		return cmp.Or(cmp.Compare(a.CreatedAt, b.CreatedAt), slices.Compare(a.ID[:], b.ID[:]))
	})
	return slices.Compact(list), err
}

func (s *Store) stampsOne(ctx context.Context, c *conn, f *event.Filter) (list []event.Stamp, err error) {
	m, err := s.matcher(c, f)
	if err != nil {
		return nil, err
	}
	if f.IDs == nil && len(f.Tags) == 0 && (m.want == nil || m.want.isPlain()) {
		return s.stampsByHead(ctx, c, m)
	}
	err = m.run(ctx, 0, func(r record) (bool, error) {
		list = append(list, r.Stamp())
		return true, nil
	})
	return list, err
}

// stampsByHead answers filters without ids and tags, for which the body of an
// event need not be read: the rank has its second, and its row the rest. Of a
// search that the index alone can answer only events that share a row are read.
func (s *Store) stampsByHead(ctx context.Context, c *conn, m *matcher) (list []event.Stamp, err error) {
	f := m.f
	gone, err := c.expiredNumbers(s.options.Now().Unix())
	if err != nil {
		return nil, err
	}
	q, err := c.query("SELECT id, author FROM event WHERE n=?")
	if err != nil {
		return nil, err
	}
	authors := make(map[event.PubKey]bool, len(f.Authors))
	for _, author := range f.Authors {
		authors[author] = true
	}
	var author event.PubKey
	m.visit = func(r record) (bool, error) { list = append(list, r.Stamp()); return true, nil }
	err = c.walk(ctx, f, m.want, 0, func(e entry) (bool, error) {
		if gone[e.n] {
			return true, nil
		}
		if m.want != nil && m.want.shared[slotOf(e.r)] {
			return m.see(e)
		}
		stamp := event.Stamp{CreatedAt: e.r >> tieBits}
		err := q.bind(e.n).rows(func() error {
			copy(stamp.ID[:], q.ColumnRawBlob(0))
			copy(author[:], q.ColumnRawBlob(1))
			return nil
		})
		if f.Authors == nil || authors[author] {
			list = append(list, stamp)
		}
		return true, err
	})
	return list, err
}

// expiredNumbers gives the events whose time has come and that are still on disk.
func (c *conn) expiredNumbers(now int64) (map[int64]bool, error) {
	numbers, err := c.numbers("SELECT n FROM expiry WHERE at<=?", now)
	gone := make(map[int64]bool, len(numbers))
	for _, n := range numbers {
		gone[n] = true
	}
	return gone, err
}
