package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/ext/fts5"
)

// The search index is a projection: it is filled after the commit of the events
// and remembers in the table projection how far it has come, so that after a
// crash it goes on from there. It is an FTS5 table without content. Its rows are
// numbered by slots, which are the upper bits of the rank, so that it gives
// matches newest first and seeks to any second. Events that share a slot share a
// row; whoever searches holds the events themselves against the search.
const (
	slotShift = tieBits - 8 // bits of the rank that a slot leaves out: fewer bits make a smaller index
	maxShared = 64          // events of one slot that are indexed

	indexStep  = 512                    // events indexed in one transaction
	indexDelay = 250 * time.Millisecond // how long new events wait for others before they are indexed
)

const createSearch = `CREATE VIRTUAL TABLE search USING fts5(title, body, content='', contentless_delete=1, detail=column, tokenize='ascii')`

func slotOf(rank int64) int64 { return rank >> slotShift }

// registerSearch makes FTS5 known to a connection. The driver has it as an extension.
func registerSearch(db *sqlite3.Conn) error {
	if err := fts5.Register(db); err != nil {
		return fmt.Errorf("registering full-text search: %w", err)
	}
	return nil
}

// upto gives the number of the last event that the search index has seen.
func (c *conn) upto() (int64, error) {
	return c.number("SELECT upto FROM projection WHERE name='search'")
}

// indexStep indexes the next events and says how many it has looked at.
func (t *tx) indexStep() (int, error) {
	upto, err := t.upto()
	if err != nil {
		return 0, err
	}
	numbers, err := t.numbers("SELECT n FROM event WHERE n>? ORDER BY n LIMIT ?", upto, indexStep)
	if err != nil || len(numbers) == 0 {
		return 0, err
	}
	known := make(map[int64]record, len(numbers))
	slots := map[int64]bool{}
	for _, n := range numbers {
		r, err := t.load(t.codec, n)
		if errors.Is(err, ErrDamaged) {
			continue // Check names it; the others must be found
		}
		if err != nil {
			return 0, err
		}
		if isSearchable(r.Kind) {
			known[n], slots[slotOf(r.rank())] = r, true
		}
	}
	for _, slot := range slices.Sorted(maps.Keys(slots)) { // FTS5 takes ascending rows best
		if err := t.fillSlot(slot, known); err != nil {
			return 0, err
		}
	}
	return len(numbers), t.exec("UPDATE projection SET upto=? WHERE name='search'", numbers[len(numbers)-1])
}

// fillSlot writes the row of a slot anew, from the visible events in it.
func (t *tx) fillSlot(slot int64, known map[int64]record) error {
	numbers, err := t.numbers("SELECT n FROM timeline WHERE r>=? AND r<? ORDER BY r DESC, n DESC LIMIT ?",
		slot<<slotShift, (slot+1)<<slotShift, maxShared)
	if err != nil {
		return err
	}
	var title, body string
	for _, n := range numbers {
		r, ok := known[n]
		if !ok {
			if r, err = t.load(t.codec, n); errors.Is(err, ErrDamaged) {
				continue
			}
		}
		if err != nil {
			return err
		}
		d := documentOf(r.Event)
		title, body = title+text(d.title), body+text(d.body)
	}
	if title == "" && body == "" {
		return t.exec("DELETE FROM search WHERE rowid=?", slot)
	}
	q, err := t.query("INSERT OR REPLACE INTO search (rowid, title, body) VALUES (?, ?, ?)")
	if err != nil {
		return err
	}
	return q.int(1, slot).text(2, title).text(3, body).Exec()
}

// reindex brings the search index in step with an event that has just become
// visible or invisible, in the same transaction.
func (t *tx) reindex(r record) error {
	if !isSearchable(r.Kind) {
		return nil
	}
	return t.fillSlot(slotOf(r.rank()), nil)
}

// index indexes what is waiting, a step in a transaction of its own, and says
// whether to go on. What fails here fails again, and searches do without it.
func (w *writer) index() (more bool) {
	w.dueSoon = false
	n := 0
	err := w.apply(func(t *tx) (err error) { n, err = t.indexStep(); return err })
	return err == nil && n == indexStep
}

// indexSoon lets new events wait a moment for others, but not too many.
func (w *writer) indexSoon(timer *time.Timer) {
	switch waiting := w.unindexed.Load(); {
	case waiting >= indexStep:
		timer.Reset(0)
	case waiting > 0 && !w.dueSoon:
		timer.Reset(indexDelay)
		w.dueSoon = true
	}
}

// catchUp indexes what was saved before, up to one step, so that a search finds
// what its caller has just saved.
func (w *writer) catchUp(ctx context.Context) error {
	if w.unindexed.Load() == 0 {
		return nil
	}
	err := w.do(ctx, 0, func(t *tx) error { _, err := t.indexStep(); return err })
	if errors.Is(err, ErrClosed) || ctx.Err() != nil {
		return err
	}
	return nil // a full disk, say: search what there is
}
