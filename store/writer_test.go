package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mural/event"
)

func unsigned(i int) *event.Event {
	e := &event.Event{PubKey: event.PubKey{byte(i % 7)}, Kind: 1, CreatedAt: int64(i), Content: fmt.Sprint(i), Tags: event.Tags{{"t", "x"}}}
	e.ID = e.ComputeID()
	return e
}

// block keeps the writer busy until release is called.
func block(t *testing.T, s *Store) (release func()) {
	t.Helper()
	started, end, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		var once sync.Once
		ended <- s.writer.do(context.Background(), maxGroup, func(*tx) error {
			once.Do(func() { close(started) })
			<-end
			return nil
		})
	}()
	<-started
	return func() {
		close(end)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// await returns when that many stand in the writer's queue.
func await(t *testing.T, s *Store, n int64) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); s.writer.waiting.Load() < n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d wait", s.writer.waiting.Load(), n)
		}
	}
}

func TestThoseWhoWaitShareATransaction(t *testing.T) {
	s := openTest(t, Options{})
	release := block(t, s)
	const savers = 50
	var wg sync.WaitGroup
	for i := range savers {
		wg.Go(func() {
			if out, err := s.Save(context.Background(), []Entry{{Event: unsigned(i)}}); err != nil || out[0] != Stored {
				t.Error(out, err)
			}
		})
	}
	await(t, s, savers)
	before := s.writer.commits.Load()
	release()
	wg.Wait()
	// The one that blocked, and one or two with all the others.
	if n := s.writer.commits.Load() - before; n > 3 {
		t.Errorf("%d saves that waited took %d transactions", savers, n)
	}
}

func TestOneFailureDoesNotTouchTheOthers(t *testing.T) {
	s := openTest(t, Options{})
	release := block(t, s)
	failure := errors.New("on purpose")
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			if out, err := s.Save(context.Background(), []Entry{{Event: unsigned(i)}}); err != nil || out[0] != Stored {
				t.Error(out, err)
			}
		})
		wg.Go(func() {
			err := s.writer.do(context.Background(), 1, func(t *tx) error {
				d := t.codec.draft(Entry{Event: unsigned(100 + i)})
				return errors.Join(t.insert(&d, true), failure)
			})
			if !errors.Is(err, failure) {
				t.Errorf("got %v, want the failure", err)
			}
		})
	}
	await(t, s, 20)
	release()
	wg.Wait()
	if n, err := s.Count(context.Background(), event.Filter{}); n != 10 || err != nil {
		t.Errorf("found %d events (%v), want 10", n, err)
	}
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	s := openTest(t, Options{})
	release := block(t, s)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		_, err := s.Save(ctx, []Entry{{Event: unsigned(1)}})
		ended <- err
	}()
	await(t, s, 1)
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	release()
}

func TestNothingBeginsAfterItsContext(t *testing.T) {
	s := openTest(t, Options{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for range 50 { // the writer and the readers are free: what is ready must not be left to chance
		if _, err := s.Save(ctx, []Entry{{Event: unsigned(1)}}); !errors.Is(err, context.Canceled) {
			t.Fatalf("save: got %v, want context.Canceled", err)
		}
		if _, err := s.Query(ctx, event.Filter{}); !errors.Is(err, context.Canceled) {
			t.Fatalf("query: got %v, want context.Canceled", err)
		}
	}
	if n, err := s.Count(context.Background(), event.Filter{}); n != 0 || err != nil {
		t.Errorf("found %d events (%v), want none", n, err)
	}
}

func TestCloseEndsEverything(t *testing.T) {
	defer goleak.VerifyNone(t)
	path := filepath.Join(t.TempDir(), "events.db")
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			for j := range 50 {
				if _, err := s.Save(context.Background(), []Entry{{Event: unsigned(100*i + j)}}); err != nil && !errors.Is(err, ErrClosed) {
					t.Error(err)
				}
				if _, err := s.Query(context.Background(), event.Filter{Limit: 1}); err != nil && !errors.Is(err, ErrClosed) {
					t.Error(err)
				}
			}
		})
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
	if _, err := s.Save(context.Background(), []Entry{{Event: unsigned(1)}}); !errors.Is(err, ErrClosed) {
		t.Errorf("save: got %v, want ErrClosed", err)
	}
	if _, err := s.Query(context.Background()); !errors.Is(err, ErrClosed) {
		t.Errorf("query: got %v, want ErrClosed", err)
	}
}

func TestANewerFileIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.db")
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	c, err := openWriter(path, 0) // the store's own connection belongs to its writer
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.db.Exec("PRAGMA user_version=99"), c.close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{}); !errors.Is(err, ErrNewer) {
		t.Errorf("got %v, want ErrNewer", err)
	}
}

func TestExpiredEventsLeaveTheDisk(t *testing.T) {
	var now atomic.Int64 // the index is filled behind our back and looks at the clock
	now.Store(100)
	s := openTest(t, Options{Now: func() time.Time { return time.Unix(now.Load(), 0) }})
	ctx := context.Background()
	var entries []Entry
	for i := range 2*maxSweep + 3 {
		e := unsigned(i)
		if i >= 3 {
			e.Tags = append(e.Tags, event.Tag{"expiration", "200"})
			e.ID = e.ComputeID()
		}
		entries = append(entries, Entry{Event: e})
	}
	if _, err := s.Save(ctx, entries); err != nil {
		t.Fatal(err)
	}
	now.Store(200)
	for range 2 {
		if err := s.writer.do(ctx, 0, func(*tx) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	stats, err := s.Stats(ctx)
	if err != nil || stats.Events != 3 || stats.Visible != 3 {
		t.Errorf("got %+v (%v), want 3 events", stats, err)
	}
}

func TestKeepersAndPeersAreRemembered(t *testing.T) {
	s := openTest(t, Options{})
	ctx := context.Background()
	blob := [32]byte{7}
	for i := range MaxKeepers + 10 {
		k := Keeper{Blob: blob, Peer: fmt.Sprint("peer ", i), Person: event.PubKey{byte(i)}, At: time.Unix(int64(i), 0)}
		if err := s.RecordKeeper(ctx, k); err != nil {
			t.Fatal(err)
		}
	}
	keepers, err := s.Keepers(ctx, blob)
	if err != nil || len(keepers) != MaxKeepers || keepers[0].Peer != fmt.Sprint("peer ", MaxKeepers+9) || keepers[0].Person != (event.PubKey{byte(MaxKeepers + 9)}) {
		t.Errorf("got %d keepers (%v), the first %+v", len(keepers), err, keepers[0])
	}
	if others, err := s.Keepers(ctx, [32]byte{8}); len(others) != 0 || err != nil {
		t.Error(others, err)
	}
	for _, addrs := range [][]string{{"/ip4/127.0.0.1/tcp/1"}, nil, {"/a", "/b"}} {
		note := PeerNote{Peer: "p", Person: event.PubKey{9}, Addrs: addrs, LastSeen: time.Unix(5, 0)}
		if err := s.RememberPeer(ctx, note); err != nil {
			t.Fatal(err)
		}
	}
	notes, err := s.PeerNotes(ctx)
	if err != nil || len(notes) != 1 || fmt.Sprint(notes[0].Addrs) != "[/a /b]" || !notes[0].LastSeen.Equal(time.Unix(5, 0)) {
		t.Errorf("got %+v, %v", notes, err)
	}
	if err := s.ForgetPeer(ctx, "p"); err != nil {
		t.Fatal(err)
	}
	if notes, err = s.PeerNotes(ctx); len(notes) != 0 || err != nil {
		t.Error(notes, err)
	}
}
