package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"mural/event"
)

const (
	connections = 4
	unanswered  = 64  // events under way on one connection
	authors     = 100 // persons who sign them
	feedRounds  = 200
)

// ingest sends signed events over four websockets, waits for every OK (verified
// and durable), then reads feeds.
func ingest(ctx context.Context, bin, dir string, count int) ([]row, error) {
	p, err := launch(ctx, bin, filepath.Join(dir, "ingest"), "--open")
	if err != nil {
		return nil, err
	}
	defer p.stop()
	events, err := sign(count)
	if err != nil {
		return nil, err
	}
	limit := verifyRate(events)
	cpu, began := p.cpu(), time.Now()
	if err := sendAll(ctx, p.port, events); err != nil {
		return nil, err
	}
	took, used := time.Since(began), p.cpu()-cpu
	rate := float64(count) / took.Seconds()
	out := []row{
		{"posts accepted over websocket, verified and durable", fmt.Sprintf("%.0f posts/s", rate), fmt.Sprintf("batch verification alone, one core: %.0f/s", limit), fmt.Sprintf("%.2f x", rate/limit)},
		{"CPU per accepted post", fmt.Sprintf("%d µs", used.Microseconds()/int64(count)), fmt.Sprintf("verification alone: %.0f µs", 1e6/limit), fmt.Sprintf("%.1f x", float64(used.Microseconds())/float64(count)/(1e6/limit))},
	}
	feeds, err := feeds(ctx, p, events)
	return append(out, feeds...), err
}

func sign(count int) ([]*event.Event, error) {
	keys := make([]event.SecretKey, authors)
	for i := range keys {
		k, err := event.NewSecretKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		keys[i] = k
	}
	out := make([]*event.Event, count)
	base := time.Now().Unix() - int64(count)
	for i := range out {
		e := &event.Event{Kind: event.KindNote, CreatedAt: base + int64(i), Tags: event.Tags{{"t", "bench"}},
			Content: fmt.Sprintf("post %d: %s", i, strings.Repeat("what happened around here today. ", 1+i%20))}
		if err := e.Sign(keys[i%authors]); err != nil {
			return nil, err
		}
		out[i] = e
	}
	return out, nil
}

// verifyRate is how many signatures a second one core checks in batches of 256.
func verifyRate(events []*event.Event) float64 {
	n := min(len(events), 2048)
	began := time.Now()
	for i := 0; i < n; i += 256 {
		event.VerifyBatch(events[i:min(i+256, n)])
	}
	return float64(n) / time.Since(began).Seconds()
}

func sendAll(ctx context.Context, port int, events []*event.Event) error {
	var wg sync.WaitGroup
	errs := make([]error, connections)
	for c := range connections {
		wg.Go(func() { errs[c] = sendSome(ctx, port, events, c) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func sendSome(ctx context.Context, port int, events []*event.Event, first int) error {
	ws, _, err := websocket.Dial(ctx, fmt.Sprintf("ws://127.0.0.1:%d/", port), nil)
	if err != nil {
		return err
	}
	defer ws.CloseNow()
	ws.SetReadLimit(1 << 20)
	window := make(chan struct{}, unanswered)
	failed := make(chan error, 1)
	total := 0
	for i := first; i < len(events); i += connections {
		total++
	}
	go func() { failed <- readOKs(ctx, ws, total, window) }()
	for i := first; i < len(events); i += connections {
		window <- struct{}{}
		msg := append(events[i].AppendJSON([]byte(`["EVENT",`)), ']')
		if err := ws.Write(ctx, websocket.MessageText, msg); err != nil {
			return err
		}
	}
	return <-failed
}

func readOKs(ctx context.Context, ws *websocket.Conn, total int, window chan struct{}) error {
	for got := 0; got < total; {
		_, b, err := ws.Read(ctx)
		if err != nil {
			return err
		}
		var msg []any
		if json.Unmarshal(b, &msg) != nil || len(msg) < 4 || msg[0] != "OK" {
			continue
		}
		if msg[2] != true {
			return fmt.Errorf("refused: %s", b)
		}
		got++
		<-window
	}
	return nil
}

// feeds reads the owner's mural of 30 posts by 100 followed people.
func feeds(ctx context.Context, p *process, events []*event.Event) ([]row, error) {
	if err := p.call(ctx, http.MethodPost, "/api/person", map[string]string{"name": "Bench"}, nil); err != nil {
		return nil, err
	}
	for _, e := range events[:authors] {
		if err := p.call(ctx, http.MethodPut, "/api/people/"+e.PubKey.String()+"/follow", struct{}{}, nil); err != nil {
			return nil, err
		}
	}
	feed, err := timed(feedRounds, func() error { return p.call(ctx, http.MethodGet, "/api/feed?limit=30", nil, nil) })
	if err != nil {
		return nil, err
	}
	bare, err := timed(feedRounds, func() error { return p.call(ctx, http.MethodGet, "/api/me", nil, nil) })
	if err != nil {
		return nil, err
	}
	return []row{{fmt.Sprintf("mural of 30 posts, %d people followed, p50 / p99", authors),
		ms(percentile(feed, 50)) + " / " + ms(percentile(feed, 99)), "`GET /api/me`, p50: " + ms(percentile(bare, 50)), ratio(percentile(feed, 50), percentile(bare, 50))}}, nil
}

func timed(rounds int, f func() error) ([]time.Duration, error) {
	out := make([]time.Duration, rounds)
	for i := range out {
		began := time.Now()
		if err := f(); err != nil {
			return nil, err
		}
		out[i] = time.Since(began)
	}
	return out, nil
}
