package node

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"mural/blob"
	"mural/blossom"
	"mural/event"
)

// token authorises one Blossom verb on one blob (BUD-11).
func (a author) token(c *clock, verb string, h blob.Hash, more ...event.Tag) string {
	tags := event.Tags{{"t", verb}, {"x", h.String()}, {"expiration", fmt.Sprint(c.unix(time.Hour))}}
	e := a.signs(event.Event{Kind: event.KindBlobAuth, CreatedAt: c.unix(0), Content: verb, Tags: append(tags, more...)})
	return "Nostr " + base64.RawURLEncoding.EncodeToString(e.Raw())
}

// blobRequest asks the Blossom door from loopback as a program.
func blobRequest(n *Node, method, path, token string, body []byte, headers ...string) *http.Response {
	r := httptest.NewRequest(method, "http://localhost:4880"+path, bytes.NewReader(body))
	r.RemoteAddr = "127.0.0.1:50000"
	r.Header.Set("Authorization", token)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	n.Handler().ServeHTTP(w, r)
	return w.Result()
}

func TestProgramUploadsListsAndDeletes(t *testing.T) {
	n, c := alone(t)
	newPerson(t, n)
	a := newAuthor(t)
	data := []byte("words of a program")
	h := blob.Sum(data)
	if r := blobRequest(n, http.MethodPut, "/upload", a.token(c, "upload", h), data, "Content-Type: text/plain"); r.StatusCode != http.StatusCreated {
		t.Fatalf("upload: %s %s", r.Status, r.Header.Get("X-Reason"))
	}
	if len(n.uploads.coming) != 0 {
		t.Error("the place of a whole upload is still kept")
	}
	r := blobRequest(n, http.MethodGet, "/list/"+a.pub.String(), a.token(c, "list", h), nil)
	var list []blossom.Descriptor
	if err := json.NewDecoder(r.Body).Decode(&list); err != nil || len(list) != 1 || list[0].SHA256 != h {
		t.Errorf("listed are %v (%v), want the upload", list, err)
	}
	if r := blobRequest(n, http.MethodDelete, "/"+h.String(), a.token(c, "delete", h), nil); r.StatusCode != http.StatusNoContent || n.hasBlob(h) {
		t.Errorf("delete: %s, here is %v", r.Status, n.hasBlob(h))
	}
}

// The Host header is the caller's word: a token for another server is refused
// although the request names that server.
func TestTokensForOtherServersAreRefused(t *testing.T) {
	n, c := alone(t)
	newPerson(t, n)
	a := newAuthor(t)
	data := []byte("x")
	h := blob.Sum(data)
	rows := map[string]int{"localhost": 201, "127.0.0.1": 200, "evil.example": 401, "http://localhost:4880": 200}
	for server, want := range rows {
		r := blobRequest(n, http.MethodPut, "/upload", a.token(c, "upload", h, event.Tag{"server", server}), data)
		if r.StatusCode/100 != want/100 {
			t.Errorf("a token for %s: %s, want %d", server, r.Status, want)
		}
	}
}

func status(err error) int {
	var r *blossom.Refusal
	if errors.As(err, &r) {
		return r.Status
	}
	if err != nil {
		return -1
	}
	return 0
}

func TestProgramsUploadUnderAStatedQuota(t *testing.T) {
	ctx := context.Background()
	n, c := alone(t)
	newPerson(t, n)
	a, b := newAuthor(t).pub, newAuthor(t).pub
	const most = uploadPerKeyDay
	steps := []struct {
		name string
		who  event.PubKey
		size int64
		put  bool
		want int
	}{
		{"more than a day's bytes", a, most + 1, true, 429},
		{"asking keeps no place", a, most, false, 0},
		{"asking again", a, most, false, 0},
		{"a day's bytes", a, most - 1, true, 0},
		{"over, while the first is coming", a, 2, true, 429},
		{"the last byte", a, 1, true, 0},
		{"nothing is left", a, 1, false, 429},
		{"another key", b, most, true, 0},
	}
	for _, s := range steps {
		if got := status(n.uploads.admit(ctx, s.who, s.size, s.put)); got != s.want {
			t.Errorf("%s: status %d, want %d", s.name, got, s.want)
		}
	}
	c.pass(reservedFor + time.Second)
	if got := status(n.uploads.admit(ctx, a, most, true)); got != 0 {
		t.Errorf("uploads that never came still count: %d", got)
	}
	for len(n.uploads.coming) < uploadPrograms/most {
		if err := n.uploads.admit(ctx, newAuthor(t).pub, most, true); err != nil {
			t.Fatal(err)
		}
	}
	if got := status(n.uploads.admit(ctx, newAuthor(t).pub, 1, true)); got != 507 {
		t.Errorf("over the bytes of all programs: status %d, want 507", got)
	}
}

func TestStoredUploadsCountForTheDay(t *testing.T) {
	ctx := context.Background()
	n, c := alone(t)
	c.at.Store(time.Now().Unix())
	newPerson(t, n)
	who := newAuthor(t).pub
	h := puts(t, n, strings.Repeat("x", 1000))
	if err := n.blobs.AddOwner(ctx, h, who); err != nil {
		t.Fatal(err)
	}
	if got := status(n.uploads.admit(ctx, who, uploadPerKeyDay-999, true)); got != 429 {
		t.Errorf("what is stored does not count: %d", got)
	}
	if used, err := n.countUploads(ctx); err != nil || used.programs != 1000 || used.mine != 0 {
		t.Errorf("uploads take %+v (%v), want 1000 bytes of programs", used, err)
	}
	c.pass(25 * time.Hour)
	if got := status(n.uploads.admit(ctx, who, uploadPerKeyDay-999, true)); got != 0 {
		t.Errorf("yesterday's upload counts today: %d", got)
	}
}

func TestWhoMayUpload(t *testing.T) {
	n, _ := alone(t)
	me := newPerson(t, n)
	stranger := newAuthor(t).pub
	ask := func(remote, host string, headers ...string) *http.Request {
		r := httptest.NewRequest(http.MethodPut, "/upload", nil)
		r.RemoteAddr, r.Host = remote, host
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			r.Header.Set(name, value)
		}
		return r
	}
	if err := n.gate.Decide("https://client.example", true); err != nil {
		t.Fatal(err)
	}
	const huge = uploadPerKeyDay + 1
	rows := []struct {
		name string
		r    *http.Request
		who  event.PubKey
		size int64
		want int
	}{
		{"guest", ask("192.168.1.9:1", "192.168.1.2:4880"), stranger, 1, 403},
		{"the owner's key from anywhere", ask("192.168.1.9:1", "192.168.1.2:4880"), me, huge, 0},
		{"no key", ask("192.168.1.9:1", "192.168.1.2:4880"), event.PubKey{}, 1, 403},
		{"owner's session", ask("127.0.0.1:1", "localhost", "Authorization: Bearer "+n.gate.Token()), stranger, huge, 0},
		{"program", ask("127.0.0.1:1", "localhost"), stranger, 1, 0},
		{"program, too much", ask("127.0.0.1:1", "localhost"), stranger, huge, 429},
		{"allowed web client", ask("127.0.0.1:1", "localhost", "Origin: https://client.example"), stranger, 1, 0},
		{"other web page", ask("127.0.0.1:1", "localhost", "Origin: https://evil.example"), stranger, 1, 403},
		{"program, more than the disk", ask("127.0.0.1:1", "localhost"), me, 1 << 60, 507},
	}
	for _, row := range rows {
		if got := status(n.allowUpload(row.r, row.who, row.size)); got != row.want {
			t.Errorf("%s: status %d, want %d", row.name, got, row.want)
		}
	}
	n.cfg.Open = true
	if got := status(n.allowUpload(ask("192.168.1.9:1", "192.168.1.2:4880"), stranger, huge)); got != 0 {
		t.Errorf("--open refused a guest: %d", got)
	}
	n.cfg.KeepGB = 0
	if got := status(n.allowUpload(ask("192.168.1.9:1", "192.168.1.2:4880"), stranger, 1)); got != 507 {
		t.Errorf("without room for others a guest got %d, want 507", got)
	}
	if got := status(n.allowUpload(ask("127.0.0.1:1", "localhost"), me, 1)); got != 0 {
		t.Errorf("the share for others holds the owner, too: %d", got)
	}
}

func TestOwnMediaDoNotUseUpTheShareOfOthers(t *testing.T) {
	ctx := context.Background()
	n, c := alone(t)
	newPerson(t, n)
	imports(t, n, picture(1))
	_, used := n.blobs.Usage()
	c.pass(programsMemory + time.Second)
	if mine := n.uploads.mine(ctx); mine == 0 || mine > used {
		t.Errorf("%d of %d bytes are mine, want the picture", mine, used)
	}
}
