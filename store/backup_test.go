package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"mural/event"
)

// story saves a history with every kind of table in it.
func story(t *testing.T, s *Store) {
	t.Helper()
	var list []*event.Event
	add := func(who byte, e event.Event) *event.Event {
		e.CreatedAt = benchStart + int64(len(list)/2)
		list = append(list, signed(t, key(who), e))
		return list[len(list)-1]
	}
	for i := range 60 {
		who := byte(i % 4)
		note := add(who, event.Event{Kind: 1, Content: fmt.Sprint("a wall with number ", i), Tags: event.Tags{{"t", fmt.Sprint(i % 7)}, {"expiration", "99999999999"}}})
		add(who, event.Event{Kind: 0, Content: fmt.Sprintf(`{"name":"painter %d"}`, i)})
		add(who, event.Event{Kind: 30023, Content: fmt.Sprint("walk ", i), Tags: event.Tags{{"d", fmt.Sprint(i % 3)}, {"title", "River"}}})
		add(who, event.Event{Kind: 7, Content: "+", Tags: event.Tags{{"e", note.ID.String()}}})
		if i%5 == 0 {
			add(who, event.Event{Kind: 5, Tags: event.Tags{{"e", note.ID.String()}}})
		}
		if i%20 == 19 {
			add(who, event.Event{Kind: 5, Tags: event.Tags{{"a", fmt.Sprintf("30023:%s:1", note.PubKey)}}})
		}
	}
	add(3, event.Event{Kind: 62, Tags: event.Tags{{"relay", "ALL_RELAYS"}}})
	if _, err := s.Save(context.Background(), entries(list)); err != nil {
		t.Fatal(err)
	}
}

// tables reads all rows of some tables.
func tables(t *testing.T, s *Store, names ...string) (rows []string) {
	t.Helper()
	err := s.read(context.Background(), func(c *conn) error {
		for _, name := range names {
			q, err := c.query("SELECT * FROM " + name)
			if err != nil {
				return err
			}
			err = q.rows(func() error {
				row := name
				for i := range q.ColumnCount() {
					row += fmt.Sprintf(" %x", q.ColumnRawBlob(i))
				}
				rows = append(rows, row)
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(rows)
	return rows
}

// answers gives what a store says to a row of questions.
func answers(t *testing.T, s *Store) (all []string) {
	t.Helper()
	for _, f := range []event.Filter{{}, {Kinds: []event.Kind{30023}}, {Tags: map[byte][]string{'t': {"3"}}}, {Authors: []event.PubKey{key(1).PubKey()}},
		{Search: "wall"}, {Search: "river walk"}, {Search: "painter"}, {Search: "5"}, {Search: "number -3"}} {
		f.Limit = 1000
		got, err := s.Query(context.Background(), f)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range got {
			all = append(all, f.Search+e.ID.String())
		}
	}
	return all
}

var kept = []string{"event", "tombstone", "address_tombstone", "vanished", "source", "receipt", "keeper", "peer"}

func TestARebuildGivesTheSame(t *testing.T) {
	s := openTest(t, Options{})
	ctx := context.Background()
	story(t, s)
	said := answers(t, s) // and the search index has caught up
	all := append(slices.Clone(derived), append(kept, "projection", "search_docsize")...)
	before := tables(t, s, all...)
	if err := s.Rebuild(ctx); err != nil {
		t.Fatal(err)
	}
	if after := tables(t, s, all...); !slices.Equal(after, before) {
		t.Errorf("a rebuild of what was whole: %d rows became %d, or others", len(before), len(after))
	}
	err := s.writer.do(ctx, 0, func(x *tx) error {
		return x.db.Exec(`DELETE FROM timeline WHERE n%3=0; DELETE FROM name WHERE n%4=1; DELETE FROM address; DELETE FROM expiry;
			UPDATE posting SET k=9 WHERE n%5=0 AND k=1; INSERT INTO posting VALUES (1, 1, 1, 1); DELETE FROM search WHERE rowid IN (SELECT id FROM search_docsize LIMIT 9)`)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Rebuild(ctx); err != nil {
		t.Fatal(err)
	}
	if after := tables(t, s, all...); !slices.Equal(after, before) {
		t.Errorf("a rebuild of what was broken: %d rows became %d, or others", len(before), len(after))
	}
	if !slices.Equal(answers(t, s), said) {
		t.Error("the answers have changed")
	}
	if err := s.Check(ctx); err != nil {
		t.Error(err)
	}
}

func TestARebuildThatFailsChangesNothing(t *testing.T) {
	s := openTest(t, Options{})
	ctx := context.Background()
	story(t, s)
	said := answers(t, s)
	if err := s.writer.do(ctx, 0, func(x *tx) error {
		return x.db.Exec("INSERT INTO event VALUES (1000000, zeroblob(32), zeroblob(32), x'09')")
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Rebuild(ctx); !errors.Is(err, ErrDamaged) {
		t.Errorf("got %v, want ErrDamaged", err)
	}
	if !slices.Equal(answers(t, s), said) {
		t.Error("the answers have changed")
	}
}

func TestABackupIsWholeWhileSavesGoOn(t *testing.T) {
	s := openTest(t, Options{})
	ctx := context.Background()
	story(t, s)
	dir := t.TempDir()
	stop, done := make(chan struct{}), make(chan int)
	go func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				done <- i
				return
			default:
			}
			e := &event.Event{PubKey: event.PubKey{9}, Kind: 1, CreatedAt: int64(i), Content: "meanwhile"}
			e.ID = e.ComputeID()
			if _, err := s.Save(ctx, []Entry{{Event: e}}); err != nil {
				t.Error(err)
			}
		}
	}()
	for i := range 3 {
		if err := s.Backup(ctx, filepath.Join(dir, fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	saved := <-done
	last := int64(0)
	for i := range 3 {
		stats, err := Inspect(ctx, filepath.Join(dir, fmt.Sprint(i)))
		if err != nil || stats.Events < last {
			t.Errorf("backup %d: %+v (%v)", i, stats, err)
		}
		last = stats.Events
	}
	copied, err := Open(filepath.Join(dir, "2"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer copied.Close()
	// The events saved meanwhile have no gap: those before the backup, and none after.
	n, err := copied.Count(ctx, event.Filter{Search: "meanwhile"})
	if err != nil || n > saved {
		t.Errorf("%d of %d events (%v)", n, saved, err)
	}
	stamps, err := copied.Stamps(ctx, event.Filter{Authors: []event.PubKey{{9}}})
	if err != nil || len(stamps) != n || (n > 0 && stamps[n-1].CreatedAt != int64(n-1)) {
		t.Errorf("got %d stamps (%v), want 0 to %d", len(stamps), err, n-1)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".events-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestABackupHasEverything(t *testing.T) {
	s := openTest(t, Options{})
	ctx := context.Background()
	story(t, s)
	said := answers(t, s)
	path := filepath.Join(t.TempDir(), "copy'; --.db")
	if err := s.Backup(ctx, path); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v (%v), want a file for its owner alone", info.Mode(), err)
	}
	if err := s.Backup(ctx, path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("once more: got %v, want fs.ErrExist", err)
	}
	copied, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer copied.Close()
	all := append(slices.Clone(derived), kept...)
	if !slices.Equal(tables(t, copied, all...), tables(t, s, all...)) {
		t.Error("the tables differ")
	}
	if !slices.Equal(answers(t, copied), said) {
		t.Error("the answers differ")
	}
	ended, cancel := context.WithTimeout(ctx, -time.Second)
	defer cancel()
	if err := Backup(ended, path, path+"2"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want context.DeadlineExceeded", err)
	}
	if _, err := os.Stat(path + "2"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a backup that was broken off is there: %v", err)
	}
	if _, err := Inspect(ctx, path+"3"); err == nil {
		t.Error("what is not there was inspected")
	}
}
