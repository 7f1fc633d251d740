package store

import (
	"context"
	"fmt"
)

// Stats is what the node's page shows of the event database.
type Stats struct {
	Events     int64 // on disk, superseded versions and those about to expire included
	Visible    int64 // that queries can find without their ids
	Tombstones int64 // of events and addresses that their authors deleted
	Peers      int64 // remembered
	Bytes      int64 // of the database file, its log not counted
	Waiting    int64 // calls that wait for the writer
	Commits    int64 // transactions since the store was opened
	Unindexed  int64 // events that searches do not find yet, at most
}

// Stats counts. It reads through two small indexes: milliseconds for a million events.
func (s *Store) Stats(ctx context.Context) (out Stats, err error) {
	err = s.read(ctx, func(c *conn) error { return c.stats(&out) })
	if err != nil {
		return Stats{}, fmt.Errorf("store: stats: %w", err)
	}
	out.Waiting, out.Commits, out.Unindexed = s.writer.waiting.Load(), s.writer.commits.Load(), s.writer.unindexed.Load()
	return out, nil
}

func (c *conn) stats(out *Stats) (err error) {
	for sql, dst := range map[string]*int64{
		"SELECT count(*) FROM name":     &out.Events,
		"SELECT count(*) FROM timeline": &out.Visible,
		"SELECT (SELECT count(*) FROM tombstone) + (SELECT count(*) FROM address_tombstone)": &out.Tombstones,
		"SELECT count(*) FROM peer": &out.Peers,
		"SELECT page_count * page_size FROM pragma_page_count, pragma_page_size": &out.Bytes,
	} {
		if *dst, err = c.number(sql); err != nil {
			return err
		}
	}
	return nil
}

// Check reads the whole file and says what is wrong with it (PRAGMA quick_check).
// It takes seconds per gigabyte; mural doctor asks for it.
func (s *Store) Check(ctx context.Context) error {
	if err := s.read(ctx, (*conn).check); err != nil {
		return fmt.Errorf("store: check: %w", err)
	}
	return nil
}

func (c *conn) check() error {
	q, err := c.query("PRAGMA quick_check(1)")
	if err != nil {
		return err
	}
	return q.rows(func() error {
		if said := q.ColumnText(0); said != "ok" {
			return fmt.Errorf("%w: %s", ErrDamaged, said)
		}
		return nil
	})
}
