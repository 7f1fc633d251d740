package node

import (
	"bytes"
	"context"
	"crypto/rand"
	"image"
	"image/color"
	"image/png"
	"sync/atomic"
	"testing"
	"time"

	"mural/blob"
	"mural/event"
	"mural/web"
)

// clock is the time of one node, set by the test.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Now().Unix())
	return c
}

func (c *clock) now() time.Time             { return time.Unix(c.at.Load(), 0) }
func (c *clock) pass(d time.Duration)       { c.at.Add(int64(d / time.Second)) }
func (c *clock) unix(d time.Duration) int64 { return c.now().Add(d).Unix() }

// alone opens a node without ports in a fresh home.
func alone(t *testing.T) (*Node, *clock) {
	t.Helper()
	c := newClock()
	return openTest(t, Config{Home: t.TempDir(), Alone: true, Now: c.now}), c
}

func openTest(t *testing.T, cfg Config) *Node {
	t.Helper()
	n, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if n.ctx.Err() != nil {
			return // the test closed it
		}
		if err := n.Close(); err != nil {
			t.Errorf("closing the node: %v", err)
		}
	})
	return n
}

func newPerson(t *testing.T, n *Node) event.PubKey {
	t.Helper()
	who, err := n.CreatePerson(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return who
}

// author is somebody outside who signs events.
type author struct {
	t   *testing.T
	key event.SecretKey
	pub event.PubKey
}

func newAuthor(t *testing.T) author {
	t.Helper()
	k, err := event.NewSecretKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return author{t, k, k.PubKey()}
}

// signs gives the event as it comes from outside: parsed from its bytes.
func (a author) signs(e event.Event) *event.Event {
	a.t.Helper()
	if err := e.Sign(a.key); err != nil {
		a.t.Fatal(err)
	}
	out, err := event.Parse(e.AppendJSON(nil))
	if err != nil {
		a.t.Fatal(err)
	}
	return out
}

func (a author) note(at int64, text string, tags ...event.Tag) *event.Event {
	return a.signs(event.Event{Kind: event.KindNote, CreatedAt: at, Content: text, Tags: tags})
}

var (
	fromOwner   = event.Source{Via: event.ViaClient, Owner: true}
	fromProgram = event.Source{Via: event.ViaClient, Local: true}
	fromGuest   = event.Source{Via: event.ViaClient}
)

func fromPeer(id string, persons ...event.PubKey) event.Source {
	return event.Source{Via: event.ViaPeer, Peer: id, Auth: persons}
}

// accepts takes in one event and wants this status.
func accepts(t *testing.T, n *Node, src event.Source, e *event.Event, want event.Status) {
	t.Helper()
	v := n.Accept(context.Background(), src, []*event.Event{e})
	if len(v) != 1 || v[0].ID != e.ID || v[0].Status != want {
		t.Fatalf("verdict on a %s is %q (%s), want %q", e.Kind, v[0].Status, v[0].Reason, want)
	}
}

func isHere(t *testing.T, n *Node, e *event.Event) bool {
	t.Helper()
	found, err := n.Query(context.Background(), event.Filter{IDs: []event.ID{e.ID}})
	if err != nil {
		t.Fatal(err)
	}
	return len(found) == 1
}

func follow(t *testing.T, n *Node, people ...event.PubKey) {
	t.Helper()
	e := &event.Event{Kind: event.KindFollows}
	for _, p := range people {
		e.Tags = append(e.Tags, event.Tag{"p", p.String()})
	}
	publish(t, n, e)
}

func publish(t *testing.T, n *Node, e *event.Event) *event.Event {
	t.Helper()
	out, err := n.Publish(context.Background(), e)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// picture gives a PNG that no other seed gives.
func picture(seed int) []byte {
	img := image.NewRGBA(image.Rect(0, 0, 8, 8))
	for i := range 64 {
		img.Set(i%8, i/8, color.RGBA{uint8(seed), uint8(seed >> 8), uint8(i), 255})
	}
	var out bytes.Buffer
	if png.Encode(&out, img) != nil {
		panic("an image in memory")
	}
	return out.Bytes()
}

func imports(t *testing.T, n *Node, data []byte) blob.Hash {
	t.Helper()
	m, err := n.Import(context.Background(), bytes.NewReader(data), "", false)
	if err != nil {
		t.Fatal(err)
	}
	return blob.Hash(m.Hash)
}

// puts stores a blob as if a peer had brought it.
func puts(t *testing.T, n *Node, data string) blob.Hash {
	t.Helper()
	info, err := n.blobs.Put(context.Background(), bytes.NewReader([]byte(data)), blob.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return info.Hash
}

func imeta(h blob.Hash, more ...string) event.Tag {
	return append(event.Tag{"imeta", "url http://localhost:4880/" + h.String(), "x " + h.String()}, more...)
}

// until waits for something that happens in another goroutine.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("did not happen: %s", what)
		}
	}
}

// changes collects what a node tells the app.
func changes(t *testing.T, n *Node) <-chan web.Change {
	out := make(chan web.Change, 1000)
	t.Cleanup(n.Watch(func(c web.Change) {
		select {
		case out <- c:
		default:
		}
	}))
	return out
}
