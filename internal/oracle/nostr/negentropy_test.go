package oracle

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/nbd-wtf/go-nostr"
	theirs "github.com/nbd-wtf/go-nostr/nip77/negentropy"
	"github.com/nbd-wtf/go-nostr/nip77/negentropy/storage/vector"

	"mural/event"
	"mural/negentropy"
)

// sets are two sides of one reconciliation and what each lacks.
type sets struct {
	a, b         []event.Stamp
	onlyA, onlyB []string // ids in hex, sorted
}

// draw makes two sets of about n items with the given share of differences.
// Many items share a second, as imports do.
func draw(r *rand.Rand, n, permille int) (s sets) {
	for i := range n {
		stamp := event.Stamp{CreatedAt: 1_700_000_000 + int64(i/7), ID: sha256.Sum256(fmt.Append(nil, i, r.Uint64()))}
		switch side := r.IntN(2000); {
		case side < permille:
			s.a = append(s.a, stamp)
			s.onlyA = append(s.onlyA, stamp.ID.String())
		case side < 2*permille:
			s.b = append(s.b, stamp)
			s.onlyB = append(s.onlyB, stamp.ID.String())
		default:
			s.a, s.b = append(s.a, stamp), append(s.b, stamp)
		}
	}
	slices.Sort(s.onlyA)
	slices.Sort(s.onlyB)
	return s
}

func their(stamps []event.Stamp, frame int) *theirs.Negentropy {
	v := vector.New()
	for _, s := range stamps {
		v.Insert(nostr.Timestamp(s.CreatedAt), s.ID.String())
	}
	v.Seal()
	return theirs.New(v, frame)
}

func cases(t *testing.T, run func(t *testing.T, s sets, frame int)) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, n := range []int{0, 1, 2, 31, 33, 500, 5_000} {
		for _, permille := range []int{0, 3, 100, 1000} {
			for _, frame := range []int{0, 4096, 60_000} {
				t.Run(fmt.Sprintf("%d items, %d permille, frame %d", n, permille, frame), func(t *testing.T) { run(t, draw(r, n, permille), frame) })
			}
		}
	}
}

// TestWeInitiate: our session, go-nostr's answers.
func TestWeInitiate(t *testing.T) {
	cases(t, func(t *testing.T, s sets, frame int) {
		session, message := negentropy.New(orderedStamps(s.a)).Initiate(frame)
		server := their(s.b, frame)
		var have, need []string
		for round := 0; ; round++ {
			if round > 10_000 {
				t.Fatal("it does not end")
			}
			answer, err := server.Reconcile(hex.EncodeToString(message))
			if err != nil {
				t.Fatalf("go-nostr: %v", err)
			}
			reply, h, n, done, err := session.Next(unhex(t, answer))
			if err != nil {
				t.Fatal(err)
			}
			have, need = appendIDs(have, h), appendIDs(need, n)
			if done {
				break
			}
			message = reply
		}
		wantDifferences(t, s, have, need)
	})
}

// TestTheyInitiate: go-nostr's session, our answers.
func TestTheyInitiate(t *testing.T) {
	cases(t, func(t *testing.T, s sets, frame int) {
		set := negentropy.New(orderedStamps(s.b))
		client := their(s.a, frame)
		var have, need []string
		var reading sync.WaitGroup
		reading.Go(func() { have = drain(client.Haves) })
		reading.Go(func() { need = drain(client.HaveNots) })
		message := client.Start()
		for round := 0; message != ""; round++ {
			if round > 10_000 {
				t.Fatal("it does not end")
			}
			answer, err := set.Respond(unhex(t, message), frame)
			if err != nil {
				t.Fatal(err)
			}
			if message, err = client.Reconcile(hex.EncodeToString(answer)); err != nil {
				t.Fatalf("go-nostr: %v", err)
			}
		}
		reading.Wait()
		wantDifferences(t, s, have, need)
	})
}

func drain(ids chan string) (out []string) {
	for id := range ids {
		out = append(out, id)
	}
	return out
}

func wantDifferences(t *testing.T, s sets, have, need []string) {
	t.Helper()
	for _, row := range []struct {
		what      string
		got, want []string
	}{{"have", have, s.onlyA}, {"need", need, s.onlyB}} {
		slices.Sort(row.got)
		// A frame that was full has ranges told twice: go-nostr reports them again.
		if got := slices.Compact(row.got); !slices.Equal(got, row.want) {
			t.Errorf("%s: %d ids, want %d", row.what, len(got), len(row.want))
		}
	}
}

func orderedStamps(list []event.Stamp) []event.Stamp {
	slices.SortFunc(list, func(a, b event.Stamp) int {
		if a.CreatedAt != b.CreatedAt {
			return int(a.CreatedAt - b.CreatedAt)
		}
		return strings.Compare(a.ID.String(), b.ID.String())
	})
	return list
}

func appendIDs(list []string, ids []event.ID) []string {
	for _, id := range ids {
		list = append(list, id.String())
	}
	return list
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
