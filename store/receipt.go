package store

import (
	"context"
	"fmt"
	"time"

	"mural/event"
)

// Receipt says from whom and when this node got an event.
type Receipt struct {
	Via  event.Via
	From string
	At   time.Time // to the second
}

type source struct{ via, from string }

// maxSources bounds the senders whose numbers the writer remembers.
const maxSources = 4096

// Receipts gives the receipts of an event, oldest first and those of one second by
// sender; none where it is not
// here. Of one sender only the first is kept, of one event the first MaxReceipts.
func (s *Store) Receipts(ctx context.Context, id event.ID) (list []Receipt, err error) {
	err = s.read(ctx, func(c *conn) error {
		n, err := c.find(id)
		if err != nil || n == 0 {
			return err
		}
		q, err := c.query("SELECT via, sender, at FROM receipt JOIN source USING (s) WHERE n=? ORDER BY at, via, sender")
		if err != nil {
			return err
		}
		return q.bind(n).rows(func() error {
			list = append(list, Receipt{event.Via(q.ColumnText(0)), q.ColumnText(1), time.Unix(q.ColumnInt64(2), 0)})
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("store: reading receipts of %s: %w", id, err)
	}
	return list, nil
}

// receive keeps a receipt. A receipt that adds nothing writes nothing, so that
// duplicates cost no fsync.
func (t *tx) receive(n int64, entry Entry) error {
	s, err := t.source(source{string(entry.Via), entry.From})
	if err != nil {
		return err
	}
	q, err := t.query(`INSERT OR IGNORE INTO receipt (n, s, at)
		SELECT ?1, ?2, ?3 WHERE (SELECT count(*) FROM receipt WHERE n=?1) < ?4`)
	if err != nil {
		return err
	}
	return q.bind(n, s, entry.At.Unix(), MaxReceipts).Exec()
}

// source gives the number of a sender.
func (t *tx) source(key source) (int64, error) {
	if s, ok := t.sources[key]; ok {
		return s, nil
	}
	s, err := t.findSource(key)
	if err == nil && s == 0 {
		if err = t.insertSource(key); err == nil {
			s = t.db.LastInsertRowID()
		}
	}
	if err != nil {
		return 0, err
	}
	if len(t.sources) >= maxSources {
		clear(t.sources)
	}
	t.sources[key] = s
	return s, nil
}

func (t *tx) findSource(key source) (s int64, err error) {
	q, err := t.query("SELECT s FROM source WHERE via=? AND sender=?")
	if err != nil {
		return 0, err
	}
	err = q.text(1, key.via).text(2, key.from).rows(func() error { s = q.ColumnInt64(0); return nil })
	return s, err
}

func (t *tx) insertSource(key source) error {
	q, err := t.query("INSERT INTO source (via, sender) VALUES (?, ?)")
	if err != nil {
		return err
	}
	return q.text(1, key.via).text(2, key.from).Exec()
}
