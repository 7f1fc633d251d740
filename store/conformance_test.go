package store_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"mural/store"
	"mural/store/storetest"
)

func openSQLite(t testing.TB, now func() time.Time) storetest.Storage {
	t.Helper()
	s, err := store.Open(filepath.Join(memoryDir(t), "events.db"), store.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// memoryDir gives a directory that needs no disk where there is one: these
// tests ask what is found, not whether it lasts.
func memoryDir(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "mural-store-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func TestSQLiteKeepsThePromises(t *testing.T) { storetest.Run(t, openSQLite) }

func TestSQLiteAgreesWithTheReference(t *testing.T) { storetest.Compare(t, openSQLite) }
