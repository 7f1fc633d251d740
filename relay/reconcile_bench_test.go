package relay_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/coder/websocket"

	"mural/event"
	"mural/negentropy"
	"mural/relay"
	"mural/store"
)

// BenchmarkReconcile170k is the reconciliation of docs/benchmarks: 171,750
// events of kinds 1 and 7, of which the client lacks 1 %, over a loopback
// websocket, client and relay in one process. Cold, the relay takes its set
// from the store each time; warm, it has the one of the last who asked.
//
//	go test ./relay -run '^$' -bench Reconcile170k -benchtime 10x
func BenchmarkReconcile170k(b *testing.B) {
	node := storeOf(b, manyStamps())
	news := &event.Event{Kind: 1} // it is delivered, not stored
	b.Run("cold", func(b *testing.B) { benchReconcile(b, node, func() { node.publish(news) }) })
	b.Run("warm", func(b *testing.B) { benchReconcile(b, node, func() {}) })
}

const manyEvents = 171_750

// manyStamps spread over two years.
func manyStamps() []event.Stamp {
	stamps := make([]event.Stamp, manyEvents)
	for i := range stamps {
		stamps[i] = event.Stamp{CreatedAt: 1_700_000_000 + int64(i)*367, ID: sha256.Sum256(binary.BigEndian.AppendUint32(nil, uint32(i)))}
	}
	return stamps
}

// storeOf fills a store with events of these stamps. The store does not ask
// whether ids and signatures are true: Accept does.
func storeOf(b *testing.B, stamps []event.Stamp) *kept {
	b.Helper()
	node := openStore(b, filepath.Join(b.TempDir(), "events.db"))
	for len(stamps) > 0 {
		n := min(len(stamps), 4096)
		entries := make([]store.Entry, n)
		for i, st := range stamps[:n] {
			kind := event.Kind(1)
			if st.ID[0]%5 < 2 {
				kind = 7
			}
			e := &event.Event{ID: st.ID, PubKey: event.PubKey{st.ID[1]}, CreatedAt: st.CreatedAt, Kind: kind, Content: "a note", Tags: event.Tags{}}
			entries[i] = store.Entry{Event: e, At: time.Unix(st.CreatedAt, 0)}
		}
		if _, err := node.store.Save(b.Context(), entries); err != nil {
			b.Fatal(err)
		}
		stamps = stamps[n:]
	}
	return node
}

func benchReconcile(b *testing.B, node relay.Node, before func()) {
	_, url := start(b, relay.Config{}, node)
	c := dial(b, url)
	var mine []event.Stamp
	missing := 0
	for i, st := range manyStamps() {
		if i%97 == 5 {
			missing++
			continue
		}
		mine = append(mine, st)
	}
	set := negentropy.New(mine)
	var first time.Duration
	var got tally
	b.ReportAllocs()
	for b.Loop() {
		before()
		begin := time.Now()
		got = tally{}
		session, query := set.Initiate(0)
		got.write(b, c, `["NEG-OPEN","s",{"kinds":[1,7]},"`, query)
		for done := false; !done; {
			answer := got.read(b, c)
			if got.rounds == 1 {
				first += time.Since(begin)
			}
			var need []event.ID
			var err error
			query, _, need, done, err = session.Next(answer)
			if err != nil {
				b.Fatal(err)
			}
			if got.need += len(need); !done {
				got.write(b, c, `["NEG-MSG","s","`, query)
			}
		}
		c.send(`["NEG-CLOSE","s"]`)
	}
	if got.need != missing {
		b.Fatalf("%d ids, want %d", got.need, missing)
	}
	b.ReportMetric(float64(first.Milliseconds())/float64(b.N), "ms-to-first")
	b.ReportMetric(float64(got.rounds), "rounds")
	b.ReportMetric(float64(got.up), "bytes-up")
	b.ReportMetric(float64(got.down), "bytes-down")
}

// tally counts what goes over the wire.
type tally struct{ rounds, up, down, need int }

func (n *tally) write(b *testing.B, c *client, head string, query []byte) {
	message := hex.AppendEncode([]byte(head), query)
	message = append(message, `"]`...)
	n.up += len(message)
	if err := c.conn.Write(context.Background(), websocket.MessageText, message); err != nil {
		b.Fatal(err)
	}
}

func (n *tally) read(b *testing.B, c *client) []byte {
	_, raw, err := c.conn.Read(context.Background())
	var parts []string
	if err != nil || json.Unmarshal(raw, &parts) != nil || parts[0] != "NEG-MSG" {
		b.Fatalf("%.100s: %v", raw, err)
	}
	n.rounds++
	n.down += len(raw)
	message, err := hex.DecodeString(parts[2])
	if err != nil {
		b.Fatal(err)
	}
	return message
}
