package store

import (
	"compress/gzip"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"mural/event"
)

// oldDatabase unpacks a database that an older version of this package wrote.
func oldDatabase(t *testing.T, name string) string {
	t.Helper()
	in, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	unpacked, err := gzip.NewReader(in)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(unpacked)
	path := filepath.Join(t.TempDir(), "events.db")
	if err == nil {
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// format1.db holds a profile, notes in three languages, a reaction, a deleted
// note, two versions of an article, a picture, an expiring note, a keeper and a
// peer. It was written before there was a search index.
func TestADatabaseOfFormat1IsBroughtUpToDate(t *testing.T) {
	s, err := Open(oldDatabase(t, "format1.db.gz"), Options{Now: func() time.Time { return time.Unix(1_700_000_200, 0) }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := context.Background()
	stats, err := s.Stats(ctx)
	if err != nil || stats.Events != 10 || stats.Visible != 9 || stats.Tombstones != 1 || stats.Peers != 1 {
		t.Errorf("got %+v (%v)", stats, err)
	}
	all, err := s.Query(ctx, event.Filter{})
	if err != nil || len(all) != 9 {
		t.Fatalf("got %d events (%v), want 9", len(all), err)
	}
	for _, e := range all {
		if err := e.Verify(); err != nil {
			t.Error(err)
		}
	}
	for search, want := range map[string][]event.Kind{
		"river": {20, 30023, 1, 0}, "墙": {1}, "п’ять": {1}, "draft": {30023}, `"taken back"`: nil, "boats": {20}, "first": nil,
	} {
		found, err := s.QueryNewest(ctx, event.Filter{Search: search})
		var kinds []event.Kind
		for _, e := range found {
			kinds = append(kinds, e.Kind)
		}
		if err != nil || !slices.Equal(kinds, want) {
			t.Errorf("search %q: got kinds %v (%v), want %v", search, kinds, err, want)
		}
	}
	if receipts, err := s.Receipts(ctx, all[0].ID); err != nil || len(receipts) != 1 {
		t.Errorf("got receipts %v (%v)", receipts, err)
	}
	if keepers, err := s.Keepers(ctx, [32]byte{7}); err != nil || len(keepers) != 1 {
		t.Errorf("got keepers %v (%v)", keepers, err)
	}
	if err := s.Check(ctx); err != nil {
		t.Error(err)
	}
}
