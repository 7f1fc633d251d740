package keys

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
)

// Visitor is what the gate knows of whoever sent a request. Owner rights come
// from a session or the owner's token alone, never from an address.
type Visitor struct {
	Owner         bool   // has a session of this node, or its token
	Local         bool   // a program on this machine: loopback, no browser behind it, no proxy before it
	Origin        string // the web page that asks, "" for programs
	SameOrigin    bool   // that page is this node's own app
	OriginAllowed bool   // the owner allowed that page once
	HostOK        bool   // the Host header names this node (DNS rebinding)
	Remote        string // host part of the address it came from
}

// Gate says who is at the door: sessions, the owner's token, allowed web
// clients, names this node answers to. It is safe for concurrent use.
type Gate struct {
	cookie string // "mural_<short id>": two nodes on one host do not disturb each other
	file   string
	now    func() time.Time
	hosts  map[string]bool

	mu      sync.Mutex // guards what follows
	state   gateState
	links   map[string]time.Time // one-time link tokens -> when they end
	waiting []string             // origins that asked and were not answered
}

// Limits of the gate.
const (
	MaxSessions   = 50                   // browsers signed in at once; the oldest goes
	MaxWaiting    = 20                   // origins that wait for the owner's word
	LinkLife      = 24 * time.Hour       // how long a printed link can be used, once
	SessionLife   = 400 * 24 * time.Hour // as long as browsers keep a cookie
	MaxLinks      = 100                  // links printed and not used
	maxOriginSize = 300                  // bytes of an Origin header that we keep
)

// OpenGate reads sessions and allowed origins from file (made when missing).
// shortID names the cookie; hosts are further names this node answers to.
func OpenGate(file, shortID string, hosts []string, now func() time.Time) (*Gate, error) {
	g := &Gate{cookie: "mural_" + shortID, file: file, now: now, hosts: ownNames(hosts), links: map[string]time.Time{}}
	return g, g.load()
}

func ownNames(more []string) map[string]bool {
	names := map[string]bool{"localhost": true}
	if h, err := os.Hostname(); err == nil && h != "" {
		h = strings.ToLower(h)
		names[h], names[strings.TrimSuffix(h, ".local")+".local"] = true, true
	}
	for _, h := range more {
		names[strings.ToLower(h)] = true
	}
	return names
}

// Identify says who sent r. It reads headers only.
func (g *Gate) Identify(r *http.Request) Visitor {
	v := Visitor{Origin: r.Header.Get("Origin"), HostOK: g.hostOK(r.Host), Remote: hostOf(r.RemoteAddr)}
	v.SameOrigin = v.HostOK && v.Origin != "" && sameOrigin(v.Origin, r)
	v.Owner = v.HostOK && g.isOwner(r) && (v.Origin == "" || v.SameOrigin)
	v.Local = v.HostOK && v.Origin == "" && isLoopback(v.Remote) && noBrowser(r) && noProxy(r)
	v.OriginAllowed = v.HostOK && v.Origin != "" && isLoopback(v.Remote) && g.originAllowed(v.Origin)
	return v
}

// hostOK accepts addresses (rebinding needs a name) and the names of this node.
func (g *Gate) hostOK(host string) bool {
	h := strings.ToLower(strings.TrimSuffix(hostOf(host), "."))
	if _, err := netip.ParseAddr(strings.Trim(h, "[]")); err == nil {
		return true
	}
	return g.hosts[h] || strings.HasSuffix(h, ".localhost")
}

func hostOf(hostport string) string {
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		return h
	}
	return hostport
}

func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

func sameOrigin(origin string, r *http.Request) bool {
	u, err := url.Parse(origin)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") {
		return false
	}
	return strings.EqualFold(u.Host, r.Host)
}

// noBrowser: a page's plain GET has no Origin, but browsers say where it came from.
func noBrowser(r *http.Request) bool {
	s := r.Header.Get("Sec-Fetch-Site")
	return s == "" || s == "none" || s == "same-origin"
}

// noProxy: behind a proxy on this machine everybody seems to come from loopback.
func noProxy(r *http.Request) bool {
	for _, h := range []string{"X-Forwarded-For", "Forwarded", "Via", "X-Real-Ip"} {
		if r.Header.Get(h) != "" {
			return false
		}
	}
	return true
}
