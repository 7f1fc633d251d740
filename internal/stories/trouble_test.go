//go:build linux

package stories_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"mural/internal/testkit"
)

// TestTwoNodesOneHome proves that a second node of one home ends at once and
// says who has the home and where it answers.
func TestTwoNodesOneHome(t *testing.T) {
	t.Parallel()
	w := testkit.New(t)
	ana := w.Person("Ana")
	_, said, ok := ana.Types("--port", strconv.Itoa(ana.Port+100), "run")
	if ok {
		t.Fatal("a second node took the same home")
	}
	for _, want := range []string{strconv.Itoa(ana.PID()), fmt.Sprintf("http://localhost:%d", ana.Port), "--home"} {
		if !strings.Contains(said, want) {
			t.Errorf("the second node said %q, without %q", said, want)
		}
	}
	w.As(ana).Posts("still here")
}

// TestPortInUse proves that a node whose port is taken says by whom and what to type.
func TestPortInUse(t *testing.T) {
	t.Parallel()
	w := testkit.New(t)
	ana, ben := w.Person("Ana"), w.Device("Ben")
	for flag, port := range map[string]int{"--port": ana.Port, "--peer-port": ana.PeerPort} {
		args := []string{"--port", strconv.Itoa(ben.Port), "run", "--peer-port", strconv.Itoa(ana.PeerPort)}
		if flag == "--port" {
			args = []string{"--port", strconv.Itoa(ana.Port), "run", "--peer-port", strconv.Itoa(ben.PeerPort)}
		}
		_, said, ok := ben.Types(args...)
		if ok {
			t.Fatalf("a second node took %s %d", flag, port)
		}
		for _, want := range []string{strconv.Itoa(port), " (process " + strconv.Itoa(ana.PID()) + ")", "mural run " + flag} {
			if !strings.Contains(said, want) {
				t.Errorf("with %s taken the node said %q, without %q", flag, said, want)
			}
		}
	}
}

// TestKilledInTheMiddle proves that a post which was accepted is there after
// its node was killed any number of times in the middle of posting.
func TestKilledInTheMiddle(t *testing.T) {
	t.Parallel()
	w := testkit.New(t)
	ana := w.Person("Ana")
	var accepted []testkit.Post
	const kills = 5
	for round := range kills {
		accepted = append(accepted, postUntilDark(w, ana, round)...)
		w.ComesBack(ana)
	}
	t.Logf("%d posts were accepted between %d kills", len(accepted), kills)
	if len(accepted) < kills {
		t.Fatal("too few to prove anything")
	}
	for _, post := range accepted {
		page, err := w.As(ana).Opens(post.ID)
		if err != nil || page.Post.Text != post.Text || !page.Post.Verified {
			t.Errorf("%q was accepted, and is lost: %v %+v", post.Text, err, page.Post)
		}
		for _, m := range post.Media {
			w.As(ana).Plays(m)
		}
	}
}

// postUntilDark posts from two hands at once until the node is killed, and gives
// what was accepted.
func postUntilDark(w *testkit.World, p *testkit.Person, round int) []testkit.Post {
	var mu sync.Mutex
	var accepted []testkit.Post
	var hands sync.WaitGroup
	for hand := range 2 {
		hands.Go(func() {
			for n := 0; ; n++ {
				var files []testkit.File
				if hand == 1 && n%3 == 0 {
					files = append(files, testkit.Noise(uint64(round*1000+n)))
				}
				post, err := p.TriesToPost(fmt.Sprintf("round %d, hand %d, post %d", round, hand, n), files...)
				if err != nil {
					return
				}
				mu.Lock()
				accepted = append(accepted, post)
				mu.Unlock()
			}
		})
	}
	time.Sleep(200*time.Millisecond + rand.N(400*time.Millisecond))
	w.GoesDark(p)
	hands.Wait()
	return accepted
}

// TestDiskFull proves that a full disk is said in a sentence, hurts nobody who
// reads, leaves nothing half-written, and is over when there is room again.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	w := testkit.New(t)
	ana := w.Device("Ana")
	ana.SmallDisk("64m")
	w.ComesBack(ana)
	ana.IsNamed("Ana")
	before := w.As(ana).Posts("there is room", testkit.Photo(t, 1))

	empty := ana.FillsDisk()
	accepted := []string{before.ID}
	refused := 0
	for i := range 30 {
		files := []testkit.File{}
		if i%2 == 0 {
			files = append(files, testkit.Photo(t, uint64(100+i)))
		}
		post, err := w.As(ana).TriesToPost(fmt.Sprintf("into a full disk %d %s", i, strings.Repeat("words ", 500)), files...)
		if err == nil {
			accepted = append(accepted, post.ID)
			continue
		}
		refused++
		wantFull(t, err)
	}
	if refused == 0 {
		t.Fatal("a full disk refused nothing")
	}
	t.Logf("into the full disk: %d posts refused, %d still found room", refused, len(accepted)-1)
	w.As(ana).Plays(before.Media[0])
	wantExactly(t, ana, accepted)

	empty()
	again := w.As(ana).Posts("there is room again", testkit.Photo(t, 2))
	accepted = append(accepted, again.ID)
	ana.Quits()
	w.ComesBack(ana)
	w.As(ana).Plays(again.Media[0])
	wantExactly(t, ana, accepted)
}

func wantFull(t *testing.T, err error) {
	t.Helper()
	var problem *testkit.Problem
	if !errors.As(err, &problem) {
		t.Fatalf("a full disk ended in %v, want an answer", err)
	}
	if problem.Status != 507 || !strings.Contains(problem.Message, "full") || problem.Next == "" {
		t.Errorf("a full disk was said as %v, want 507, a sentence and what to do", problem)
	}
}

// wantExactly: what was accepted stands on the mural, whole, and nothing else.
func wantExactly(t *testing.T, p *testkit.Person, ids []string) {
	t.Helper()
	want := map[string]bool{}
	for _, id := range ids {
		want[id] = true
	}
	for _, post := range p.Feed("me") {
		if !want[post.ID] {
			t.Errorf("%q stands on the mural, and was refused", post.Text[:20])
		}
		for _, m := range post.Media {
			p.Plays(m)
		}
		delete(want, post.ID)
	}
	for id := range want {
		t.Errorf("accepted post %s does not stand on the mural", id)
	}
}
