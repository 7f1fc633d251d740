package store

import (
	"context"
	"fmt"
	"time"

	"mural/event"
)

// FirstReceipts gives the oldest receipt of each of the events, as Receipts
// would put it first. Events that are not here, or have none, are left out. All
// are read from one state.
func (s *Store) FirstReceipts(ctx context.Context, ids []event.ID) (map[event.ID]Receipt, error) {
	first := make(map[event.ID]Receipt, len(ids))
	err := s.read(ctx, func(c *conn) error {
		for _, id := range ids {
			if err := c.firstReceipt(id, first); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("store: reading first receipts: %w", err)
	}
	return first, nil
}

func (c *conn) firstReceipt(id event.ID, into map[event.ID]Receipt) error {
	n, err := c.find(id)
	if err != nil || n == 0 {
		return err
	}
	q, err := c.query("SELECT via, sender, at FROM receipt JOIN source USING (s) WHERE n=? ORDER BY at, via, sender LIMIT 1")
	if err != nil {
		return err
	}
	return q.bind(n).rows(func() error {
		into[id] = Receipt{event.Via(q.ColumnText(0)), q.ColumnText(1), time.Unix(q.ColumnInt64(2), 0)}
		return nil
	})
}
