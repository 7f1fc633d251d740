package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mural/event"
)

func openTest(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "events.db"), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// key gives the i-th of a row of secret keys.
func key(i byte) event.SecretKey { return event.SecretKey{31: i + 1} }

func signed(t testing.TB, k event.SecretKey, e event.Event) *event.Event {
	t.Helper()
	if err := e.Sign(k); err != nil {
		t.Fatal(err)
	}
	return &e
}

func TestWhatIsSavedIsFoundAndVerifies(t *testing.T) {
	s := openTest(t, Options{})
	ctx := context.Background()
	e := signed(t, key(0), event.Event{Kind: 1, CreatedAt: 1700000000, Content: "salaam \u2028 <&> \x01", Tags: event.Tags{{"t", "art"}, {"e", key(3).Hex()}, {"x"}, {"imeta", "", "a b"}}})
	out, err := s.Save(ctx, []Entry{{Event: e, Via: event.ViaPeer, From: "p", At: time.Unix(5, 0)}})
	if err != nil || out[0] != Stored {
		t.Fatal(out, err)
	}
	for _, f := range []event.Filter{
		{}, {IDs: []event.ID{e.ID}}, {Authors: []event.PubKey{e.PubKey}}, {Kinds: []event.Kind{1, 2}},
		{Tags: map[byte][]string{'t': {"x", "art"}}}, {Authors: []event.PubKey{e.PubKey}, Tags: map[byte][]string{'e': {key(3).Hex()}}},
	} {
		got, err := s.Query(ctx, f)
		if err != nil || len(got) != 1 {
			t.Fatalf("%+v: %d events, %v", f, len(got), err)
		}
		if err := got[0].Verify(); err != nil {
			t.Error(err)
		}
		if string(got[0].Raw()) != string(e.Raw()) {
			t.Errorf("got %s, want %s", got[0].Raw(), e.Raw())
		}
	}
}

// Every statement that saving, deleting and asking prepares has to find its rows
// by a key. Counting and listing peers read a table of theirs; that is what they are for.
func TestIndexesAreSeekedNotScanned(t *testing.T) {
	s := openTest(t, Options{Readers: 1})
	ctx := context.Background()
	article := signed(t, key(0), event.Event{Kind: 30023, CreatedAt: 5, Tags: event.Tags{{"d", "x"}, {"expiration", "99999999999"}}})
	newer := signed(t, key(0), event.Event{Kind: 30023, CreatedAt: 6, Tags: event.Tags{{"d", "x"}}})
	deletion := signed(t, key(0), event.Event{Kind: 5, CreatedAt: 7, Tags: event.Tags{{"e", newer.ID.String()}, {"a", article.Address()}}})
	vanish := signed(t, key(0), event.Event{Kind: 62, CreatedAt: 8, Tags: event.Tags{{"relay", "ALL_RELAYS"}}})
	if _, err := s.Save(ctx, entries([]*event.Event{article, newer, article, deletion, vanish})); err != nil {
		t.Fatal(err)
	}
	if err := s.RecordKeeper(ctx, Keeper{}); err != nil {
		t.Fatal(err)
	}
	pk, tags := []event.PubKey{article.PubKey}, map[byte][]string{'t': {"x"}}
	for _, f := range []event.Filter{{}, {IDs: []event.ID{article.ID}}, {Authors: pk}, {Authors: pk, Kinds: []event.Kind{1}, Tags: tags}, {Kinds: []event.Kind{1}, Since: 1, Until: 9}} {
		if _, err := s.Query(ctx, f); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Count(ctx, f); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Receipts(ctx, article.ID); err != nil {
		t.Fatal(err)
	}
	if err := s.read(ctx, func(c *conn) error { return expectSeeks(t, c) }); err != nil {
		t.Error(err)
	}
	if err := s.writer.do(ctx, 0, func(x *tx) error { return expectSeeks(t, x.conn) }); err != nil {
		t.Error(err)
	}
}

func expectSeeks(t *testing.T, c *conn) error {
	for sql := range c.prepared {
		q, _, err := c.db.Prepare("EXPLAIN QUERY PLAN " + sql)
		if err != nil || q == nil {
			return err
		}
		for q.Step() {
			if step := q.ColumnText(3); strings.Contains(step, "SCAN") && step != "SCAN CONSTANT ROW" && !strings.Contains(step, "VIRTUAL TABLE") {
				t.Errorf("%s\n\tin %s", step, sql)
			}
		}
		if err := q.Close(); err != nil {
			return err
		}
	}
	return nil
}

// A hash or a rank that two events share must cost time and never a wrong answer.
func TestCollisionsNeverGiveAWrongAnswer(t *testing.T) {
	s := openTest(t, Options{})
	ctx := context.Background()
	mine := signed(t, key(0), event.Event{Kind: 30000, CreatedAt: 5, Tags: event.Tags{{"d", "x"}, {"t", "mine"}}})
	other := signed(t, key(1), event.Event{Kind: 30000, CreatedAt: 9, Tags: event.Tags{{"d", "y"}, {"t", "other"}}})
	if _, err := s.Save(ctx, entries([]*event.Event{mine, other})); err != nil {
		t.Fatal(err)
	}
	// The other event appears in every list of mine, as if all hashes were the same.
	err := s.writer.do(ctx, 0, func(x *tx) error {
		n, err := x.find(other.ID)
		if err != nil {
			return err
		}
		r := record{n, other}
		for _, h := range []int64{authorHash(mine.PubKey), hash('t', "mine"), hash('d', "x")} {
			if err := x.post(h, r); err != nil {
				return err
			}
		}
		return errors.Join(
			x.exec("INSERT INTO address (h, r, n) VALUES (?, ?, ?)", hash(listAddress, mine.Address()), r.rank(), n),
			x.exec("INSERT INTO name (p, n) VALUES (?, ?)", prefix(mine.ID), n))
	})
	if err != nil {
		t.Fatal(err)
	}
	pk := []event.PubKey{mine.PubKey}
	for _, f := range []event.Filter{{Authors: pk}, {Authors: pk, Kinds: []event.Kind{30000}}, {Tags: map[byte][]string{'t': {"mine"}}},
		{Authors: pk, Tags: map[byte][]string{'d': {"x"}}, Limit: 1}, {IDs: []event.ID{mine.ID}}} {
		got, err := s.Query(ctx, f)
		if err != nil || len(got) != 1 || got[0].ID != mine.ID {
			t.Errorf("query by %+v: got %d events (%v), want mine", f, len(got), err)
		}
		if n, err := s.Count(ctx, f); n != 1 || err != nil {
			t.Errorf("count of %+v: got %d (%v), want 1", f, n, err)
		}
	}
	update := signed(t, key(0), event.Event{Kind: 30000, CreatedAt: 6, Tags: event.Tags{{"d", "x"}}})
	deletion := signed(t, key(0), event.Event{Kind: 5, CreatedAt: 10, Tags: event.Tags{{"a", mine.Address()}}})
	out, err := s.Save(ctx, entries([]*event.Event{update, mine, deletion}))
	if err != nil || out[0] != Stored || out[1] != Superseded {
		t.Errorf("got %v, %v", out, err)
	}
	if got, err := s.Query(ctx, event.Filter{Kinds: []event.Kind{30000}}); err != nil || len(got) != 1 || got[0].ID != other.ID {
		t.Errorf("got %d events (%v), want the other alone", len(got), err)
	}
}

func TestIDsThatShareTheRankAreOrderedWhole(t *testing.T) {
	s := openTest(t, Options{})
	ctx := context.Background()
	var all []*event.Event
	for _, last := range []byte{7, 3, 9, 1, 5, 8, 2} {
		all = append(all, &event.Event{ID: event.ID{1, 2, 3, 4, 31: last}, PubKey: event.PubKey{1}, Kind: 10002, CreatedAt: 5, Content: string('0' + rune(last))})
	}
	out, err := s.Save(ctx, entries(all))
	if err != nil || fmt.Sprint(out) != "[stored stored superseded stored superseded superseded superseded]" {
		t.Errorf("versions: got %v (%v)", out, err)
	}
	for i, e := range all {
		e.ID[4], e.Kind = 1, 1
		all[i] = e
	}
	if _, err := s.Save(ctx, entries(all)); err != nil {
		t.Fatal(err)
	}
	for limit, want := range map[int]string{1: "1", 3: "123", 7: "1235789"} {
		for _, f := range []event.Filter{{Limit: limit, Kinds: []event.Kind{1}}, {Limit: limit, Authors: []event.PubKey{{1}}, Kinds: []event.Kind{1, 2}}} {
			got, err := s.Query(ctx, f)
			text := ""
			for _, e := range got {
				text += e.Content
			}
			if err != nil || text != want {
				t.Errorf("limit %d: got %s (%v), want %s", limit, text, err, want)
			}
		}
	}
}

func TestATooBroadFilterIsRefused(t *testing.T) {
	s := openTest(t, Options{})
	f := event.Filter{Tags: map[byte][]string{'t': nil}, Kinds: []event.Kind{1, 2, 3, 4, 5, 6, 7, 8}}
	for i := range maxLists {
		f.Tags['t'] = append(f.Tags['t'], fmt.Sprint(i))
	}
	if _, err := s.Query(context.Background(), f); !errors.Is(err, ErrBroad) {
		t.Errorf("got %v, want ErrBroad", err)
	}
}
