package keys

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
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
	cookie  string // "mural_<short id>": two nodes on one host do not disturb each other
	file    string
	now     func() time.Time
	machine map[string]bool // names of this machine
	further map[string]bool // names the owner gave it: a proxy may stand behind them

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
	MaxOrigins    = 1000                 // web clients decided about
	maxOriginSize = 300                  // bytes of an Origin header that we keep
	maxGateFile   = 1 << 20              // bytes of the file of the gate
)

// OpenGate reads sessions and allowed origins from file (made when missing).
// shortID names the cookie; hosts are further names this node answers to. A
// file that is damaged, or that others on this machine may read, is an error.
func OpenGate(file, shortID string, hosts []string, now func() time.Time) (*Gate, error) {
	g := &Gate{cookie: "mural_" + shortID, file: file, now: now, machine: machineNames(), further: map[string]bool{}, links: map[string]time.Time{}}
	for _, h := range hosts {
		g.further[bareName(h)] = true
	}
	return g, g.load()
}

func machineNames() map[string]bool {
	names := map[string]bool{"localhost": true}
	if h, err := os.Hostname(); err == nil && h != "" {
		h = strings.ToLower(h)
		names[h], names[strings.TrimSuffix(h, ".local")+".local"] = true, true
	}
	return names
}

// Identify says who sent r. It reads headers only.
//
// A cookie counts for requests that this node's own pages sent: browsers send
// it along with requests of a page on another port of localhost, too.
func (g *Gate) Identify(r *http.Request) Visitor {
	v := Visitor{Origin: r.Header.Get("Origin"), HostOK: g.hostOK(r.Host), Remote: hostOf(r.RemoteAddr)}
	here := v.HostOK && isLoopback(v.Remote) && noProxy(r) && g.isMachine(bareName(r.Host))
	v.SameOrigin = v.HostOK && v.Origin != "" && sameOrigin(v.Origin, r)
	v.Owner = v.HostOK && (v.Origin == "" || v.SameOrigin) && noForeignPage(r) && g.isOwner(r)
	v.Local = here && v.Origin == "" && noForeignPage(r)
	v.OriginAllowed = here && v.Origin != "" && g.originAllowed(v.Origin)
	return v
}

// hostOK accepts addresses (rebinding needs a name) and the names of this node.
func (g *Gate) hostOK(host string) bool {
	name := bareName(host)
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return g.isMachine(name) || g.further[name]
}

// isMachine says whether a name leads to this machine and to no proxy before
// it. RFC 6761: names under localhost never leave the machine.
func (g *Gate) isMachine(name string) bool {
	if a, err := netip.ParseAddr(name); err == nil {
		return a.Unmap().IsLoopback()
	}
	return g.machine[name] || strings.HasSuffix(name, ".localhost")
}

// IsMe says whether a domain name or address, without a port, names this node:
// this machine, one of its addresses, or a name that the owner gave it. It is
// what a token for this node may be made out to (BUD-11).
func (g *Gate) IsMe(domain string) bool {
	name := bareName(domain)
	return g.isMachine(name) || g.further[name] || isOwnAddress(name)
}

func isOwnAddress(name string) bool {
	a, err := netip.ParseAddr(name)
	if err != nil {
		return false
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	return slices.ContainsFunc(own, func(n net.Addr) bool {
		p, err := netip.ParsePrefix(n.String())
		return err == nil && p.Addr().Unmap() == a.Unmap()
	})
}

// bareName drops the port, the brackets of IPv6 and the dot of a full domain name.
func bareName(host string) string {
	h := strings.Trim(hostOf(host), "[]")
	return strings.ToLower(strings.TrimSuffix(h, "."))
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
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.User != nil {
		return false
	}
	return strings.EqualFold(u.Host, r.Host)
}

// noForeignPage: a page's plain GET has no Origin, but browsers say which site
// the page is of. Programs say nothing.
func noForeignPage(r *http.Request) bool {
	s := r.Header.Get("Sec-Fetch-Site")
	return s == "" || s == "none" || s == "same-origin"
}

// proxyHeaders are what proxies add. Nobody else has a reason to.
var proxyHeaders = []string{
	"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Server",
	"X-Real-Ip", "X-Client-Ip", "True-Client-Ip", "Cf-Connecting-Ip", "X-Original-Host",
}

// noProxy: behind a proxy on this machine everybody seems to come from loopback.
func noProxy(r *http.Request) bool {
	return !slices.ContainsFunc(proxyHeaders, func(h string) bool { return len(r.Header.Values(h)) > 0 })
}
