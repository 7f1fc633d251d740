package store

import (
	"fmt"

	"mural/event"
)

// Lookups that the writer and the readers share.

// load reads the event with that number.
func (c *conn) load(codec *codec, n int64) (record, error) {
	q, err := c.query("SELECT id, author, body FROM event WHERE n=?")
	if err != nil {
		return record{}, err
	}
	r := record{n: n}
	err = q.bind(n).rows(func() error {
		r.Event = new(event.Event)
		copy(r.ID[:], q.ColumnRawBlob(0))
		copy(r.PubKey[:], q.ColumnRawBlob(1))
		return codec.decode(r.Event, q.ColumnRawBlob(2))
	})
	if err == nil && r.Event == nil {
		err = fmt.Errorf("%w: no row %d", ErrDamaged, n)
	}
	return r, err
}

// find gives the number of the event with that id, 0 where it is not here.
func (c *conn) find(id event.ID) (n int64, err error) {
	q, err := c.query("SELECT e.n FROM name CROSS JOIN event e ON e.n=name.n WHERE name.p=? AND e.id=?")
	if err != nil {
		return 0, err
	}
	err = q.int(1, prefix(id)).blob(2, id[:]).rows(func() error { n = q.ColumnInt64(0); return nil })
	return n, err
}

// numbers runs a query for a list of numbers.
func (c *conn) numbers(sql string, args ...int64) (list []int64, err error) {
	q, err := c.query(sql)
	if err != nil {
		return nil, err
	}
	err = q.bind(args...).rows(func() error { list = append(list, q.ColumnInt64(0)); return nil })
	return list, err
}

// newest gives the newest version held of an address; its Event is nil where
// there is none. The newest is the visible one.
func (t *tx) newest(address string) (record, error) {
	h := hash(listAddress, address)
	best, strangers, err := t.best(address, "SELECT n FROM address WHERE h=?1 AND r=(SELECT max(r) FROM address WHERE h=?1)", h)
	if strangers {
		// Another address has the same hash: look at all.
		best, _, err = t.best(address, "SELECT n FROM address WHERE h=?", h)
	}
	return best, err
}

// best gives the newest version of the address among the events with these
// numbers, and whether there are others among them.
func (t *tx) best(address, sql string, h int64) (best record, strangers bool, err error) {
	numbers, err := t.numbers(sql, h)
	if err != nil {
		return record{}, false, err
	}
	for _, n := range numbers {
		r, err := t.load(t.codec, n)
		if err != nil {
			return record{}, false, err
		}
		if r.Address() != address {
			strangers = true
		} else if best.Event == nil || newer(r.Event, best.Event) {
			best = r
		}
	}
	return best, strangers, nil
}

// newer orders events as queries give them; of two versions of an address the
// newer one wins (NIP-01: at the same time, the one with the lower id).
func newer(a, b *event.Event) bool {
	if a.CreatedAt != b.CreatedAt {
		return a.CreatedAt > b.CreatedAt
	}
	return string(a.ID[:]) < string(b.ID[:])
}
