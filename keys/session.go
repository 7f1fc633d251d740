package keys

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// gateState is what the gate keeps on disk. Sessions are kept by hash, so that
// a copy of the file opens nothing.
type gateState struct {
	Token    string           `json:"token"`    // the owner's own programs
	Sessions map[string]int64 `json:"sessions"` // SHA-256 of the cookie -> Unix seconds when made
	Origins  map[string]bool  `json:"origins"`  // web clients the owner decided about
}

// ErrLinkUsed says that a sign-in link is unknown, used or too old.
var ErrLinkUsed = errors.New("this link was used before or is too old; type: mural open")

func (g *Gate) load() error {
	g.state = gateState{Sessions: map[string]int64{}, Origins: map[string]bool{}}
	b, err := readPrivate(g.file, maxGateFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil && json.Unmarshal(b, &g.state) != nil {
		return fmt.Errorf("keys: %s is damaged; move it away, start again and sign in with a fresh link: mural open", g.file)
	}
	if g.state.Sessions == nil {
		g.state.Sessions = map[string]int64{}
	}
	if g.state.Origins == nil {
		g.state.Origins = map[string]bool{}
	}
	if g.state.Token == "" {
		g.state.Token = secret()
		return g.save()
	}
	return nil
}

func (g *Gate) save() error {
	b, err := json.MarshalIndent(g.state, "", "  ")
	if err != nil {
		return fmt.Errorf("keys: sessions: %w", err)
	}
	return WriteFile(g.file, append(b, '\n'))
}

func secret() string {
	b := make([]byte, 24)
	rand.Read(b) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b)
}

func digest(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

// Token is what the owner's own programs send as "Authorization: Bearer".
func (g *Gate) Token() string { return g.state.Token }

// NewLink makes a token for a sign-in link. It works once, for LinkLife.
func (g *Gate) NewLink() string {
	t := secret()
	g.mu.Lock()
	defer g.mu.Unlock()
	for k, end := range g.links {
		if g.now().After(end) || len(g.links) >= MaxLinks {
			delete(g.links, k)
		}
	}
	g.links[digest(t)] = g.now().Add(LinkLife)
	return t
}

// SignIn turns a link token into a session cookie of this browser.
func (g *Gate) SignIn(w http.ResponseWriter, token string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	end, ok := g.links[digest(token)]
	delete(g.links, digest(token))
	if !ok || g.now().After(end) {
		return ErrLinkUsed
	}
	session := secret()
	g.dropOldest()
	g.state.Sessions[digest(session)] = g.now().Unix()
	if err := g.save(); err != nil {
		return err
	}
	http.SetCookie(w, g.newCookie(session, int(SessionLife/time.Second)))
	return nil
}

func (g *Gate) newCookie(value string, seconds int) *http.Cookie {
	return &http.Cookie{Name: g.cookie, Value: value, Path: "/", MaxAge: seconds, HttpOnly: true, SameSite: http.SameSiteStrictMode}
}

func (g *Gate) dropOldest() {
	for len(g.state.Sessions) >= MaxSessions {
		oldest := ""
		for k, at := range g.state.Sessions {
			if oldest == "" || at < g.state.Sessions[oldest] {
				oldest = k
			}
		}
		delete(g.state.Sessions, oldest)
	}
}

// SignOut ends the session of the browser that sent r.
func (g *Gate) SignOut(w http.ResponseWriter, r *http.Request) error {
	http.SetCookie(w, g.newCookie("", -1))
	c, err := r.Cookie(g.cookie)
	if err != nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.state.Sessions, digest(c.Value))
	return g.save()
}

func (g *Gate) isOwner(r *http.Request) bool {
	if t, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return subtle.ConstantTimeCompare([]byte(t), []byte(g.state.Token)) == 1
	}
	c, err := r.Cookie(g.cookie)
	if err != nil {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	at, ok := g.state.Sessions[digest(c.Value)]
	return ok && g.now().Before(time.Unix(at, 0).Add(SessionLife))
}

func (g *Gate) originAllowed(origin string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state.Origins[origin]
}

// Asked notes that a web client wants to publish, so that the owner can be asked once.
// It says whether this is news.
func (g *Gate) Asked(origin string) bool {
	plain, err := parseOrigin(origin)
	if err != nil || plain != origin { // "null" and the like: there is nobody to allow
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	_, decided := g.state.Origins[origin]
	if decided || slices.Contains(g.waiting, origin) || len(g.waiting) >= MaxWaiting {
		return false
	}
	g.waiting = append(g.waiting, origin)
	return true
}

// Decide keeps the owner's word about a web client: "https://example.org".
func (g *Gate) Decide(origin string, allow bool) error {
	origin, err := parseOrigin(origin)
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, known := g.state.Origins[origin]; !known && len(g.state.Origins) >= MaxOrigins {
		return fmt.Errorf("keys: %d web clients are decided about already", MaxOrigins)
	}
	g.waiting = slices.DeleteFunc(g.waiting, func(o string) bool { return o == origin })
	g.state.Origins[origin] = allow
	return g.save()
}

// parseOrigin gives the form in which browsers send it (RFC 6454).
func parseOrigin(s string) (string, error) {
	u, err := url.Parse(strings.TrimSuffix(s, "/"))
	if err != nil || len(s) > maxOriginSize || u.Scheme == "" || u.Host == "" || u.Path+u.RawQuery+u.Fragment != "" || u.User != nil {
		return "", fmt.Errorf("keys: %.60q is not the address of a web client; it looks like https://example.org", s)
	}
	return u.Scheme + "://" + strings.ToLower(u.Host), nil
}

// Origins gives the web clients decided about, and those that wait.
func (g *Gate) Origins() (decided map[string]bool, waiting []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	decided = make(map[string]bool, len(g.state.Origins))
	for o, ok := range g.state.Origins {
		decided[o] = ok
	}
	return decided, slices.Clone(g.waiting)
}
