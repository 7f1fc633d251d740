package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"mural/blob"
	"mural/blossom"
	"mural/media"
	"mural/relay"
	"mural/ui"
	"mural/web"
)

// Times of the one port. Uploads and streams set their own.
const (
	headTimeout  = 10 * time.Second // to send a request's head
	idleTimeout  = 2 * time.Minute  // between requests of one connection
	closeTimeout = 3 * time.Second  // to finish what is under way when the node stops
	maxHeadBytes = 64 << 10         // bytes of a request's head (a Blossom token is up to 64 KiB in base64)
)

// doors are what hangs on the one port.
type doors struct {
	relay   *relay.Server
	blossom *blossom.Server
	web     *web.Server
	servers []*http.Server
	unwatch func()
}

// openDoors makes the doors. They answer through Handler; Serve opens the port.
func (n *Node) openDoors() (err error) {
	n.doors.web, err = web.New(web.Config{
		Events: n, Author: n, Library: n, Blobs: n, Keeping: n, Neighbours: n, Invitations: n, Watcher: n,
		Node: n, Gate: gate{n}, App: ui.FS(), BlobBase: n.cfg.BlobBase, Log: n.log, Now: n.now,
	})
	if err != nil {
		return fmt.Errorf("node: the app: %w", err)
	}
	n.doors.relay = relay.New(relay.Config{
		Identify: n.relayVisitor, Info: n.relayInfo(), Limits: n.relayLimits(), Now: n.now, Log: n.log, OnOrigin: n.originAsks, Search: true,
	}, n)
	n.doors.blossom = blossom.New(blossom.Config{
		Blobs: keptBlobs{n.blobs, n}, Owners: countedOwners{n.blobs, n}, Import: importer{n}, Allow: n.allowUpload, Location: media.Location, Sniff: media.Sniff,
		Fetch: n.fetchForReader, MayFetch: n.mayFetch, IsMe: n.gate.IsMe, Now: n.now, Log: n.log,
	})
	return nil
}

// Handler answers everything on the node's one port.
func (n *Node) Handler() http.Handler { return http.HandlerFunc(n.route) }

func (n *Node) route(w http.ResponseWriter, r *http.Request) {
	v := n.gate.Identify(r)
	switch {
	case r.URL.Path == "/" && relay.Wants(r):
		if !v.HostOK { // DNS rebinding: the page's own name is not ours
			http.Error(w, "This node does not answer to that name.", http.StatusForbidden)
			return
		}
		n.doors.relay.ServeHTTP(w, r)
	case n.doors.blossom.Owns(r.URL.Path):
		if !v.HostOK {
			http.Error(w, "This node does not answer to that name.", http.StatusForbidden)
			return
		}
		n.doors.blossom.ServeHTTP(w, r)
	case r.URL.Path == "/metrics":
		n.serveMetrics(w, r)
	case r.URL.Path == "/api/link":
		n.serveLink(w, r)
	default:
		n.doors.web.ServeHTTP(w, r)
	}
}

// Serve opens the port and answers until Close. It returns once the port is open.
func (n *Node) Serve() error {
	addrs, err := listenAddrs(n.cfg.Listen, n.cfg.Port)
	if err != nil {
		return err
	}
	for i, addr := range addrs {
		l, err := net.Listen("tcp", addr)
		if err != nil && i > 0 && !errors.Is(err, syscall.EADDRINUSE) {
			continue // a machine without IPv6
		}
		if err != nil {
			return portProblem(err, n.cfg.Port, "--port")
		}
		n.serveOn(l)
	}
	return n.home.announce(Running{PID: pid(), URL: n.URL(), Version: Version(), Since: n.started})
}

func (n *Node) serveOn(l net.Listener) {
	srv := &http.Server{Handler: n.Handler(), ReadHeaderTimeout: headTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeadBytes}
	n.doors.servers = append(n.doors.servers, srv)
	n.work.Go(func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			n.log.Error("the port closed", "err", err)
		}
	})
}

// listenAddrs: loopback is two addresses, so that "localhost" works however it resolves.
func listenAddrs(host string, port int) ([]string, error) {
	p := strconv.Itoa(port)
	if host == "localhost" {
		return []string{net.JoinHostPort("127.0.0.1", p), net.JoinHostPort("::1", p)}, nil
	}
	if net.ParseIP(host) == nil {
		return nil, fmt.Errorf("node: --listen %q is not an address; use 127.0.0.1, or 0.0.0.0 to let guests on this network read", host)
	}
	return []string{net.JoinHostPort(host, p)}, nil
}

// portProblem says who has a port and what to type.
func portProblem(err error, port int, flag string) error {
	// libp2p tells why it cannot listen in words only, so the system is asked too.
	if !errors.Is(err, syscall.EADDRINUSE) && listenerInode(port) == "" {
		return fmt.Errorf("node: opening port %d: %w", port, err)
	}
	who := portHolder(port)
	if who == "" {
		who = "another program"
	}
	return fmt.Errorf("port %d is in use by %s; choose another: mural run %s %d", port, who, flag, port+100)
}

// URL is where the app answers.
func (n *Node) URL() string { return "http://localhost:" + strconv.Itoa(n.cfg.Port) }

// RelayURL is where Nostr clients on this machine connect.
func (n *Node) RelayURL() string { return "ws://localhost:" + strconv.Itoa(n.cfg.Port) }

// Link makes a sign-in link for a browser of the owner. It works once.
func (n *Node) Link() string { return n.URL() + "/#k=" + n.gate.NewLink() }

func (n *Node) serveLink(w http.ResponseWriter, r *http.Request) {
	if v := n.gate.Identify(r); !v.Owner || r.Method != http.MethodPost {
		http.Error(w, `{"error":{"code":"owner-only","message":"Only the owner may make a sign-in link.","next":"Type: mural open"}}`, http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, "{\"link\":%q}\n", n.Link())
}

func (n *Node) closeDoors() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	var errs []error
	if n.doors.web != nil {
		n.doors.web.Close()
	}
	if n.doors.relay != nil {
		errs = append(errs, ignoreDeadline(n.doors.relay.Close(ctx)))
	}
	for _, srv := range n.doors.servers {
		if srv.Shutdown(ctx) != nil {
			errs = append(errs, srv.Close())
		}
	}
	return errors.Join(errs...)
}

func ignoreDeadline(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return nil // what was under way was cut, as Close says
	}
	return err
}

func (n *Node) relayVisitor(r *http.Request) relay.Visitor {
	v := n.gate.Identify(r)
	return relay.Visitor{Owner: v.Owner, Local: v.Local || v.OriginAllowed, Origin: v.Origin, OriginAllowed: v.SameOrigin || v.OriginAllowed, Remote: r.RemoteAddr}
}

func (n *Node) relayInfo() relay.Info {
	info := relay.Info{Name: n.cfg.Name, Description: "A mural node: one person's own relay.", Software: "mural", Version: Version(), RestrictedWrites: !n.cfg.Open}
	if who, ok := n.ring.Person(); ok {
		info.PubKey = who.String()
	}
	return info
}

// relayLimits: an open relay takes what the machine can take.
func (n *Node) relayLimits() relay.Limits {
	if !n.cfg.Open {
		return relay.Limits{}
	}
	return relay.Limits{MessagesPerSecond: 1e6, Burst: 1e6}
}

func (n *Node) originAsks(origin string) {
	if n.gate.Asked(origin) {
		n.watch.tell(web.Change{Me: true})
	}
}

// fetchForReader gets a blob that a reader asked for and that is not here.
func (n *Node) fetchForReader(ctx context.Context, h blob.Hash) error {
	return n.fetchBlob(ctx, n.refOf(ctx, h), nil, blob.MaxBlobBytes)
}

// mayFetch: only the owner and the owner's programs make this node ask others.
func (n *Node) mayFetch(r *http.Request) bool {
	v := n.gate.Identify(r)
	return v.Owner || v.Local || v.OriginAllowed
}

// importer is the library as Blossom's /media sees it.
type importer struct{ n *Node }

func (i importer) Import(ctx context.Context, r io.Reader, _ string) (blob.Info, error) {
	m, err := i.n.takeIn(ctx, r, i.n.cfg.KeepOriginals)
	if err != nil {
		return blob.Info{}, fits(err)
	}
	return i.n.blobs.Stat(blob.Hash(m.Hash))
}

// gate is keys.Gate as the app's door sees it.
type gate struct{ n *Node }

func (g gate) Identify(r *http.Request) web.Visitor {
	v := g.n.gate.Identify(r)
	return web.Visitor{Owner: v.Owner, Local: v.Local, Origin: v.Origin, OriginAllowed: v.SameOrigin || v.OriginAllowed, HostOK: v.HostOK}
}

func (g gate) SignIn(w http.ResponseWriter, _ *http.Request, token string) error {
	if err := g.n.gate.SignIn(w, token); err != nil {
		return &web.Problem{Status: 401, Code: "link-used", Message: "This sign-in link was used before or is too old.", Next: "Get a fresh one in the terminal: mural open"}
	}
	return nil
}

func (g gate) SignOut(w http.ResponseWriter, r *http.Request) {
	if err := g.n.gate.SignOut(w, r); err != nil {
		g.n.log.Error("session not ended on disk", "err", err)
	}
}
