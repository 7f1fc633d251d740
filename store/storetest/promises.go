package storetest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"mural/event"
	"mural/store"
)

var promises = []struct {
	name  string
	check func(*bench)
}{
	{"AnEventComesBackAsItWas", comesBack},
	{"TheSameEventIsStoredOnce", storedOnce},
	{"OfReplaceableEventsTheNewestCounts", replaceable},
	{"OfTwoVersionsOfOneSecondTheLowestIDCounts", versionTie},
	{"OfAddressableEventsTheNewestPerNameCounts", addressable},
	{"SupersededVersionsOfMuralsStayByID", versionsStay},
	{"EphemeralEventsAreRefused", ephemeral},
	{"TimesOutOfRangeAreRefused", outOfRange},
	{"AnEventExpires", expires},
	{"WithANewestVersionThatExpiresTheOneBeforeReturns", expiredVersion},
	{"AnAuthorDeletesByID", deletesByID},
	{"NobodyDeletesForOthers", deletesForOthers},
	{"ADeletionBlocksWhatComesLater", deletesLater},
	{"ADeletionCannotBeDeleted", deletesDeletion},
	{"AnAuthorDeletesByAddress", deletesByAddress},
	{"WithTheNewestVersionDeletedTheOneBeforeReturns", deletesVersion},
	{"AnAuthorVanishes", vanishes},
	{"EveryConditionOfAFilterHolds", conditions},
	{"AnEmptyListMatchesNothing", emptyLists},
	{"SinceAndUntilAreInclusive", sinceUntil},
	{"TheLimitKeepsTheNewest", limits},
	{"WithinASecondTheLowestIDsComeFirst", ties},
	{"SeveralFiltersAreMerged", several},
	{"StampsHaveNoLimit", stampsUnlimited},
	{"ReceiptsAreKeptAndBounded", receipts},
	{"ManySaveAtOnce", concurrent},
}

func tag(values ...string) event.Tag { return values }

func pub(i int) event.PubKey { return author(i).PubKey() }

func comesBack(b *bench) {
	contents := []string{
		"", "salaam", "\x00\x01\x1f\"\\\n\t\b\f\r\x7f\u2028\u2029 <&> 🧱 \U0010ffff",
		strings.Repeat("the same again and again, ", 2000), strings.Repeat("x", 120_000),
	}
	long := make(event.Tag, 900)
	for i := range long {
		long[i] = fmt.Sprint(i)
	}
	tags := []event.Tag{
		tag("e", strings.Repeat("0a", 32)), tag("e", strings.Repeat("0A", 32)), tag("e", strings.Repeat("a", 31)),
		tag("e"), tag(""), tag("", "", ""), tag("t", "ünïcode \x00"), tag("t", strings.Repeat("f", 600)), tag("-"), long,
	}
	for i, content := range contents {
		e := b.makes(i, int64(i), 1, content, tags...)
		b.saves(e, store.Stored)
		got, err := b.Query(context.Background(), event.Filter{IDs: []event.ID{e.ID}})
		if err != nil || len(got) != 1 {
			b.Fatalf("got %d events, %v", len(got), err)
		}
		if err := got[0].Verify(); err != nil {
			b.Error(err)
		}
		if diff := cmp.Diff(string(e.AppendJSON(nil)), string(got[0].AppendJSON(nil))); diff != "" {
			b.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func storedOnce(b *bench) {
	e := b.makes(0, 0, 1, "once")
	b.saves(e, store.Stored)
	b.saves(e, store.Duplicate)
	b.finds(event.Filter{}, e)
	got, err := b.Save(context.Background(), []store.Entry{{Event: b.makes(0, 1, 1, "x")}, {Event: b.makes(0, 1, 1, "x")}})
	if err != nil || got[0] != store.Stored || got[1] != store.Duplicate {
		b.Error(got, err)
	}
}

func replaceable(b *bench) {
	v2, v1, v3 := b.makes(0, 2, 0, "2"), b.makes(0, 1, 0, "1"), b.makes(0, 3, 0, "3")
	other, follows := b.makes(1, 1, 0, "another"), b.makes(0, 1, 3, "")
	b.saves(v2, store.Stored)
	b.saves(v1, store.Superseded)
	b.saves(other, store.Stored)
	b.saves(follows, store.Stored)
	b.finds(event.Filter{Kinds: []event.Kind{0}, Authors: []event.PubKey{pub(0)}}, v2)
	b.saves(v3, store.Stored)
	b.finds(event.Filter{Kinds: []event.Kind{0}}, v3, other)
	b.finds(event.Filter{IDs: []event.ID{v2.ID, v1.ID}})
	b.saves(v2, store.Superseded)
}

func versionTie(b *bench) {
	low, high := b.makes(0, 1, 10002, "a"), b.makes(0, 1, 10002, "b")
	if newer(high, low) {
		low, high = high, low
	}
	b.saves(high, store.Stored)
	b.saves(low, store.Stored)
	b.saves(high, store.Superseded)
	b.finds(event.Filter{}, low)
}

func addressable(b *bench) {
	a1, a2 := b.makes(0, 1, 30000, "a1", tag("d", "a")), b.makes(0, 2, 30000, "a2", tag("d", "a"), tag("d", "b"))
	other, none, empty := b.makes(0, 1, 30000, "b", tag("d", "b")), b.makes(0, 3, 30000, "no name"), b.makes(0, 4, 30000, "", tag("d", ""))
	b.saves(a1, store.Stored)
	b.saves(a2, store.Stored)
	b.saves(other, store.Stored)
	b.saves(none, store.Stored)
	b.saves(empty, store.Stored)
	b.finds(event.Filter{Kinds: []event.Kind{30000}}, empty, a2, other)
	b.finds(event.Filter{Authors: []event.PubKey{pub(0)}, Tags: map[byte][]string{'d': {"a"}}}, a2)
	b.finds(event.Filter{Authors: []event.PubKey{pub(1)}, Tags: map[byte][]string{'d': {"a"}}})
}

func versionsStay(b *bench) {
	for i, kind := range []event.Kind{34840, 34841, 30023} {
		v := make([]*event.Event, 4)
		for j := range v {
			v[j] = b.makes(i, int64(j), kind, fmt.Sprint(j), tag("d", "wall"))
		}
		b.saves(v[1], store.Stored)
		b.saves(v[3], store.Stored)
		b.saves(v[0], store.Superseded)
		b.saves(v[2], store.Superseded)
		b.saves(v[2], store.Duplicate)
		b.finds(event.Filter{Kinds: []event.Kind{kind}}, v[3])
		b.finds(event.Filter{Authors: []event.PubKey{pub(i)}}, v[3])
		b.finds(event.Filter{Tags: map[byte][]string{'d': {"wall"}}, Kinds: []event.Kind{kind}}, v[3])
		b.finds(event.Filter{IDs: []event.ID{v[0].ID, v[1].ID, v[2].ID, v[3].ID}}, v[3], v[2], v[1], v[0])
	}
}

func ephemeral(b *bench) {
	b.saves(b.makes(0, 0, 24880, ""), store.Refused)
	b.finds(event.Filter{})
}

func outOfRange(b *bench) {
	b.saves(&event.Event{ID: event.ID{1}, Kind: 1, CreatedAt: -1}, store.Refused)
	b.saves(b.makes(0, store.MaxCreatedAt-start+1, 1, ""), store.Refused)
	first, last := b.makes(0, -start, 1, ""), b.makes(0, store.MaxCreatedAt-start, 1, "")
	b.saves(first, store.Stored)
	b.saves(last, store.Stored)
	b.finds(event.Filter{}, last, first)
	b.finds(event.Filter{Since: store.MaxCreatedAt}, last)
	b.finds(event.Filter{Until: store.MaxCreatedAt - 1}, first)
	b.finds(event.Filter{Since: store.MaxCreatedAt + 1})
	b.finds(event.Filter{Until: 1<<62 + 1, Since: 1}, last)
}

func expires(b *bench) {
	at := func(second int) event.Tag { return tag("expiration", fmt.Sprint(start+second)) }
	b.saves(b.makes(0, 0, 1, "past", at(0)), store.Expired)
	soon, stays := b.makes(0, 1, 1, "soon", at(10)), b.makes(0, 0, 1, "stays", tag("expiration", "whenever"))
	b.saves(soon, store.Stored)
	b.saves(stays, store.Stored)
	b.clock.Set(start + 9)
	b.finds(event.Filter{}, soon, stays)
	b.clock.Set(start + 10)
	b.finds(event.Filter{}, stays)
	b.finds(event.Filter{IDs: []event.ID{soon.ID}})
	b.finds(event.Filter{Authors: []event.PubKey{pub(0)}}, stays)
	b.saves(soon, store.Expired)
	b.saves(stays, store.Duplicate)
	b.finds(event.Filter{IDs: []event.ID{soon.ID}})
}

func expiredVersion(b *bench) {
	v1, v2 := b.makes(0, 1, 30023, "1"), b.makes(0, 2, 30023, "2", tag("expiration", fmt.Sprint(start+10)))
	b.saves(v1, store.Stored)
	b.saves(v2, store.Stored)
	b.finds(event.Filter{Kinds: []event.Kind{30023}}, v2)
	b.clock.Set(start + 10)
	b.saves(v1, store.Duplicate) // a store may tidy up when it writes, not before
	b.finds(event.Filter{Kinds: []event.Kind{30023}}, v1)
}

func deletesByID(b *bench) {
	note, stays := b.makes(0, 0, 1, "note", tag("t", "x")), b.makes(0, 0, 1, "stays", tag("t", "x"))
	b.saves(note, store.Stored)
	b.saves(stays, store.Stored)
	deletion := b.makes(0, 5, 5, "", tag("e", note.ID.String()), tag("e", "nonsense"), tag("e"), tag("a", "nonsense"))
	b.saves(deletion, store.Stored)
	b.finds(event.Filter{}, deletion, stays)
	b.finds(event.Filter{Tags: map[byte][]string{'t': {"x"}}}, stays)
	b.finds(event.Filter{IDs: []event.ID{note.ID}})
	b.saves(note, store.Blocked)
	b.finds(event.Filter{Kinds: []event.Kind{1}}, stays)
}

func deletesForOthers(b *bench) {
	note, list := b.makes(0, 0, 1, "note"), b.makes(0, 0, 30000, "", tag("d", "x"))
	b.saves(note, store.Stored)
	b.saves(list, store.Stored)
	b.saves(b.makes(1, 5, 5, "", tag("e", note.ID.String()), tag("a", list.Address())), store.Stored)
	b.finds(event.Filter{Kinds: []event.Kind{1}}, note)
	b.finds(event.Filter{Kinds: []event.Kind{30000}}, list)
}

func deletesLater(b *bench) {
	mine, theirs := b.makes(0, 0, 1, "mine"), b.makes(1, 0, 1, "theirs")
	b.saves(b.makes(0, 5, 5, "", tag("e", mine.ID.String()), tag("e", theirs.ID.String())), store.Stored)
	b.saves(mine, store.Blocked)
	b.saves(theirs, store.Stored)
	b.finds(event.Filter{Kinds: []event.Kind{1}}, theirs)
}

func deletesDeletion(b *bench) {
	note := b.makes(0, 0, 1, "note")
	first, early := b.makes(0, 1, 5, "", tag("e", note.ID.String())), b.makes(0, 3, 5, "early", tag("e", note.ID.String()))
	b.saves(note, store.Stored)
	b.saves(first, store.Stored)
	second := b.makes(0, 2, 5, "", tag("e", first.ID.String()), tag("e", early.ID.String()))
	b.saves(second, store.Stored)
	b.saves(early, store.Stored)
	b.finds(event.Filter{}, early, second, first)
	b.saves(note, store.Blocked)
}

func deletesByAddress(b *bench) {
	name := tag("d", "a:b")
	v1, v2, v3 := b.makes(0, 1, 30023, "1", name), b.makes(0, 2, 30023, "2", name), b.makes(0, 3, 30023, "3", name)
	other := b.makes(0, 1, 30023, "other", tag("d", "a"))
	profile := b.makes(0, 1, 0, "profile")
	b.saves(v1, store.Stored)
	b.saves(other, store.Stored)
	b.saves(v3, store.Stored)
	b.saves(profile, store.Stored)
	b.saves(b.makes(0, 2, 5, "", tag("a", v1.Address()), tag("a", profile.Address())), store.Stored)
	b.finds(event.Filter{Kinds: []event.Kind{30023, 0}}, v3, other)
	b.saves(v2, store.Blocked)
	b.saves(v1, store.Blocked)
	b.finds(event.Filter{IDs: []event.ID{v1.ID, v2.ID}})
	b.saves(profile, store.Blocked)
	again := b.makes(0, 3, 0, "again")
	b.saves(again, store.Stored)
	b.finds(event.Filter{Kinds: []event.Kind{0}}, again)
}

func deletesVersion(b *bench) {
	v1, v2, v3 := b.makes(0, 1, 34841, "1", tag("d", "x")), b.makes(0, 2, 34841, "2", tag("d", "x")), b.makes(0, 3, 34841, "3", tag("d", "x"))
	b.saves(v1, store.Stored)
	b.saves(v2, store.Stored)
	b.saves(v3, store.Stored)
	b.saves(b.makes(0, 4, 5, "", tag("e", v3.ID.String()), tag("e", v1.ID.String())), store.Stored)
	b.finds(event.Filter{Kinds: []event.Kind{34841}}, v2)
	b.finds(event.Filter{IDs: []event.ID{v1.ID, v2.ID, v3.ID}}, v2)
}

func vanishes(b *bench) {
	note, article, later := b.makes(0, 1, 1, ""), b.makes(0, 2, 30023, ""), b.makes(0, 20, 1, "later")
	old, other := b.makes(0, 1, 30023, "old"), b.makes(1, 1, 1, "other")
	for _, e := range []*event.Event{note, article, later, other} {
		b.saves(e, store.Stored)
	}
	b.saves(old, store.Superseded)
	b.saves(b.makes(0, 5, 62, "elsewhere", tag("relay", "wss://relay.example")), store.Stored)
	b.finds(event.Filter{IDs: []event.ID{note.ID}}, note)
	request := b.makes(0, 10, 62, "", tag("relay", "ALL_RELAYS"))
	b.saves(request, store.Stored)
	b.finds(event.Filter{}, later, request, other)
	b.finds(event.Filter{IDs: []event.ID{note.ID, old.ID, article.ID}})
	for _, e := range []*event.Event{note, article, old} {
		b.saves(e, store.Blocked)
	}
	b.saves(b.makes(0, 30, 5, "", tag("e", request.ID.String())), store.Stored)
	b.finds(event.Filter{IDs: []event.ID{request.ID}}, request)
	b.saves(note, store.Blocked)
	b.saves(b.makes(0, 11, 1, "back"), store.Stored)
}

func receipts(b *bench) {
	r, ok := b.Storage.(receipter)
	if !ok {
		b.Skip("keeps no receipts")
	}
	ctx := context.Background()
	e := b.makes(0, 0, 1, "")
	var want []store.Receipt
	for i := range store.MaxReceipts + 5 {
		for range 2 {
			at := time.Unix(start+int64(i), 0)
			if _, err := b.Save(ctx, []store.Entry{{Event: e, Via: event.ViaPeer, From: fmt.Sprint(i), At: at}}); err != nil {
				b.Fatal(err)
			}
			if len(want) == i && i < store.MaxReceipts {
				want = append(want, store.Receipt{Via: event.ViaPeer, From: fmt.Sprint(i), At: at})
			}
		}
	}
	got, err := r.Receipts(ctx, e.ID)
	if err != nil {
		b.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		b.Errorf("(-want +got):\n%s", diff)
	}
	if got, err := r.Receipts(ctx, event.ID{1}); len(got) != 0 || err != nil {
		b.Error(got, err)
	}
}

func concurrent(b *bench) {
	const savers, each = 8, 20
	events := make([]*event.Event, each)
	for i := range events {
		events[i] = b.makes(0, int64(i), 1, "shared")
	}
	var mu sync.Mutex
	stored := map[event.ID]int{}
	var wg sync.WaitGroup
	for range savers {
		wg.Go(func() {
			for _, e := range events {
				got, err := b.Save(context.Background(), []store.Entry{{Event: e}})
				if err != nil {
					b.Error(err)
					return
				}
				if _, err := b.Query(context.Background(), event.Filter{Limit: 3}); err != nil {
					b.Error(err)
				}
				mu.Lock()
				if got[0] == store.Stored {
					stored[e.ID]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for _, e := range events {
		if stored[e.ID] != 1 {
			b.Errorf("event %s was stored %d times", e.ID, stored[e.ID])
		}
	}
}
