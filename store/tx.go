package store

import (
	"time"

	"mural/event"
)

// tx is a write transaction under way. Its methods keep every index in step.
type tx struct {
	*conn
	codec   *codec
	options Options
	sources map[source]int64
	now     time.Time
	next    int64
}

// maxSweep bounds the expired events that one transaction removes.
const maxSweep = 512

// begin starts with the removal of what has expired, so that no rule sees it.
func (w *writer) begin() (*tx, error) {
	// A number that the search index has passed is not given again.
	last, err := w.db.number("SELECT max(coalesce((SELECT max(n) FROM event), 0), (SELECT upto FROM projection WHERE name='search'))")
	if err != nil {
		return nil, err
	}
	t := &tx{conn: w.db, codec: w.codec, options: w.options, sources: w.sources, now: w.options.Now()}
	// A number is not used twice while the store is open.
	t.next = max(w.next, last+1)
	_, err = t.expire(maxSweep)
	return t, err
}

// record is a stored event with its number and what the indexes know of it.
type record struct {
	n int64
	*event.Event
}

func (r record) rank() int64 { return rank(r.CreatedAt, r.ID) }

// insert stores a new event, visible or as a hidden version.
func (t *tx) insert(d *draft, visible bool) error {
	e := d.Event
	r := record{t.next, e}
	t.next++
	q, err := t.query("INSERT INTO event (n, id, author, body) VALUES (?, ?, ?, ?)")
	if err != nil {
		return err
	}
	if err := q.int(1, r.n).blob(2, e.ID[:]).blob(3, e.PubKey[:]).blob(4, d.body).Exec(); err != nil {
		return err
	}
	if err := t.enter(r); err != nil {
		return err
	}
	if err := t.receive(r.n, d.Entry); err != nil {
		return err
	}
	if visible {
		return t.show(r)
	}
	return t.post(hiddenHash(e.PubKey), r)
}

// show gives an event its place in the indexes that queries use.
func (t *tx) show(r record) error {
	if err := t.exec("INSERT INTO timeline (r, n) VALUES (?, ?)", r.rank(), r.n); err != nil {
		return err
	}
	for _, h := range lists(r.Event) {
		if err := t.post(h, r); err != nil {
			return err
		}
	}
	return nil
}

// unshow takes it away again.
func (t *tx) unshow(r record) error {
	if err := t.exec("DELETE FROM timeline WHERE r=? AND n=?", r.rank(), r.n); err != nil {
		return err
	}
	for _, h := range lists(r.Event) {
		if err := t.unpost(h, r); err != nil {
			return err
		}
	}
	return t.reindex(r)
}

func (t *tx) post(h int64, r record) error {
	return t.exec("INSERT INTO posting (h, k, r, n) VALUES (?, ?, ?, ?)", h, int64(r.Kind), r.rank(), r.n)
}

func (t *tx) unpost(h int64, r record) error {
	return t.exec("DELETE FROM posting WHERE h=? AND k=? AND r=? AND n=?", h, int64(r.Kind), r.rank(), r.n)
}

// remove deletes an event from every table. Where it was the newest version and
// older ones are kept, the next one becomes visible.
func (t *tx) remove(r record) error {
	address := r.Address()
	if address == "" {
		return t.erase(r, true)
	}
	newest, err := t.newest(address)
	if err != nil {
		return err
	}
	if err := t.erase(r, newest.n == r.n); err != nil || newest.n != r.n {
		return err
	}
	heir, err := t.newest(address)
	if err != nil || heir.Event == nil {
		return err
	}
	if err := t.unpost(hiddenHash(heir.PubKey), heir); err != nil {
		return err
	}
	if err := t.show(heir); err != nil {
		return err
	}
	return t.reindex(heir)
}

func (t *tx) erase(r record, visible bool) error {
	hide := func() error { return t.unpost(hiddenHash(r.PubKey), r) }
	if visible {
		hide = func() error { return t.unshow(r) }
	}
	if err := hide(); err != nil {
		return err
	}
	if address := r.Address(); address != "" {
		if err := t.exec("DELETE FROM address WHERE h=? AND r=? AND n=?", hash(listAddress, address), r.rank(), r.n); err != nil {
			return err
		}
	}
	if at := expiration(r.Event); at != 0 {
		if err := t.exec("DELETE FROM expiry WHERE at=? AND n=?", at, r.n); err != nil {
			return err
		}
	}
	if err := t.exec("DELETE FROM name WHERE p=? AND n=?", prefix(r.ID), r.n); err != nil {
		return err
	}
	if err := t.exec("DELETE FROM receipt WHERE n=?", r.n); err != nil {
		return err
	}
	return t.exec("DELETE FROM event WHERE n=?", r.n)
}

// expire removes up to limit events whose time has come.
func (t *tx) expire(limit int64) (int, error) {
	numbers, err := t.numbers("SELECT n FROM expiry WHERE at<=? ORDER BY at, n LIMIT ?", t.now.Unix(), limit)
	if err != nil {
		return 0, err
	}
	for _, n := range numbers {
		r, err := t.load(t.codec, n)
		if err != nil {
			return 0, err
		}
		if err := t.remove(r); err != nil {
			return 0, err
		}
	}
	return len(numbers), nil
}
