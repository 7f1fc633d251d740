package store

import (
	"context"
	"path/filepath"
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

func TestIndexesAreSeekedNotScanned(t *testing.T) {
	s := openTest(t, Options{})
	err := s.read(context.Background(), func(c *conn) error {
		for _, sql := range []string{
			"SELECT r, n FROM posting WHERE h=?5 AND k=?6 AND (r, n)<(?1, ?2) AND r>=?3 ORDER BY r DESC, n DESC LIMIT ?4",
			"SELECT r, n FROM timeline WHERE (r, n)<(?1, ?2) AND r>=?3 ORDER BY r DESC, n DESC LIMIT ?4",
			"SELECT e.n FROM name CROSS JOIN event e ON e.n=name.n WHERE name.p=? AND e.id=?",
			"SELECT coalesce(min(k), 65536) FROM posting WHERE h=? AND k>=?",
			"SELECT n FROM address WHERE h=?1 AND r=(SELECT max(r) FROM address WHERE h=?1)",
			"SELECT max(n) FROM event",
		} {
			q, _, err := c.db.Prepare("EXPLAIN QUERY PLAN " + sql)
			if err != nil {
				return err
			}
			for q.Step() {
				t.Log(q.ColumnText(3))
			}
			if err := q.Close(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
