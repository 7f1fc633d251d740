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
}

// Stats counts. It reads through two small indexes: milliseconds for a million events.
func (s *Store) Stats(ctx context.Context) (out Stats, err error) {
	err = s.read(ctx, func(c *conn) error {
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
	})
	if err != nil {
		return Stats{}, fmt.Errorf("store: stats: %w", err)
	}
	return out, nil
}
