package store

import (
	"context"
	"errors"
	"fmt"

	"mural/event"
)

// Save stores entries and says of each what became of it. When it returns
// without error, all of them are on disk (fsync). It does not verify ids and
// signatures: that was done on the way in.
//
// Calls from many goroutines share one transaction and one fsync. Entries of
// one call are taken in order; more than 1,024 of them may be split over
// several transactions. On an error none, or with a large call only the first
// part of the entries, may have been stored; saving them again does no harm.
func (s *Store) Save(ctx context.Context, entries []Entry) ([]Outcome, error) {
	outcomes := make([]Outcome, len(entries))
	for start := 0; start < len(entries); start += maxGroup {
		end := min(start+maxGroup, len(entries))
		if err := s.savePart(ctx, entries[start:end], outcomes[start:end]); err != nil {
			return nil, fmt.Errorf("store: saving %d events: %w", len(entries), err)
		}
	}
	return outcomes, nil
}

func (s *Store) savePart(ctx context.Context, entries []Entry, outcomes []Outcome) error {
	drafts := make([]draft, len(entries))
	for i, entry := range entries {
		if entry.Event == nil {
			return errors.New("entry without an event")
		}
		drafts[i] = s.codec.draft(entry)
	}
	// The writer may still run when ctx has ended the wait: it gets its own slice.
	results := make([]Outcome, len(entries))
	err := s.writer.do(ctx, len(entries), func(t *tx) (err error) {
		for i := range drafts {
			if results[i], err = t.save(&drafts[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		copy(outcomes, results)
	}
	return err
}

// save applies the rules to one event.
func (t *tx) save(d *draft) (Outcome, error) {
	e := d.Event
	switch {
	case e.Kind.IsEphemeral() || e.CreatedAt < 0 || e.CreatedAt > MaxCreatedAt:
		return Refused, nil
	case d.expires != 0 && d.expires <= t.now.Unix():
		return Expired, nil
	}
	if n, err := t.find(e.ID); err != nil || n != 0 {
		if err == nil {
			err = t.receive(n, d.Entry)
		}
		return Duplicate, err
	}
	if blocked, err := t.blocked(d); err != nil || blocked {
		return Blocked, err
	}
	if d.address != "" {
		return t.saveVersion(d)
	}
	if err := t.obey(e); err != nil {
		return 0, err
	}
	return Stored, t.insert(d, true)
}

// saveVersion stores a replaceable or addressable event.
func (t *tx) saveVersion(d *draft) (Outcome, error) {
	old, err := t.newest(d.address)
	if err != nil {
		return 0, err
	}
	keep := keepsVersions(d.Event.Kind)
	switch {
	case old.Event == nil:
		return Stored, t.insert(d, true)
	case newer(old.Event, d.Event) && !keep:
		return Superseded, nil
	case newer(old.Event, d.Event):
		return Superseded, t.insert(d, false)
	case keep:
		err = t.hide(old)
	default:
		err = t.erase(old, true)
	}
	if err != nil {
		return 0, err
	}
	return Stored, t.insert(d, true)
}

// hide keeps a superseded version where only its id finds it.
func (t *tx) hide(r record) error {
	if err := t.unshow(r); err != nil {
		return err
	}
	return t.post(hiddenHash(r.PubKey), r)
}

// blocked says whether the author has deleted the event before it came, or has vanished.
func (t *tx) blocked(d *draft) (bool, error) {
	e := d.Event
	if gone, err := t.vanishedUntil(e.PubKey); err != nil || e.CreatedAt <= gone {
		return true, err
	}
	if isRequest(e.Kind) {
		return false, nil // NIP-09, NIP-62: deleting a deletion has no effect
	}
	if d.address != "" {
		if deleted, err := t.deletedUntil(d.address); err != nil || e.CreatedAt <= deleted {
			return true, err
		}
	}
	return t.entombed(e)
}

func (t *tx) entombed(e *event.Event) (found bool, err error) {
	q, err := t.query("SELECT 1 FROM tombstone WHERE target=? AND author=?")
	if err != nil {
		return false, err
	}
	err = q.blob(1, e.ID[:]).blob(2, e.PubKey[:]).rows(func() error { found = true; return nil })
	return found, err
}

// vanishedUntil gives the second up to which all of the author's events are gone, -1 where none are.
func (t *tx) vanishedUntil(author event.PubKey) (int64, error) {
	q, err := t.query("SELECT until FROM vanished WHERE author=?")
	if err != nil {
		return 0, err
	}
	return until(q.blob(1, author[:]))
}

// deletedUntil gives the second up to which the address's versions are gone, -1 where none are.
func (t *tx) deletedUntil(address string) (int64, error) {
	q, err := t.query("SELECT until FROM address_tombstone WHERE address=?")
	if err != nil {
		return 0, err
	}
	return until(q.text(1, address))
}

func until(q stmt) (second int64, err error) {
	second = -1
	err = q.rows(func() error { second = q.ColumnInt64(0); return nil })
	return second, err
}
