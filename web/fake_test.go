package web

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"io"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"mural/event"
)

// memory is a small Events: what is saved is there, replaceable events
// replace, deletion requests of the author delete.
type memory struct {
	mu       sync.Mutex // guards all below
	events   []*event.Event
	receipts map[event.ID]Receipt
	subs     map[int]subscription
	next     int
	queries  int
}

type subscription struct {
	filters []event.Filter
	deliver func(*event.Event)
}

// shelf is Events that a test can put something on.
type shelf interface {
	Events
	save(*event.Event, Receipt)
}

func newMemory() *memory {
	return &memory{receipts: map[event.ID]Receipt{}, subs: map[int]subscription{}}
}

func (m *memory) save(e *event.Event, r Receipt) {
	m.mu.Lock()
	m.events = slices.DeleteFunc(m.events, func(o *event.Event) bool { return goes(o, e) })
	m.events = append(m.events, e)
	m.receipts[e.ID] = r
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

// goes says whether e takes the place of o, or deletes it.
func goes(o, e *event.Event) bool {
	if o.PubKey != e.PubKey {
		return false
	}
	if e.Kind == event.KindDeletion {
		return named(e, "e")[o.ID]
	}
	return o.Kind == e.Kind && e.Address() != "" && o.Address() == e.Address()
}

func matches(filters []event.Filter, e *event.Event) bool {
	return slices.ContainsFunc(filters, func(f event.Filter) bool { return f.Match(e) })
}

func (m *memory) Query(_ context.Context, filters ...event.Filter) ([]*event.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.queries++
	slices.SortFunc(m.events, func(a, b *event.Event) int {
		return cmp.Or(-cmp.Compare(a.CreatedAt, b.CreatedAt), bytes.Compare(a.ID[:], b.ID[:]))
	})
	want := map[event.ID]bool{}
	for _, f := range filters {
		n := 0
		for _, e := range m.events {
			if f.Match(e) && (f.Limit == 0 || n < f.Limit) {
				want[e.ID] = true
				n++
			}
		}
	}
	var out []*event.Event
	for _, e := range m.events {
		if want[e.ID] {
			out = append(out, e)
		}
	}
	return out, nil
}

func (m *memory) Count(ctx context.Context, filters ...event.Filter) (int, error) {
	found, err := m.Query(ctx, filters...)
	return len(found), err
}

func (m *memory) Subscribe(filters []event.Filter, deliver func(*event.Event)) func() {
	m.mu.Lock()
	defer m.mu.Unlock()
	id := m.next
	m.next++
	m.subs[id] = subscription{filters, deliver}
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.subs, id)
	}
}

func (m *memory) listeners() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.subs)
}

func (m *memory) FirstReceipts(_ context.Context, ids []event.ID) (map[event.ID]Receipt, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[event.ID]Receipt{}
	for _, id := range ids {
		if r, ok := m.receipts[id]; ok {
			out[id] = r
		}
	}
	return out, nil
}

// someone is a person of the test's world with a key of their own.
type someone struct {
	name string
	key  event.SecretKey
	pk   event.PubKey
}

func newSomeone(name string) someone {
	key := event.SecretKey(sha256.Sum256([]byte(name)))
	return someone{name, key, key.PubKey()}
}

// clock ticks by hand.
type clock struct {
	mu  sync.Mutex // guards now
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// fakeAuthor signs for real and saves into the memory.
type fakeAuthor struct {
	mu     sync.Mutex // guards has
	has    bool
	who    someone
	memory shelf
	clock  *clock
	refuse error
}

func (a *fakeAuthor) Person() (event.PubKey, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.has {
		return event.PubKey{}, false
	}
	return a.who.pk, true
}

func (a *fakeAuthor) CreatePerson(context.Context) (event.PubKey, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.has = true
	return a.who.pk, nil
}

func (a *fakeAuthor) Publish(_ context.Context, template *event.Event) (*event.Event, error) {
	if a.refuse != nil {
		return nil, a.refuse
	}
	e := &event.Event{Kind: template.Kind, Tags: template.Tags, Content: template.Content, CreatedAt: template.CreatedAt}
	if e.CreatedAt == 0 {
		e.CreatedAt = a.clock.Now().Unix()
	}
	if err := e.Sign(a.who.key); err != nil {
		return nil, err
	}
	if _, err := event.Parse(e.AppendJSON(nil)); err != nil {
		return nil, err // what web composes must be a valid event
	}
	a.memory.save(e, Receipt{Via: event.ViaSelf, At: a.clock.Now()})
	return e, nil
}

func (a *fakeAuthor) Backup(_ context.Context, passphrase string) (string, error) {
	return "ncryptsec1" + strings.Repeat("q", len(passphrase)), nil
}

// fakeLibrary takes every file that starts with the magic word "media".
type fakeLibrary struct {
	mu   sync.Mutex // guards all
	all  map[Hash]Media
	blob map[Hash][]byte
}

func (l *fakeLibrary) Import(_ context.Context, r io.Reader, name string, _ bool) (Media, error) {
	raw, err := io.ReadAll(r)
	if err != nil {
		return Media{}, err
	}
	if !bytes.HasPrefix(raw, []byte("media")) {
		return Media{}, &Problem{415, "no-media", "These bytes are no media that the node knows.", "Send a picture, a clip or a voice."}
	}
	m := Media{Hash: sha256.Sum256(raw), Size: int64(len(raw)), Stripped: []string{"GPS position"}}
	switch {
	case strings.HasSuffix(name, ".jpg"):
		m.Type, m.Width, m.Height, m.BlurHash = "image/jpeg", 1200, 800, "LEHV6nWB2yk8pyo0adR*.7kCMdnj"
	case strings.HasSuffix(name, ".mp4"):
		m.Type, m.Width, m.Height, m.DurationMS = "video/mp4", 1920, 1080, 90_500
		m.Poster, m.Chunks = sha256.Sum256([]byte("poster")), sha256.Sum256([]byte("chunks"))
	default:
		m.Type, m.DurationMS, m.Waveform = "audio/ogg", 4200, []int{0, 50, 100}
	}
	l.put(m, raw)
	return m, nil
}

func (l *fakeLibrary) put(m Media, raw []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all[m.Hash], l.blob[m.Hash] = m, raw
}

func (l *fakeLibrary) Describe(_ context.Context, h Hash) (Media, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m, ok := l.all[h]
	if !ok {
		return m, fs.ErrNotExist
	}
	return m, nil
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

func (l *fakeLibrary) Thumb(ctx context.Context, h Hash, _ int) (io.ReadSeekCloser, string, error) {
	if _, err := l.Describe(ctx, h); err != nil {
		return nil, "", err
	}
	return readCloser{bytes.NewReader([]byte("a small picture"))}, "image/jpeg", nil
}

func (l *fakeLibrary) Have(ctx context.Context, h Hash) Have {
	m, err := l.Describe(ctx, h)
	if err != nil {
		return Have{}
	}
	return Have{Bytes: m.Size, Size: m.Size, Whole: true}
}

func (l *fakeLibrary) Fetch(ctx context.Context, h Hash) (Have, error) { return l.Have(ctx, h), nil }

// fakeNet is everything about other nodes and this one.
type fakeNet struct {
	mu      sync.Mutex // guards all below
	peers   []Peer
	devices []Device
	kept    map[event.ID]Kept
	nearby  Nearby
	joined  event.PubKey
	watch   map[int]func(Change)
	next    int
	origins []Origin
	self    Self
}

func (n *fakeNet) Kept(_ context.Context, posts []*event.Event) (map[event.ID]Kept, error) {
	return n.kept, nil
}
func (n *fakeNet) Peers(context.Context) ([]Peer, error)                   { return n.peers, nil }
func (n *fakeNet) Devices(context.Context, event.PubKey) ([]Device, error) { return n.devices, nil }
func (n *fakeNet) Nearby(context.Context) (Nearby, error)                  { return n.nearby, nil }
func (n *fakeNet) Invite(context.Context) (string, error)                  { return "mural1qqqq", nil }
func (n *fakeNet) Self() Self                                              { return n.self }
func (n *fakeNet) Status(context.Context) (Status, error)                  { return Status{NodeID: n.self.NodeID}, nil }
func (n *fakeNet) Join(context.Context, string) (event.PubKey, bool, error) {
	return n.joined, true, nil
}

func (n *fakeNet) SetNearby(_ context.Context, id string, on bool) error {
	if id != n.nearby.NetworkID {
		return &Problem{409, "other-network", "The network changed meanwhile.", "Look again."}
	}
	n.nearby.Choice = map[bool]string{true: "on", false: "off"}[on]
	return nil
}

func (n *fakeNet) AllowOrigin(_ context.Context, origin string, allow bool) ([]Origin, error) {
	n.origins = append(n.origins, Origin{origin, allow})
	return n.origins, nil
}

func (n *fakeNet) Watch(notify func(Change)) func() {
	n.mu.Lock()
	defer n.mu.Unlock()
	id := n.next
	n.next++
	n.watch[id] = notify
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.watch, id)
	}
}

func (n *fakeNet) tell(c Change) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, notify := range n.watch {
		notify(c)
	}
}

// fakeGate knows the owner by a header token and answers to localhost.
type fakeGate struct{}

const ownerToken = "owner-token"

func (fakeGate) Identify(r *http.Request) Visitor {
	host, _, _ := strings.Cut(r.Host, ":")
	cookie, err := r.Cookie("mural_test")
	signedIn := err == nil && cookie.Value == ownerToken
	return Visitor{
		Owner:  signedIn || r.Header.Get("Authorization") == "Bearer "+ownerToken,
		Local:  true,
		Origin: r.Header.Get("Origin"),
		HostOK: host == "127.0.0.1" || host == "localhost",
	}
}

func (fakeGate) SignIn(w http.ResponseWriter, _ *http.Request, token string) error {
	if token != "link-token" {
		return &Problem{401, "bad-token", "That link was used already.", "Run `mural link`."}
	}
	http.SetCookie(w, &http.Cookie{Name: "mural_test", Value: ownerToken, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	return nil
}

func (fakeGate) SignOut(w http.ResponseWriter, _ *http.Request) {
	http.SetCookie(w, &http.Cookie{Name: "mural_test", MaxAge: -1})
}

var (
	_ Events      = (*memory)(nil)
	_ Author      = (*fakeAuthor)(nil)
	_ Library     = (*fakeLibrary)(nil)
	_ Blobs       = (*fakeLibrary)(nil)
	_ Keeping     = (*fakeNet)(nil)
	_ Neighbours  = (*fakeNet)(nil)
	_ Invitations = (*fakeNet)(nil)
	_ Watcher     = (*fakeNet)(nil)
	_ Node        = (*fakeNet)(nil)
	_ Gate        = fakeGate{}
)
