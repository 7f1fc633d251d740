package web

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"mural/event"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// world is one node of Ana's with a real HTTP server before it.
type world struct {
	t       testing.TB
	memory  *memory // nil where the world stands on another shelf
	shelf   shelf
	author  *fakeAuthor
	library *fakeLibrary
	net     *fakeNet
	clock   *clock
	door    *Server
	server  *httptest.Server
}

var (
	ana  = newSomeone("ana")
	ben  = newSomeone("ben")
	cem  = newSomeone("cem")
	dora = newSomeone("dora")
)

// at is the beginning of the world's time.
var at = time.Unix(1_790_000_000, 0)

func newWorld(t *testing.T) *world {
	t.Helper()
	m := newMemory()
	w := newWorldOn(t, m)
	w.memory = m
	return w
}

func newWorldOn(t testing.TB, on shelf) *world {
	t.Helper()
	w := &world{t: t, shelf: on, clock: &clock{now: at}}
	w.author = &fakeAuthor{who: ana, memory: on, clock: w.clock}
	w.library = &fakeLibrary{all: map[Hash]Media{}, blob: map[Hash][]byte{}}
	w.net = &fakeNet{watch: map[int]func(Change){}, kept: map[event.ID]Kept{},
		nearby: Nearby{"ask", "Wi-Fi at home (192.168.1.0/24)", "net1"},
		self:   Self{NodeID: "12D3KooAna", ShortID: "a1b2c3d4", Version: "0.1.0", StartedAt: at, MaxBlobBytes: 1 << 20}}
	door, err := New(Config{Events: on, Author: w.author, Library: w.library, Blobs: w.library,
		Keeping: w.net, Neighbours: w.net, Invitations: w.net, Watcher: w.net, Node: w.net, Gate: fakeGate{},
		App: fstest.MapFS{"index.html": {Data: []byte("<!doctype html>")}, "app.js": {Data: bytes.Repeat([]byte("let a=1;"), 1000)},
			"icons/a.svg": {Data: []byte("<svg/>")}, ".secret": {Data: []byte("x")}},
		BlobBase: "http://localhost:4880", Now: w.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	w.door = door
	w.server = httptest.NewServer(door)
	t.Cleanup(func() { door.Close(); w.server.Close() })
	return w
}

// withAna gives the node its person.
func (w *world) withAna() *world {
	w.owner("POST", "/api/person", map[string]string{"name": "Ana"}, 200)
	return w
}

// says signs an event of somebody and brings it to the node, a second later.
func (w *world) says(who someone, kind event.Kind, content string, tags ...event.Tag) *event.Event {
	w.t.Helper()
	w.clock.forward(time.Second)
	e := &event.Event{Kind: kind, Content: content, Tags: tags, CreatedAt: w.clock.Now().Unix()}
	if err := e.Sign(who.key); err != nil {
		w.t.Fatal(err)
	}
	w.shelf.save(e, Receipt{Via: event.ViaPeer, Peer: "12D3Koo" + who.name, At: w.clock.Now()})
	return e
}

func (w *world) named(people ...someone) {
	for _, p := range people {
		w.says(p, event.KindProfile, `{"name":"`+strings.ToUpper(p.name[:1])+p.name[1:]+`"}`)
	}
}

// follows makes who follow the others.
func (w *world) follows(who someone, others ...someone) {
	var tags []event.Tag
	for _, o := range others {
		tags = append(tags, event.Tag{"p", o.pk.String()})
	}
	w.says(who, event.KindFollows, "", tags...)
}

func (w *world) owner(method, path string, body any, want int) []byte {
	w.t.Helper()
	return w.call(method, path, body, want, "Authorization", "Bearer "+ownerToken)
}

func (w *world) guest(method, path string, body any, want int) []byte {
	w.t.Helper()
	return w.call(method, path, body, want)
}

// call makes a request with header pairs and checks the status. A []byte body
// goes as it is, anything else as JSON.
func (w *world) call(method, path string, body any, want int, headers ...string) []byte {
	w.t.Helper()
	req, err := http.NewRequest(method, w.server.URL+path, reader(w.t, body))
	if err != nil {
		w.t.Fatal(err)
	}
	if _, raw := body.([]byte); body != nil && !raw {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		if req.Header.Set(headers[i], headers[i+1]); headers[i] == "Host" {
			req.Host = headers[i+1]
		}
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	if res.StatusCode != want {
		w.t.Fatalf("%s %s: got %d %s, want %d", method, path, res.StatusCode, got, want)
	}
	return got
}

func reader(t testing.TB, body any) io.Reader {
	switch b := body.(type) {
	case nil:
		return nil
	case []byte:
		return bytes.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		return bytes.NewReader(raw)
	}
}

func decodeJSON[T any](t testing.TB, raw []byte) T {
	t.Helper()
	var out T
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
	return out
}

// golden compares JSON with the file of that name.
func golden(t *testing.T, name string, raw []byte) {
	t.Helper()
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, raw, "", "  "); err != nil {
		t.Fatalf("%s is no JSON: %v\n%s", name, err, raw)
	}
	pretty.WriteByte('\n')
	file := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, pretty.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), pretty.String()); diff != "" {
		t.Errorf("%s changed (-want +got); -update if that is meant:\n%s", file, diff)
	}
}
