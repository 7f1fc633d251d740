package relay_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"mural/event"
	"mural/relay"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come. It is never asserted on.
const patience = 20 * time.Second

// memory is a node that keeps everything in a slice and takes whatever proves itself.
type memory struct {
	onAccept func([]*event.Event) // called first, without the lock
	onQuery  func()

	mu      sync.Mutex
	events  []*event.Event
	subs    map[int]memorySub
	next    int
	sources []event.Source
	batches []int
}

type memorySub struct {
	filters []event.Filter
	deliver func(*event.Event)
}

func (m *memory) Accept(_ context.Context, from event.Source, es []*event.Event) []event.Verdict {
	if m.onAccept != nil {
		m.onAccept(es)
	}
	verdicts := make([]event.Verdict, len(es))
	for i, err := range event.VerifyBatch(es) {
		verdicts[i].ID = es[i].ID
		if err != nil {
			verdicts[i].Status, verdicts[i].Reason = event.Invalid, err.Error()
		}
	}
	m.mu.Lock()
	m.sources = append(m.sources, from)
	m.batches = append(m.batches, len(es))
	m.mu.Unlock()
	for i, e := range es {
		if verdicts[i].Status == event.Accepted {
			verdicts[i].Status = m.take(e)
		}
	}
	return verdicts
}

func (m *memory) take(e *event.Event) event.Status {
	m.mu.Lock()
	if slices.ContainsFunc(m.events, func(o *event.Event) bool { return o.ID == e.ID }) {
		m.mu.Unlock()
		return event.Duplicate
	}
	if !e.Kind.IsEphemeral() {
		m.events = append(m.events, e)
	}
	m.mu.Unlock()
	m.publish(e)
	return event.Accepted
}

func (m *memory) publish(e *event.Event) {
	m.mu.Lock()
	var deliver []func(*event.Event)
	for _, s := range m.subs {
		if matches(s.filters, e) {
			deliver = append(deliver, s.deliver)
		}
	}
	m.mu.Unlock()
	for _, d := range deliver {
		d(e)
	}
}

func matches(filters []event.Filter, e *event.Event) bool {
	return slices.ContainsFunc(filters, func(f event.Filter) bool { return f.Match(e) })
}

func (m *memory) Query(_ context.Context, filters ...event.Filter) ([]*event.Event, error) {
	if m.onQuery != nil {
		m.onQuery()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	all := slices.Clone(m.events)
	slices.SortFunc(all, func(a, b *event.Event) int {
		if a.CreatedAt != b.CreatedAt {
			return int(b.CreatedAt - a.CreatedAt)
		}
		return strings.Compare(a.ID.String(), b.ID.String())
	})
	left := make([]int, len(filters))
	for i, f := range filters {
		left[i] = f.Limit
	}
	var out []*event.Event
	for _, e := range all {
		taken := false
		for i, f := range filters {
			if left[i] > 0 && f.Match(e) {
				left[i]--
				taken = true
			}
		}
		if taken {
			out = append(out, e)
		}
	}
	return out, nil
}

func (m *memory) Count(_ context.Context, filters ...event.Filter) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, e := range m.events {
		if matches(filters, e) {
			n++
		}
	}
	return n, nil
}

func (m *memory) Subscribe(filters []event.Filter, deliver func(*event.Event)) func() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.subs == nil {
		m.subs = map[int]memorySub{}
	}
	id := m.next
	m.next++
	m.subs[id] = memorySub{filters, deliver}
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.subs, id)
	}
}

func (m *memory) subscriptions() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.subs)
}

// start runs a relay and gives its websocket address.
func start(t testing.TB, config relay.Config, node relay.Node) (server *relay.Server, url string) {
	t.Helper()
	server = relay.New(config, node)
	web := httptest.NewServer(server)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := server.Close(ctx); err != nil {
			t.Errorf("closing the relay: %v", err)
		}
		web.Close()
	})
	return server, "ws" + strings.TrimPrefix(web.URL, "http")
}

// client is a Nostr client that says exactly what the test says.
type client struct {
	t    testing.TB
	conn *websocket.Conn
	url  string
}

func dial(t testing.TB, url string, header ...string) *client {
	t.Helper()
	h := http.Header{}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPHeader: h})
	if err != nil {
		t.Fatalf("dialing %s: %v", url, err)
	}
	conn.SetReadLimit(-1)
	t.Cleanup(func() { conn.CloseNow() })
	return &client{t, conn, url}
}

// send writes one message: a string as it stands, anything else as JSON.
func (c *client) send(message any) {
	c.t.Helper()
	raw, ok := message.(string)
	if !ok {
		b, err := json.Marshal(message)
		if err != nil {
			c.t.Fatal(err)
		}
		raw = string(b)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.conn.Write(ctx, websocket.MessageText, []byte(raw)); err != nil {
		c.t.Fatalf("sending %.80s: %v", raw, err)
	}
}

// next reads one message.
func (c *client) next() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, b, err := c.conn.Read(ctx)
	return string(b), err
}

// expect reads one message, which must begin like this.
func (c *client) expect(format string, args ...any) string {
	c.t.Helper()
	want := fmt.Sprintf(format, args...)
	got, err := c.next()
	if err != nil {
		c.t.Fatalf("waiting for %s: %v", want, err)
	}
	if !strings.HasPrefix(got, want) {
		c.t.Fatalf("relay said %s\nwant   %s", got, want)
	}
	return got
}

// expectClose reads until the relay closes and gives its reason and what it said before.
func (c *client) expectClose(code websocket.StatusCode) (before []string) {
	c.t.Helper()
	for {
		got, err := c.next()
		if err == nil {
			before = append(before, got)
			continue
		}
		if websocket.CloseStatus(err) != code {
			c.t.Fatalf("connection ended with %v, want close code %d", err, code)
		}
		return before
	}
}

func (c *client) publish(e *event.Event) {
	c.t.Helper()
	c.send(`["EVENT",` + string(e.Raw()) + `]`)
}

// ok publishes an event, which must be taken.
func (c *client) ok(e *event.Event) {
	c.t.Helper()
	c.publish(e)
	c.expect(`["OK","%s",true,""]`, e.ID)
}

// answer asks and reads up to EOSE; it gives the events' ids in order.
func (c *client) answer(sub string, filters ...string) (ids []event.ID) {
	c.t.Helper()
	c.send(fmt.Sprintf(`["REQ",%q,%s]`, sub, strings.Join(filters, ",")))
	for {
		got, err := c.next()
		if err != nil {
			c.t.Fatalf("waiting for EOSE: %v", err)
		}
		if strings.HasPrefix(got, fmt.Sprintf(`["EOSE",%q`, sub)) {
			return ids
		}
		ids = append(ids, eventOf(c.t, got, sub).ID)
	}
}

func eventOf(t testing.TB, message, sub string) *event.Event {
	t.Helper()
	head := fmt.Sprintf(`["EVENT",%q,`, sub)
	if !strings.HasPrefix(message, head) {
		t.Fatalf("relay said %s, want an event of %s", message, sub)
	}
	e, err := event.Parse([]byte(message[len(head) : len(message)-1]))
	if err != nil {
		t.Fatalf("relay sent an event that does not parse: %v", err)
	}
	return e
}

// quiet says that nothing is on its way: a COUNT goes through the same queue
// as everything else and comes back next.
func (c *client) quiet() {
	c.t.Helper()
	c.send(`["COUNT","quiet",{"kinds":[65000]}]`)
	c.expect(`["COUNT","quiet",{"count":0}]`)
}

// authenticate proves a key. The relay must have sent the challenge.
func (c *client) authenticate(k event.SecretKey, challenge string) {
	c.t.Helper()
	e := proof(c.t, k, c.url, challenge)
	c.send(`["AUTH",` + string(e.Raw()) + `]`)
	c.expect(`["OK","%s",true,""]`, e.ID)
}

func proof(t testing.TB, k event.SecretKey, url, challenge string) *event.Event {
	return sign(t, k, event.Event{
		Kind: 22242, CreatedAt: time.Now().Unix(),
		Tags: event.Tags{{"relay", url}, {"challenge", challenge}},
	})
}

// challenge reads an AUTH message.
func (c *client) challenge() string {
	c.t.Helper()
	got := c.expect(`["AUTH","`)
	return strings.TrimSuffix(strings.TrimPrefix(got, `["AUTH","`), `"]`)
}

func key(n byte) event.SecretKey { return event.SecretKey{31: n} }

func sign(t testing.TB, k event.SecretKey, e event.Event) *event.Event {
	t.Helper()
	if err := e.Sign(k); err != nil {
		t.Fatal(err)
	}
	parsed, err := event.Parse(e.Raw())
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// note makes the n-th note of key 1: a larger n is newer.
func note(t testing.TB, n int) *event.Event {
	t.Helper()
	return sign(t, key(1), event.Event{Kind: 1, CreatedAt: 1_700_000_000 + int64(n), Content: fmt.Sprint("note ", n)})
}

// until waits for a condition that other goroutines bring about.
func until(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !condition(); {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}
