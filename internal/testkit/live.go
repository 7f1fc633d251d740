//go:build linux

package testkit

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Live is an open page: what the node pushes to it (GET /api/live), and when.
type Live struct {
	p    *Person
	mu   sync.Mutex // guards seen
	seen map[string]map[string]time.Time
}

// Watches opens the live stream of this person's node until the story ends.
func (p *Person) Watches() *Live {
	p.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	res, err := p.Do(ctx, http.MethodGet, "/api/live", nil, nil)
	if err != nil || res.StatusCode != http.StatusOK {
		cancel()
		p.t.Fatalf("%s opens the live stream: %v %v", p.Name, res, err)
	}
	l := &Live{p: p, seen: map[string]map[string]time.Time{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer res.Body.Close()
		l.read(bufio.NewReaderSize(res.Body, 1<<20))
	}()
	p.t.Cleanup(func() { cancel(); <-done })
	return l
}

func (l *Live) read(r *bufio.Reader) {
	name := ""
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		switch key, value, _ := strings.Cut(strings.TrimSpace(line), ": "); key {
		case "event":
			name = value
		case "data":
			l.note(name, value)
		}
	}
}

func (l *Live) note(name, data string) {
	var about struct {
		ID string `json:"id"`
	}
	_ = json.Unmarshal([]byte(data), &about) // some events are about nothing with an id
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen[name] == nil {
		l.seen[name] = map[string]time.Time{}
	}
	if _, again := l.seen[name][about.ID]; !again {
		l.seen[name][about.ID] = time.Now()
	}
}

// Awaits waits for an event (post, change, gone) about an id and gives when it
// first came.
func (l *Live) Awaits(name, id string) time.Time {
	l.p.t.Helper()
	var at time.Time
	l.p.w.Until(fmt.Sprintf("%s's open page hears %q of %s", l.p.Name, name, id), func() error {
		l.mu.Lock()
		defer l.mu.Unlock()
		var ok bool
		if at, ok = l.seen[name][id]; !ok {
			return fmt.Errorf("it heard %d of %q", len(l.seen[name]), name)
		}
		return nil
	})
	return at
}
