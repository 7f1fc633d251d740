package relay_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"mural/event"
	"mural/relay"
)

// idle is a node that does nothing, so that the door alone is measured.
type idle struct{ answer []*event.Event }

func (idle) Accept(_ context.Context, _ event.Source, es []*event.Event) []event.Verdict {
	out := make([]event.Verdict, len(es))
	for i, e := range es {
		out[i].ID = e.ID
	}
	return out
}
func (n idle) Query(context.Context, ...event.Filter) ([]*event.Event, error) { return n.answer, nil }
func (idle) Count(context.Context, ...event.Filter) (int, error)              { return 0, nil }
func (idle) Subscribe([]event.Filter, func(*event.Event)) func()              { return func() {} }

// sized makes a signed note of about 870 bytes, the mean of the data set in
// the field notes.
func sized(b *testing.B, n int) *event.Event {
	return sign(b, key(1), event.Event{
		Kind: 1, CreatedAt: int64(n), Content: strings.Repeat("Lorem ipsum ", 30) + fmt.Sprint(n),
		Tags: event.Tags{{"e", strings.Repeat("a", 64)}, {"p", strings.Repeat("b", 64)}},
	})
}

// BenchmarkREQ asks for 100 stored events, one request after another on one
// connection, client and relay in one process.
func BenchmarkREQ(b *testing.B) {
	node := idle{}
	for n := range 100 {
		node.answer = append(node.answer, sized(b, n))
	}
	_, url := start(b, relay.Config{}, node)
	c := dial(b, url)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		c.send(`["REQ","s",{"kinds":[1],"limit":100}]`)
		for range 101 {
			if _, _, err := c.conn.Read(context.Background()); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.N)*100/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkEVENT publishes with 256 unanswered, against a node that takes
// everything unread: frames, parsing and answers alone.
func BenchmarkEVENT(b *testing.B) {
	_, url := start(b, relay.Config{}, idle{})
	c := dial(b, url)
	messages := make([][]byte, 1024)
	for i := range messages {
		messages[i] = []byte(`["EVENT",` + string(sized(b, i).Raw()) + `]`)
	}
	window := make(chan struct{}, 256)
	b.ReportAllocs()
	b.ResetTimer()
	go func() {
		for i := range b.N {
			window <- struct{}{}
			c.conn.Write(context.Background(), websocket.MessageText, messages[i%len(messages)])
		}
	}()
	for range b.N {
		if _, _, err := c.conn.Read(context.Background()); err != nil {
			b.Fatal(err)
		}
		<-window
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkLive publishes to 200 subscribers on as many connections; the
// figure is the time of one delivery, client and relay in one process.
func BenchmarkLive(b *testing.B) {
	const readers = 200
	node := &memory{}
	_, url := start(b, relay.Config{}, node)
	got := make(chan struct{}, readers)
	for range readers {
		c := dial(b, url)
		c.answer("s", `{"limit":0}`)
		go func() {
			for {
				if _, _, err := c.conn.Read(context.Background()); err != nil {
					return
				}
				got <- struct{}{}
			}
		}()
	}
	e := sized(b, 1)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		node.publish(e)
		for range readers {
			<-got
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*readers), "ns/delivery")
}
