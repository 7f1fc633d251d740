//go:build linux

package stories_test

import (
	"crypto/rand"
	"net/http"
	"strings"
	"testing"
	"time"

	"mural/event"
	"mural/internal/testkit"
)

// TestGuestOnTheLAN proves that somebody in the same café, with Ana's node open
// to guests, reads what is public and can do nothing else.
func TestGuestOnTheLAN(t *testing.T) {
	t.Parallel()
	w := testkit.Bridge(t)
	ana, ben := w.Person("Ana", "--listen", "0.0.0.0"), w.Person("Ben")
	post := w.As(ana).Posts("for everybody", testkit.Photo(t, 1))
	guest := ben.Guest(ana)

	ask := func(method, path, body string, header ...string) testkit.Answer {
		t.Helper()
		a, err := guest.Asks(method, path, body, header...)
		if err != nil {
			t.Fatalf("%s %s: %v", method, path, err)
		}
		return a
	}
	for _, path := range []string{"/", "/api/feed?scope=mural", "/api/posts/" + post.ID, "/" + post.Media[0].SHA256, "/api/me", "/api/people/" + ana.Npub} {
		a := ask("GET", path, "")
		if a.Status != http.StatusOK {
			t.Errorf("a guest reads %s: %d %s", path, a.Status, a.Body)
		}
		for _, secret := range []string{ana.PeerID, ana.Home, ben.PeerID} {
			if strings.Contains(a.Body, secret) {
				t.Errorf("a guest reads %s and learns %q", path, secret)
			}
		}
	}
	if feed := ask("GET", "/api/feed?scope=mural", ""); !strings.Contains(feed.Body, post.ID) {
		t.Errorf("the public post does not stand in a guest's feed: %s", feed.Body)
	}
	json := []string{"Content-Type", "application/json"}
	for _, try := range [][3]string{
		{"POST", "/api/posts", `{"text":"I am Ana"}`},
		{"POST", "/api/person", `{"name":"Not Ana"}`},
		{"DELETE", "/api/posts/" + post.ID, ""},
		{"POST", "/api/posts/" + post.ID + "/repost", "{}"},
		{"PUT", "/api/people/" + ben.Npub + "/follow", "{}"},
		{"GET", "/api/node", ""},
		{"GET", "/api/peers", ""},
		{"GET", "/api/nearby", ""},
		{"POST", "/api/nearby", `{"network_id":"x","on":true}`},
		{"POST", "/api/invite", "{}"},
		{"POST", "/api/join", `{"link":"mural1x"}`},
		{"POST", "/api/backup", `{"passphrase":"a long passphrase"}`},
		{"POST", "/api/origins", `{"origin":"https://x.example","allow":true}`},
		{"POST", "/api/link", "{}"},
		{"POST", "/api/session", `{"token":"guessed"}`},
		{"GET", "/metrics", ""},
		{"GET", "/api/feed?scope=nearby", ""},
	} {
		if a := ask(try[0], try[1], try[2], json...); a.Status < 400 || a.Status >= 500 {
			t.Errorf("a guest does %s %s: %d %s", try[0], try[1], a.Status, a.Body)
		}
	}
	photo := string(testkit.Photo(t, 2).Data)
	for _, path := range []string{"/api/import?name=x.jpg", "/upload", "/media"} {
		method := map[bool]string{true: "POST", false: "PUT"}[strings.HasPrefix(path, "/api")]
		if a := ask(method, path, photo, "Content-Type", "image/jpeg"); a.Status != http.StatusUnauthorized && a.Status != http.StatusForbidden {
			t.Errorf("a guest stores a file with %s: %d %s", path, a.Status, a.Body)
		}
	}
	wantRelayReadOnly(t, guest, post)
	for _, path := range []string{"/", "/api/feed", "/" + post.Media[0].SHA256} {
		if a := ask("GET", path, "", "Host", "rebound.example"); a.Status < 400 || strings.Contains(a.Body, post.ID) {
			t.Errorf("under a foreign name the node answers %s: %d", path, a.Status)
		}
	}
	if mine := ana.Feed("me"); len(mine) != 1 {
		t.Errorf("Ana has %d posts after a guest tried everything, want 1", len(mine))
	}
}

func wantRelayReadOnly(t *testing.T, guest *testkit.Guest, post testkit.Post) {
	t.Helper()
	if _, err := guest.Reads(post.ID); err != nil {
		t.Errorf("a guest reads the relay: %v", err)
	}
	key, err := event.NewSecretKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	e := &event.Event{Kind: event.KindNote, CreatedAt: time.Now().Unix(), Content: "let me in"}
	if err := e.Sign(key); err != nil {
		t.Fatal(err)
	}
	ok, reason, err := guest.Publishes(e)
	if err != nil || ok || reason == "" {
		t.Errorf("a guest publishes: taken %v, %q, %v", ok, reason, err)
	}
	if e, err := guest.Reads(e.ID.String()); err == nil {
		t.Errorf("the guest's event is served: %s", e.Raw())
	}
}
