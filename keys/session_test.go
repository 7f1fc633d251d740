package keys

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestLinkWorksOnceAndNotForEver(t *testing.T) {
	c := newClock()
	g := openGate(t, gateFile(t), c)
	link := g.NewLink()
	if err := g.SignIn(httptest.NewRecorder(), link); err != nil {
		t.Fatalf("first use: %v", err)
	}
	if err := g.SignIn(httptest.NewRecorder(), link); !errors.Is(err, ErrLinkUsed) {
		t.Errorf("second use gave %v, want ErrLinkUsed", err)
	}
	for _, guess := range []string{"", "x", g.Token()} {
		if err := g.SignIn(httptest.NewRecorder(), guess); !errors.Is(err, ErrLinkUsed) {
			t.Errorf("a made-up link gave %v, want ErrLinkUsed", err)
		}
	}
	late := g.NewLink()
	c.at = c.at.Add(LinkLife + time.Second)
	if err := g.SignIn(httptest.NewRecorder(), late); !errors.Is(err, ErrLinkUsed) {
		t.Errorf("an old link gave %v, want ErrLinkUsed", err)
	}
	for range 3 * MaxLinks {
		g.NewLink()
	}
	if len(g.links) > MaxLinks {
		t.Errorf("%d links wait, want at most %d", len(g.links), MaxLinks)
	}
}

func TestCookieIsForThisNodeAndNoScript(t *testing.T) {
	g := openGate(t, gateFile(t), newClock())
	k := signIn(t, g)
	if k.Name != "mural_ab12" || !k.HttpOnly || k.SameSite != http.SameSiteStrictMode || k.Path != "/" || k.Domain != "" {
		t.Errorf("the cookie is %+v, want mural_ab12, HttpOnly, SameSite=Strict, for this host alone", k)
	}
	if got := time.Duration(k.MaxAge) * time.Second; got != SessionLife {
		t.Errorf("the cookie lasts %s, want %s", got, SessionLife)
	}
}

func isOwner(g *Gate, k *http.Cookie) bool {
	return g.Identify(ask(loop4, own, "Cookie: "+k.Name+"="+k.Value)).Owner
}

func TestSessionsAreKeptByHashAndSurviveARestart(t *testing.T) {
	file := gateFile(t)
	g := openGate(t, file, newClock())
	k := signIn(t, g)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(b), k.Value) {
		t.Error("the file holds the session itself; a copy of it would open the node")
	}
	if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode of the gate's file: %v (%v), want 0600", st.Mode(), err)
	}
	again := openGate(t, file, newClock())
	if !isOwner(again, k) {
		t.Error("the session did not survive a restart")
	}
	if again.Token() != g.Token() {
		t.Error("the owner's token changed with a restart")
	}
}

func TestSessionEnds(t *testing.T) {
	c, file := newClock(), gateFile(t)
	g := openGate(t, file, c)
	out, stays := signIn(t, g), signIn(t, g)
	w := httptest.NewRecorder()
	if err := g.SignOut(w, ask(loop4, own, "Cookie: "+out.Name+"="+out.Value)); err != nil {
		t.Fatal(err)
	}
	if k := w.Result().Cookies()[0]; k.MaxAge >= 0 || k.Value != "" {
		t.Errorf("the browser is told %+v, want the cookie gone", k)
	}
	if isOwner(g, out) || isOwner(openGate(t, file, c), out) {
		t.Error("a session works after it was signed out")
	}
	if !isOwner(g, stays) {
		t.Error("signing out one browser ended another's session")
	}
	c.at = c.at.Add(SessionLife)
	if isOwner(g, stays) {
		t.Error("a session works after its life")
	}
	if err := g.SignOut(httptest.NewRecorder(), ask(loop4, own)); err != nil {
		t.Errorf("signing out without a session: %v", err)
	}
}

func TestOldestSessionGoes(t *testing.T) {
	c := newClock()
	g := openGate(t, gateFile(t), c)
	var all []*http.Cookie
	for range MaxSessions + 1 {
		c.at = c.at.Add(time.Second)
		all = append(all, signIn(t, g))
	}
	if isOwner(g, all[0]) {
		t.Error("the oldest session still works over the limit")
	}
	if !isOwner(g, all[1]) || !isOwner(g, all[MaxSessions]) {
		t.Error("a younger session went")
	}
}

func TestTwoNodesInOneBrowserDoNotDisturbEachOther(t *testing.T) {
	c := newClock()
	a, err := OpenGate(gateFile(t), "aaaa", nil, c.now)
	if err != nil {
		t.Fatal(err)
	}
	b, err := OpenGate(gateFile(t), "bbbb", nil, c.now)
	if err != nil {
		t.Fatal(err)
	}
	ka, kb := signIn(t, a), signIn(t, b)
	both := "Cookie: " + ka.Name + "=" + ka.Value + "; " + kb.Name + "=" + kb.Value
	if !a.Identify(ask(loop4, "localhost:4880", both)).Owner || !b.Identify(ask(loop4, "localhost:4980", both)).Owner {
		t.Error("one of two nodes lost its session")
	}
	crossed := "Cookie: " + ka.Name + "=" + kb.Value
	if a.Identify(ask(loop4, own, crossed)).Owner {
		t.Error("a session of one node opens the other")
	}
	w := httptest.NewRecorder()
	if err := a.SignOut(w, ask(loop4, own, both)); err != nil {
		t.Fatal(err)
	}
	if len(w.Result().Cookies()) != 1 || !isOwner(b, kb) {
		t.Error("signing out of one node touched the other")
	}
}

func TestDamagedGateFileSaysWhatToDo(t *testing.T) {
	for _, content := range []string{"", "{", "[]", `{"sessions": 3}`, strings.Repeat(" ", maxGateFile+1)} {
		file := gateFile(t)
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenGate(file, "x", nil, time.Now); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%.20q: got %v, want an error that names the file", content, err)
		}
	}
	file := gateFile(t)
	if err := os.WriteFile(file, []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenGate(file, "x", nil, time.Now); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a gate file that others may read gave %v, want what to type", err)
	}
}

func TestOwnersWordAboutAWebClientIsKept(t *testing.T) {
	file := gateFile(t)
	g := openGate(t, file, newClock())
	if !g.Asked("https://client.example") || g.Asked("https://client.example") {
		t.Error("a client is announced once, want the first time alone")
	}
	for _, origin := range []string{"", "null", "client.example", "https://client.example/path", "https://" + strings.Repeat("a", maxOriginSize)} {
		if g.Asked(origin) {
			t.Errorf("%.40q waits for the owner's word", origin)
		}
		if err := g.Decide(origin, true); err == nil {
			t.Errorf("%.40q was allowed", origin)
		}
	}
	if err := g.Decide("https://Client.example/", true); err != nil {
		t.Fatal(err)
	}
	decided, waiting := openGate(t, file, newClock()).Origins()
	if !decided["https://client.example"] || len(waiting) != 0 || g.Asked("https://client.example") {
		t.Errorf("after a restart %v is decided and %v waits", decided, waiting)
	}
	for i := range 3 * MaxWaiting {
		g.Asked(fmt.Sprintf("https://c%d.example", i))
	}
	if _, waiting := g.Origins(); len(waiting) != MaxWaiting {
		t.Errorf("%d clients wait, want at most %d", len(waiting), MaxWaiting)
	}
}

func TestGateIsSafeForManyAtOnce(t *testing.T) {
	g := openGate(t, gateFile(t), newClock())
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			w := httptest.NewRecorder()
			if err := g.SignIn(w, g.NewLink()); err != nil {
				t.Error(err)
				return
			}
			k := w.Result().Cookies()[0]
			if !isOwner(g, k) {
				t.Error("a fresh session does not work")
			}
			g.Asked(fmt.Sprintf("https://c%d.example", i))
			g.Origins()
			if err := g.SignOut(httptest.NewRecorder(), ask(loop4, own, "Cookie: "+k.Name+"="+k.Value)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}
