package store

import (
	"context"
	"fmt"
)

// derived are the tables that follow from the events alone.
var derived = []string{"name", "timeline", "posting", "address", "expiry"}

// rebuildPiece bounds the numbers that a rebuild holds at once.
const rebuildPiece = 4096

// Rebuild throws away everything that follows from the events, indexes and
// full-text index, and makes it anew with the same result. Events, tombstones,
// receipts, keepers and peers stay. Saves wait for most of it: a minute per
// million events or so. An event that cannot be read stops it, and then nothing
// has changed.
func (s *Store) Rebuild(ctx context.Context) error {
	if err := s.writer.do(ctx, 0, func(t *tx) error { return t.rebuild(ctx) }); err != nil {
		return fmt.Errorf("store: rebuild: %w", err)
	}
	for s.writer.unindexed.Load() > 0 {
		if err := s.writer.do(ctx, 0, func(t *tx) error { _, err := t.indexStep(); return err }); err != nil {
			return fmt.Errorf("store: rebuilding the search index: %w", err)
		}
	}
	return nil
}

func (t *tx) rebuild(ctx context.Context) error {
	for _, table := range derived {
		if err := t.db.Exec("DELETE FROM " + table); err != nil {
			return err
		}
	}
	err := t.db.Exec("INSERT INTO search(search) VALUES ('delete-all'); UPDATE projection SET upto=0")
	if err != nil {
		return err
	}
	if err := t.eachEvent(ctx, t.enter); err != nil {
		return err
	}
	return t.eachEvent(ctx, t.place)
}

func (t *tx) eachEvent(ctx context.Context, do func(record) error) error {
	for last := int64(0); ; {
		numbers, err := t.numbers("SELECT n FROM event WHERE n>? ORDER BY n LIMIT ?", last, rebuildPiece)
		if err != nil || len(numbers) == 0 {
			return err
		}
		for _, n := range numbers {
			r, err := t.load(t.codec, n)
			if err == nil {
				err = do(r)
			}
			if err != nil {
				return err
			}
		}
		last = numbers[len(numbers)-1]
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// enter writes what finds an event by its id, address and expiration.
func (t *tx) enter(r record) error {
	if err := t.exec("INSERT INTO name (p, n) VALUES (?, ?)", prefix(r.ID), r.n); err != nil {
		return err
	}
	if address := r.Address(); address != "" {
		if err := t.exec("INSERT INTO address (h, r, n) VALUES (?, ?, ?)", hash(listAddress, address), r.rank(), r.n); err != nil {
			return err
		}
	}
	if at := expiration(r.Event); at != 0 {
		return t.exec("INSERT INTO expiry (at, n) VALUES (?, ?)", at, r.n)
	}
	return nil
}

// place gives an event its place among the visible ones, or the hidden versions.
func (t *tx) place(r record) error {
	if address := r.Address(); address != "" {
		newest, err := t.newest(address)
		if err != nil {
			return err
		}
		if newest.n != r.n {
			return t.post(hiddenHash(r.PubKey), r)
		}
	}
	return t.show(r)
}
