package storetest

import (
	"context"
	"fmt"
	"slices"

	"mural/event"
	"mural/store"
)

// The promises about queries.

func conditions(b *bench) {
	var all []*event.Event
	for i := range 24 {
		e := b.makes(i%3, int64(i), event.Kind([]int{1, 7, 1111, 40001}[i%4]), fmt.Sprint(i),
			tag("t", fmt.Sprint("t", i%2)), tag("t", "every"), tag("e", fmt.Sprint("e", i%5), "second"), tag("P", "capital"), tag("long", "t0"))
		b.saves(e, store.Stored)
		all = append(all, e)
	}
	slices.Reverse(all)
	for _, f := range []event.Filter{
		{Authors: []event.PubKey{pub(0)}}, {Authors: []event.PubKey{pub(0), pub(2), pub(0), pub(9)}},
		{Kinds: []event.Kind{7}}, {Kinds: []event.Kind{7, 1, 7, 9999}}, {Kinds: []event.Kind{7, 1}, Authors: []event.PubKey{pub(1)}},
		{Tags: map[byte][]string{'t': {"t0"}}}, {Tags: map[byte][]string{'t': {"t0", "t1", "t0"}}}, {Tags: map[byte][]string{'t': {"every"}}},
		{Tags: map[byte][]string{'e': {"e1", "e3"}, 't': {"t1"}}}, {Tags: map[byte][]string{'e': {"second"}}}, {Tags: map[byte][]string{'p': {"capital"}}},
		{Tags: map[byte][]string{'e': {"e1"}, 't': {"every"}, 'P': {"capital"}}, Kinds: []event.Kind{1, 1111}, Authors: []event.PubKey{pub(0), pub(1)}, Since: start + 3, Until: start + 20},
		{Kinds: []event.Kind{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, Authors: []event.PubKey{pub(0)}},
		{IDs: []event.ID{all[3].ID, all[1].ID, all[3].ID, {9}}}, {IDs: []event.ID{all[3].ID, all[1].ID}, Kinds: []event.Kind{all[1].Kind}},
		{Since: start + 5, Until: start + 9},
	} {
		var want []*event.Event
		for _, e := range all {
			if f.Match(e) {
				want = append(want, e)
			}
		}
		b.finds(f, want...)
	}
}

func emptyLists(b *bench) {
	b.saves(b.makes(0, 0, 1, "", tag("t", "x")), store.Stored)
	for _, f := range []event.Filter{
		{IDs: []event.ID{}}, {Authors: []event.PubKey{}}, {Kinds: []event.Kind{}}, {Tags: map[byte][]string{'t': {}}},
		{Since: 5, Until: 4},
	} {
		b.finds(f)
	}
	b.findsAny(nil)
}

func sinceUntil(b *bench) {
	var e [5]*event.Event
	for i := range e {
		e[i] = b.makes(0, int64(i), 1, "", tag("t", "x"))
		b.saves(e[i], store.Stored)
	}
	for _, f := range []event.Filter{{}, {Kinds: []event.Kind{1}}, {Authors: []event.PubKey{pub(0)}}, {Tags: map[byte][]string{'t': {"x"}}}} {
		f.Since = start + 1
		b.finds(f, e[4], e[3], e[2], e[1])
		f.Until = start + 3
		b.finds(f, e[3], e[2], e[1])
		f.Since = start + 3
		b.finds(f, e[3])
		f.Since = start + 4
		b.finds(f)
	}
}

func limits(b *bench) {
	var e [9]*event.Event
	for i := range e {
		e[i] = b.makes(i%2, int64(i), 1, "", tag("t", fmt.Sprint(i%2), "x"))
		b.saves(e[i], store.Stored)
	}
	for _, f := range []event.Filter{
		{}, {Kinds: []event.Kind{1, 2}}, {Authors: []event.PubKey{pub(0), pub(1)}}, {Tags: map[byte][]string{'t': {"0", "1"}}},
		{IDs: []event.ID{e[8].ID, e[0].ID, e[7].ID, e[6].ID}},
	} {
		f.Limit = 3
		b.finds(f, e[8], e[7], e[6])
		f.Limit = -1
		b.finds(f)
	}
	b.finds(event.Filter{Authors: []event.PubKey{pub(0)}, Limit: 2}, e[8], e[6])
}

func ties(b *bench) {
	var e []*event.Event
	for i := range 40 {
		e = append(e, b.makes(i%4, 0, 1, fmt.Sprint(i), tag("t", "x")))
		b.saves(e[i], store.Stored)
	}
	slices.SortFunc(e, compare)
	for _, f := range []event.Filter{{}, {Kinds: []event.Kind{1}}, {Authors: []event.PubKey{pub(0), pub(1), pub(2), pub(3)}}, {Tags: map[byte][]string{'t': {"x"}}}} {
		b.finds(f, e...)
		f.Limit = 7
		b.finds(f, e[:7]...)
	}
}

func several(b *bench) {
	note, reaction, other := b.makes(0, 1, 1, ""), b.makes(0, 2, 7, ""), b.makes(1, 3, 1, "")
	for _, e := range []*event.Event{note, reaction, other} {
		b.saves(e, store.Stored)
	}
	filters := []event.Filter{{Kinds: []event.Kind{1}}, {Authors: []event.PubKey{pub(0)}}, {IDs: []event.ID{note.ID}}}
	b.findsAny(filters, other, reaction, note)
	if n, err := b.Count(context.Background(), filters...); n != 3 || err != nil {
		b.Errorf("count: got %d (%v), want 3", n, err)
	}
	if stamps, err := b.Stamps(context.Background(), filters...); len(stamps) != 3 || err != nil {
		b.Errorf("stamps: got %d (%v), want 3", len(stamps), err)
	}
	b.findsAny([]event.Filter{{Limit: 1}, {Kinds: []event.Kind{7}, Limit: 1}}, other, reaction)
}

func stampsUnlimited(b *bench) {
	entries := make([]store.Entry, 3*store.DefaultMaxResults)
	for i := range entries {
		entries[i].Event = &event.Event{PubKey: pub(0), Kind: 1, CreatedAt: start + int64(i/3), Content: fmt.Sprint(i)}
		entries[i].Event.ID = entries[i].Event.ComputeID()
	}
	if _, err := b.Save(context.Background(), entries); err != nil {
		b.Fatal(err)
	}
	for _, f := range []event.Filter{{}, {Limit: 5}, {Limit: -1}, {Authors: []event.PubKey{pub(0)}}} {
		stamps, err := b.Stamps(context.Background(), f)
		if err != nil || len(stamps) != len(entries) {
			b.Errorf("stamps: got %d (%v), want %d", len(stamps), err, len(entries))
		}
	}
	got, err := b.Query(context.Background(), event.Filter{})
	if err != nil || len(got) != store.DefaultMaxResults {
		b.Errorf("query: got %d (%v), want %d", len(got), err, store.DefaultMaxResults)
	}
}
