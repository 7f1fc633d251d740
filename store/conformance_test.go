package store_test

import (
	"path/filepath"
	"testing"
	"time"

	"mural/store"
	"mural/store/storetest"
)

func openSQLite(t testing.TB, now func() time.Time) storetest.Storage {
	t.Helper()
	s, err := store.Open(filepath.Join(t.TempDir(), "events.db"), store.Options{Now: now})
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

func TestSQLiteKeepsThePromises(t *testing.T) { storetest.Run(t, openSQLite) }
