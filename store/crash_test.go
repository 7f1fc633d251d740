package store_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"mural/event"
	"mural/store"
)

// The test binary runs itself as the process that is killed: with crashChild set
// to a database it saves events and prints the ids that Save has acknowledged.
// MURAL_CRASH_KILLS says how often; a night's run takes thousands.
const (
	crashChild = "MURAL_STORE_CRASH_CHILD"
	crashKills = "MURAL_CRASH_KILLS"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(crashChild); path != "" {
		saveUntilKilled(path)
	}
	os.Exit(m.Run())
}

// saveUntilKilled saves from several goroutines, so that there are groups to tear.
func saveUntilKilled(path string) {
	s, err := store.Open(path, store.Options{})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	var mu sync.Mutex // guards stdout: an acknowledgement is one line
	for i := range 4 {
		go func() {
			rng := rand.New(rand.NewPCG(uint64(os.Getpid()), uint64(i)))
			for n := 0; ; n++ {
				batch := crashBatch(rng, i, n)
				if _, err := s.Save(context.Background(), batch); err != nil {
					fmt.Println("error", err)
					os.Exit(1)
				}
				var line strings.Builder
				for _, entry := range batch {
					fmt.Fprintln(&line, "saved", entry.Event.ID)
				}
				mu.Lock()
				os.Stdout.WriteString(line.String())
				mu.Unlock()
			}
		}()
	}
	for { // the search index is written beside
		if _, err := s.Query(context.Background(), event.Filter{Search: "crash", Limit: 1}); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
	}
}

func crashBatch(rng *rand.Rand, i, n int) []store.Entry {
	batch := make([]store.Entry, 1+rng.IntN(5))
	for j := range batch {
		e := &event.Event{
			PubKey: event.PubKey{byte(i)}, Kind: 1, CreatedAt: int64(n),
			Content: fmt.Sprint("crash ", os.Getpid(), i, n, j, strings.Repeat(" and so on", rng.IntN(300))),
			Tags:    event.Tags{{"t", "crash"}, {"e", strconv.FormatUint(rng.Uint64(), 16)}},
		}
		e.ID = e.ComputeID()
		batch[j] = store.Entry{Event: e, Via: event.ViaSelf}
	}
	return batch
}

func TestNothingAcknowledgedIsLostWhenKilled(t *testing.T) {
	kills := 10
	if s := os.Getenv(crashKills); s != "" {
		var err error
		if kills, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "events.db")
	acknowledged := map[event.ID]bool{}
	for range kills {
		runAndKill(t, path, acknowledged)
		expectAll(t, path, acknowledged)
	}
	t.Logf("%d kills, %d acknowledged events", kills, len(acknowledged))
	if len(acknowledged) == 0 {
		t.Error("no event was acknowledged before a kill: this run proves nothing")
	}
}

// runAndKill lets a child save until a random moment after its first acknowledgement.
func runAndKill(t *testing.T, path string, acknowledged map[event.ID]bool) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashChild+"="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for first := true; lines.Scan(); first = false {
		if first {
			time.AfterFunc(rand.N(200*time.Millisecond), func() { child.Process.Kill() })
		}
		word, rest, _ := strings.Cut(lines.Text(), " ")
		// The last line may be torn by the kill; then nobody has read it as an acknowledgement.
		if id, err := event.ParseID(rest); word == "saved" && err == nil {
			acknowledged[id] = true
		} else if word == "error" {
			t.Error(rest)
		}
	}
	child.Wait() // killed: its error says nothing
}

func expectAll(t *testing.T, path string, acknowledged map[event.ID]bool) {
	t.Helper()
	s, err := store.Open(path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	stamps, err := s.Stamps(context.Background(), event.Filter{Tags: map[byte][]string{'t': {"crash"}}})
	if err != nil {
		t.Fatal(err)
	}
	found := map[event.ID]bool{}
	for _, stamp := range stamps {
		found[stamp.ID] = true
	}
	for id := range acknowledged {
		if !found[id] {
			t.Errorf("event %s was acknowledged and is lost", id)
		}
	}
	if n, err := s.Count(context.Background(), event.Filter{}); err != nil || n != len(found) {
		t.Errorf("the timeline has %d events (%v), the tag list %d", n, err, len(found))
	}
	expectIndexed(t, s, len(found))
	if err := s.Check(context.Background()); err != nil {
		t.Error(err)
	}
}

// expectIndexed checks that the search index catches up with what a kill left undone.
func expectIndexed(t *testing.T, s *store.Store, want int) {
	t.Helper()
	for {
		if _, err := s.Count(context.Background(), event.Filter{Search: "crash"}); err != nil { // may not find all yet
			t.Fatal(err)
		}
		stats, err := s.Stats(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if stats.Unindexed > 0 {
			continue
		}
		if n, err := s.Count(context.Background(), event.Filter{Search: "crash"}); n != want || err != nil {
			t.Errorf("a search finds %d events (%v), want %d", n, err, want)
		}
		return
	}
}
