package store

import (
	"slices"

	"mural/event"
)

// isRequest says whether an event asks for removal. Such events are not
// themselves removed by a deletion.
func isRequest(k event.Kind) bool { return k == event.KindDeletion || k == event.KindVanish }

// obey carries out a deletion (NIP-09) or a request to vanish (NIP-62) before it is stored.
func (t *tx) obey(e *event.Event) error {
	switch {
	case e.Kind == event.KindDeletion:
		return t.obeyDeletion(e)
	case e.Kind == event.KindVanish && t.concernsUs(e):
		return t.vanish(e)
	}
	return nil
}

func (t *tx) obeyDeletion(e *event.Event) error {
	for _, tag := range e.Tags {
		if len(tag) < 2 {
			continue
		}
		var err error
		switch tag[0] {
		case "e":
			err = t.deleteEvent(e, tag[1])
		case "a":
			err = t.deleteAddress(e, tag[1])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// deleteEvent removes the author's own event, and leaves a tombstone under the
// author's key: it blocks the event when it comes later, or again, and blocks
// nobody else's.
func (t *tx) deleteEvent(e *event.Event, target string) error {
	id, err := event.ParseID(target)
	if err != nil {
		return nil // not a name of anything
	}
	n, err := t.find(id)
	if err != nil {
		return err
	}
	if n != 0 {
		r, err := t.load(t.codec, n)
		if err != nil || r.PubKey != e.PubKey || isRequest(r.Kind) {
			return err
		}
		if err := t.remove(r); err != nil {
			return err
		}
	}
	q, err := t.query("INSERT OR IGNORE INTO tombstone (target, author) VALUES (?, ?)")
	if err != nil {
		return err
	}
	return q.blob(1, id[:]).blob(2, e.PubKey[:]).Exec()
}

// deleteAddress removes the versions of the author's own address up to the
// deletion's created_at, and blocks them from then on.
func (t *tx) deleteAddress(e *event.Event, target string) error {
	a, err := event.ParseAddress(target)
	if err != nil || a.PubKey != e.PubKey {
		return nil
	}
	if a.Kind.IsReplaceable() {
		a.Identifier = ""
	}
	address := a.String()
	numbers, err := t.numbers("SELECT n FROM address WHERE h=? AND r<?", hash(listAddress, address), rankFrom(e.CreatedAt+1))
	if err != nil {
		return err
	}
	err = t.removeWhere(numbers, func(r record) bool { return r.Address() == address })
	if err != nil {
		return err
	}
	q, err := t.query(`INSERT INTO address_tombstone (address, until) VALUES (?, ?)
		ON CONFLICT DO UPDATE SET until=max(until, excluded.until)`)
	if err != nil {
		return err
	}
	return q.text(1, address).int(2, e.CreatedAt).Exec()
}

// concernsUs says whether the request to vanish names every relay, or this one.
func (t *tx) concernsUs(e *event.Event) bool {
	return slices.ContainsFunc(e.Tags.All("relay"), func(tag event.Tag) bool {
		relay := tag.Value(1)
		return relay == "ALL_RELAYS" || (relay != "" && slices.Contains(t.options.Relays, relay))
	})
}

// vanish removes all that the author made up to the request's created_at,
// deletions and earlier requests too, and blocks it from then on. Tombstones stay.
func (t *tx) vanish(e *event.Event) error {
	// Hidden versions first: with the visible one gone, they would become visible.
	for _, h := range []int64{hiddenHash(e.PubKey), authorHash(e.PubKey)} {
		numbers, err := t.numbers("SELECT n FROM posting WHERE h=? AND r<?", h, rankFrom(e.CreatedAt+1))
		if err != nil {
			return err
		}
		if err := t.removeWhere(numbers, func(r record) bool { return r.PubKey == e.PubKey }); err != nil {
			return err
		}
	}
	q, err := t.query(`INSERT INTO vanished (author, until) VALUES (?, ?)
		ON CONFLICT DO UPDATE SET until=max(until, excluded.until)`)
	if err != nil {
		return err
	}
	return q.blob(1, e.PubKey[:]).int(2, e.CreatedAt).Exec()
}

// removeWhere removes those of the numbered events that are meant. An index
// gives candidates; only the event itself says whether it is one of them.
func (t *tx) removeWhere(numbers []int64, meant func(record) bool) error {
	for _, n := range numbers {
		r, err := t.load(t.codec, n)
		if err != nil {
			return err
		}
		if !meant(r) {
			continue
		}
		if err := t.remove(r); err != nil {
			return err
		}
	}
	return nil
}
