package store

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"mural/event"
)

// fill saves groups of large events until one fails, and gives the saved ids.
func fill(t *testing.T, s *Store) (saved []event.ID, err error) {
	t.Helper()
	for i := range 10_000 {
		noise := make([]byte, 20_000)
		rand.Read(noise)
		var group []Entry
		for j := range 3 {
			e := &event.Event{Kind: 1, CreatedAt: int64(i), Content: fmt.Sprint(j, base64.StdEncoding.EncodeToString(noise)), Tags: event.Tags{{"t", "x"}}}
			e.ID = e.ComputeID()
			group = append(group, Entry{Event: e})
		}
		if _, err := s.Save(context.Background(), group); err != nil {
			return saved, err
		}
		for _, entry := range group {
			saved = append(saved, entry.Event.ID)
		}
	}
	t.Fatal("the disk never filled")
	return nil, nil
}

// expectOnly checks that exactly the saved events are there, in every index.
func expectOnly(t *testing.T, s *Store, saved []event.ID) {
	t.Helper()
	ctx := context.Background()
	for _, f := range []event.Filter{{}, {Kinds: []event.Kind{1}}, {Tags: map[byte][]string{'t': {"x"}}}, {IDs: saved}} {
		n, err := s.Count(ctx, f)
		if err != nil || n != len(saved) {
			t.Errorf("found %d events (%v), want %d", n, err, len(saved))
		}
	}
	if err := s.Check(ctx); err != nil {
		t.Error(err)
	}
}

func testFull(t *testing.T, path string, o Options) {
	s, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	saved, err := fill(t, s)
	if !errors.Is(err, ErrFull) {
		t.Fatalf("got %v, want ErrFull", err)
	}
	expectOnly(t, s, saved)
	if _, err := fill(t, s); !errors.Is(err, ErrFull) {
		t.Errorf("once more: got %v, want ErrFull", err)
	}
	expectOnly(t, s, saved)
	s.Close() // on a full disk the log may stay beside the file
	s, err = Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	expectOnly(t, s, saved)
}

func TestAFullDatabaseSaysSoAndIsStillRead(t *testing.T) {
	testFull(t, filepath.Join(t.TempDir(), "events.db"), Options{maxPages: 300})
}

func TestAFullDiskSaysSoAndIsStillRead(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("mounting a small file system takes root")
	}
	dir := t.TempDir()
	unmount, err := mountSmall(dir, 4<<20)
	if err != nil {
		t.Skip("cannot mount a small file system here:", err)
	}
	defer func() {
		if err := unmount(); err != nil {
			t.Error(err)
		}
	}()
	testFull(t, filepath.Join(dir, "events.db"), Options{})
}
