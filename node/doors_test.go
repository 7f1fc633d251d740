package node

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"mural/event"
)

// says sends one EVENT to the relay as a page of that origin ("" = a program)
// and gives the relay's word.
func says(t *testing.T, url, origin string, e *event.Event) (ok bool, reason string) {
	t.Helper()
	ctx := context.Background()
	h := http.Header{}
	if origin != "" {
		h.Set("Origin", origin)
	}
	c, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPHeader: h})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	if err := c.Write(ctx, websocket.MessageText, []byte(`["EVENT",`+string(e.Raw())+`]`)); err != nil {
		t.Fatal(err)
	}
	for {
		_, raw, err := c.Read(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var m []json.RawMessage
		if json.Unmarshal(raw, &m) != nil || len(m) != 4 || string(m[0]) != `"OK"` {
			continue // an AUTH challenge
		}
		if json.Unmarshal(m[2], &ok) != nil || json.Unmarshal(m[3], &reason) != nil {
			t.Fatalf("the relay said %s", raw)
		}
		return ok, reason
	}
}

func TestWebClientPublishesOnceTheOwnerAllowedIt(t *testing.T) {
	ctx := context.Background()
	n, c := alone(t)
	newPerson(t, n)
	srv := httptest.NewServer(n.Handler())
	defer srv.Close()
	url := strings.Replace(srv.URL, "http", "ws", 1)
	a := newAuthor(t)
	const page = "https://client.example"
	if ok, why := says(t, url, "", a.note(c.unix(0), "a program")); !ok {
		t.Errorf("a program may not publish: %s", why)
	}
	if ok, why := says(t, url, page, a.note(c.unix(0), "a page")); ok || !strings.HasPrefix(why, "restricted: ") {
		t.Errorf("a strange page: %v %q, want restricted", ok, why)
	}
	st, err := n.Status(ctx)
	if err != nil || len(st.Waiting) != 1 || st.Waiting[0] != page {
		t.Errorf("the owner is asked about %v (%v), want %s", st.Waiting, err, page)
	}
	if _, err := n.AllowOrigin(ctx, page, true); err != nil {
		t.Fatal(err)
	}
	if ok, why := says(t, url, page, a.note(c.unix(0), "an allowed page")); !ok {
		t.Errorf("an allowed page may not publish: %s", why)
	}
	if _, err := n.AllowOrigin(ctx, page, false); err != nil {
		t.Fatal(err)
	}
	if ok, _ := says(t, url, page, a.note(c.unix(0), "a page refused again")); ok {
		t.Error("a page publishes after the owner took the permission back")
	}
	// This node's own page is no owner without a session.
	if ok, _ := says(t, url, srv.URL, a.note(c.unix(0), "own page, not signed in")); ok {
		t.Error("the app publishes for a browser that is not signed in")
	}
}

func TestRelayTellsWhatItCan(t *testing.T) {
	n, _ := alone(t)
	r := httptest.NewRequest(http.MethodGet, "http://localhost:4880/", nil)
	r.RemoteAddr = "127.0.0.1:5"
	r.Header.Set("Accept", "application/nostr+json")
	w := httptest.NewRecorder()
	n.Handler().ServeHTTP(w, r)
	var info struct {
		NIPs []int `json:"supported_nips"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &info); err != nil {
		t.Fatal(err)
	}
	for _, nip := range []int{1, 9, 11, 40, 42, 45, 50, 70, 77} {
		if !slices.Contains(info.NIPs, nip) {
			t.Errorf("NIP-%02d is not announced", nip)
		}
	}
}

func TestSearchFindsWords(t *testing.T) {
	n, c := alone(t)
	a := newAuthor(t)
	wall := a.note(c.unix(0), "we paint the wall in Oaxaca")
	accepts(t, n, fromOwner, wall, event.Accepted)
	accepts(t, n, fromOwner, a.note(c.unix(0), "something else"), event.Accepted)
	until(t, "the words are indexed", func() bool {
		found, err := n.Query(context.Background(), event.Filter{Search: "oaxaca"})
		return err == nil && len(found) == 1 && found[0].ID == wall.ID
	})
}

func TestNoDoorAnswersUnderAForeignName(t *testing.T) {
	n, _ := alone(t)
	newPerson(t, n)
	h := puts(t, n, "public")
	for _, path := range []string{"/", "/" + h.String(), "/list/" + strings.Repeat("0", 64), "/api/me", "/api/feed", "/metrics", "/api/link"} {
		for _, upgrade := range []bool{false, true} {
			r := httptest.NewRequest(http.MethodGet, "http://evil.example:4880"+path, nil)
			r.RemoteAddr = "127.0.0.1:5"
			if upgrade {
				r.Header.Set("Connection", "Upgrade")
				r.Header.Set("Upgrade", "websocket")
			}
			w := httptest.NewRecorder()
			n.Handler().ServeHTTP(w, r)
			if w.Code < 400 {
				t.Errorf("GET %s under a rebound name: %d", path, w.Code)
			}
		}
	}
}

func TestLinkAndMetricsAreNotForGuests(t *testing.T) {
	n, _ := alone(t)
	ask := func(method, path, remote, token string) int {
		r := httptest.NewRequest(method, "http://192.168.1.2:4880"+path, nil)
		r.RemoteAddr = remote
		if strings.HasPrefix(remote, "127.") {
			r.Host = "localhost:4880"
		}
		r.Header.Set("Authorization", token)
		w := httptest.NewRecorder()
		n.Handler().ServeHTTP(w, r)
		return w.Code
	}
	owner := "Bearer " + n.gate.Token()
	rows := []struct {
		method, path, remote, token string
		want                        int
	}{
		{"POST", "/api/link", "127.0.0.1:5", owner, 200},
		{"POST", "/api/link", "127.0.0.1:5", "", 401},
		{"GET", "/api/link", "127.0.0.1:5", owner, 401},
		{"POST", "/api/link", "192.168.1.9:5", "Bearer x", 401},
		{"GET", "/metrics", "127.0.0.1:5", "", 200},
		{"GET", "/metrics", "192.168.1.9:5", "", 403},
	}
	for _, row := range rows {
		if got := ask(row.method, row.path, row.remote, row.token); got != row.want {
			t.Errorf("%s %s from %s: %d, want %d", row.method, row.path, row.remote, got, row.want)
		}
	}
}
