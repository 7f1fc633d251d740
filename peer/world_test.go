package peer

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mural/blob"
	"mural/event"
)

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		child()
		return
	}
	goleak.VerifyTestMain(m)
}

// memory is an event store in memory with the rules that matter here.
type memory struct {
	mu    sync.Mutex
	all   map[event.ID]*event.Event
	subs  map[int]sub
	next  int
	from  map[event.ID]event.Source
	calls int // events that came through Accept
	fail  bool
}

type sub struct {
	fs      []event.Filter
	deliver func(*event.Event)
}

func newMemory() *memory {
	return &memory{all: map[event.ID]*event.Event{}, subs: map[int]sub{}, from: map[event.ID]event.Source{}}
}

func (m *memory) Accept(_ context.Context, src event.Source, es []*event.Event) []event.Verdict {
	errs := event.VerifyBatch(es)
	out := make([]event.Verdict, len(es))
	for i, e := range es {
		out[i] = event.Verdict{ID: e.ID}
		if errs[i] != nil {
			out[i].Status, out[i].Reason = event.Invalid, errs[i].Error()
			continue
		}
		out[i].Status = m.put(src, e)
	}
	return out
}

func (m *memory) put(src event.Source, e *event.Event) event.Status {
	m.mu.Lock()
	m.calls++
	if m.fail {
		m.mu.Unlock()
		return event.Failed
	}
	_, known := m.all[e.ID]
	if !known {
		m.all[e.ID], m.from[e.ID] = e, src
	}
	var deliver []func(*event.Event)
	for _, s := range m.subs {
		if !known && matchesAny(s.fs, e) {
			deliver = append(deliver, s.deliver)
		}
	}
	m.mu.Unlock()
	for _, d := range deliver {
		d(e)
	}
	if known {
		return event.Duplicate
	}
	return event.Accepted
}

func (m *memory) Query(_ context.Context, fs ...event.Filter) ([]*event.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []*event.Event
	for _, e := range m.all {
		if matchesAny(fs, e) {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b *event.Event) int {
		return cmp.Or(cmp.Compare(b.CreatedAt, a.CreatedAt), bytes.Compare(a.ID[:], b.ID[:]))
	})
	return out, nil
}

func (m *memory) Stamps(ctx context.Context, fs ...event.Filter) ([]event.Stamp, error) {
	es, err := m.Query(ctx, fs...)
	var out []event.Stamp
	for _, e := range es {
		out = append(out, e.Stamp())
	}
	slices.SortFunc(out, func(a, b event.Stamp) int {
		return cmp.Or(cmp.Compare(a.CreatedAt, b.CreatedAt), bytes.Compare(a.ID[:], b.ID[:]))
	})
	return out, err
}

func (m *memory) Subscribe(fs []event.Filter, deliver func(*event.Event)) func() {
	m.mu.Lock()
	defer m.mu.Unlock()
	id := m.next
	m.next++
	m.subs[id] = sub{fs, deliver}
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.subs, id)
	}
}

func (m *memory) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.all)
}

func (m *memory) has(id event.ID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.all[id] != nil
}

// person is somebody with a node.
type person struct {
	t      testing.TB
	name   string
	key    event.SecretKey
	device ed25519.PrivateKey
	events *memory
	blobs  *blob.Store
	host   *Host

	mu     sync.Mutex
	wants  []event.Filter
	may    func(Peer, *event.Event) bool
	hidden map[blob.Hash]bool
	aloof  bool // knows nobody
	hello  []*event.Event
}

var (
	_ Interests     = (*person)(nil)
	_ Acquaintances = (*person)(nil)
)

func newPerson(t testing.TB, name string, change ...func(*Config)) *person {
	t.Helper()
	key, err := event.NewSecretKey(rand.Reader)
	must(t, err)
	_, device, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	p := &person{t: t, name: name, key: key, device: device, events: newMemory(), hidden: map[blob.Hash]bool{}}
	p.blobs, err = blob.Open(t.TempDir(), blob.Options{})
	must(t, err)
	d := CounterSign(device, key.PubKey(), Device{Role: "laptop", Since: 1700000000})
	devices := NewDevices(key.PubKey(), nil, time.Now(), []Device{d})
	must(t, devices.Sign(key))
	p.hello = []*event.Event{devices, p.sign(event.Event{Kind: event.KindProfile, Content: `{"name":"` + name + `"}`})}
	p.start(change...)
	return p
}

func (p *person) start(change ...func(*Config)) {
	p.t.Helper()
	cfg := Config{Key: p.device, Listen: []string{"/ip4/127.0.0.1/tcp/0"}, Log: testLog(p.t, p.name)}
	for _, f := range change {
		f(&cfg)
	}
	h, err := New(cfg, p.events, p, p.blobs)
	must(p.t, err)
	p.host = h
	p.t.Cleanup(func() { must(p.t, h.Close()) })
}

func testLog(_ testing.TB, name string) *slog.Logger {
	if os.Getenv("MURAL_TEST_LOG") == "" {
		return nil
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("node", name)
}

func (p *person) Hello(context.Context) []*event.Event { return p.hello }

func (p *person) Wants(context.Context, Peer) []event.Filter {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.wants)
}

func (p *person) May(_ context.Context, to Peer, e *event.Event) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.may == nil || p.may(to, e)
}

func (p *person) Knows(context.Context, event.PubKey) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.aloof
}

func (p *person) knowsNobody() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.aloof = true
}

func (p *person) BlobAllowed(_ context.Context, _ Peer, h blob.Hash) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.hidden[h]
}

func (p *person) follows(others ...*person) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var keys []event.PubKey
	for _, o := range others {
		keys = append(keys, o.key.PubKey())
	}
	p.wants = []event.Filter{{Authors: keys, Kinds: []event.Kind{0, 1, event.KindDevices}}}
}

func (p *person) sign(e event.Event) *event.Event {
	p.t.Helper()
	if e.CreatedAt == 0 {
		e.CreatedAt = time.Now().Unix()
	}
	must(p.t, e.Sign(p.key))
	return &e
}

// posts signs and publishes a note.
func (p *person) posts(text string, tags ...event.Tag) *event.Event {
	p.t.Helper()
	e := p.sign(event.Event{Kind: 1, Content: text, Tags: tags})
	p.publish(e)
	return e
}

func (p *person) publish(e *event.Event) {
	p.t.Helper()
	for _, v := range p.events.Accept(context.Background(), event.Source{Via: event.ViaSelf}, []*event.Event{e}) {
		if !v.OK() {
			p.t.Fatalf("%s cannot publish: %s", p.name, v.Message())
		}
	}
}

func (p *person) meets(o *person) Peer {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	got, err := p.host.Connect(ctx, o.host.Addrs())
	if err != nil {
		p.t.Fatalf("%s does not reach %s: %v", p.name, o.name, err)
	}
	return got
}

func (p *person) peer(o *person) (Peer, bool) { return p.host.find(o.host.ID()) }

func (h *Host) find(id string) (Peer, bool) {
	for _, q := range h.Peers() {
		if q.ID == id {
			return q, true
		}
	}
	return Peer{}, false
}

// patience is how long a test waits for what must come; on a quiet machine all takes milliseconds.
const patience = 30 * time.Second

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got error %v, want %v", err, want)
	}
}
