// Package relay is the door for Nostr clients: a websocket relay on the node's
// one port (NIP-01 and its friends) with its information document (NIP-11).
//
// It knows messages, limits and who may see what. Whether an event is true,
// wanted and kept is decided behind the Node contract: the relay carries
// events to Accept, questions to Query and Count, and live events back.
package relay

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"mural/event"
)

// Node is what the relay needs of the node behind it. All methods are safe for
// concurrent use.
type Node interface {
	// Accept gives one verdict per event, in order. It keeps the events.
	Accept(context.Context, event.Source, []*event.Event) []event.Verdict
	// Query gives stored events, newest first, without duplicates.
	Query(context.Context, ...event.Filter) ([]*event.Event, error)
	// Count says how many stored events match.
	Count(context.Context, ...event.Filter) (int, error)
	// Subscribe calls deliver for each event accepted from now on that
	// matches. An event must be visible to Query before it is delivered.
	// The relay's deliver never blocks.
	Subscribe(filters []event.Filter, deliver func(*event.Event)) (cancel func())
}

// Stamper is what a Node may do besides, so that clients can reconcile with it
// (NIP-77). Stamps gives the stamps of all stored events that match, ascending
// by (created_at, id), each once, without regard to any limit.
type Stamper interface {
	Stamps(context.Context, ...event.Filter) ([]event.Stamp, error)
}

// Visitor says who opened a connection, as the node's gate sees it.
type Visitor struct {
	Owner         bool   // came with the owner's session
	Local         bool   // a program on this machine
	Origin        string // the Origin header; "" for programs
	OriginAllowed bool   // the app's own origin, or one that the owner allowed
	Remote        string // address of the other end, with or without a port
}

// foreign says that a web page brought this visitor which the owner does not
// know. It loses every right that a cookie or the loopback address would give.
func (v Visitor) foreign() bool { return v.Origin != "" && !v.OriginAllowed }

// Config is what a relay is made of. The zero value of each field has a
// working default.
type Config struct {
	// Identify says who is there. The caller has checked the Host header
	// before (DNS rebinding). By default a program on loopback without an
	// Origin is local, and every web page is foreign.
	Identify func(*http.Request) Visitor
	Info     Info
	Limits   Limits
	Now      func() time.Time
	Rand     io.Reader // challenges are drawn from it; crypto/rand by default
	Log      *slog.Logger
	// OnOrigin is called when a page of an unknown origin wants to publish,
	// so that the app can ask the owner once. It must not block.
	OnOrigin func(origin string)
	// URL gives this relay's address as that client wrote it (NIP-42). By
	// default it is made from the Host header.
	URL func(*http.Request) string
	// Search says that Query answers NIP-50 searches. Without it a filter
	// with a search is refused.
	Search bool
}

// Server answers websocket connections and information requests. It is safe
// for concurrent use.
type Server struct {
	config Config
	node   Node

	ctx  context.Context // ends when Close gave up waiting
	stop context.CancelFunc
	wg   sync.WaitGroup // one per connection

	mu     sync.Mutex // guards all but dropped
	open   int        // connections counted in, their handshake may be under way
	conns  map[*conn]struct{}
	perIP  map[string]int
	closed bool

	dropped atomic.Uint64
	watched atomic.Int64 // values that open subscriptions and reconciliations name
	sets    shelf
}

// New makes a relay before node. Close ends it.
func New(config Config, node Node) *Server {
	ctx, stop := context.WithCancel(context.Background())
	return &Server{
		config: config.withDefaults(),
		node:   node,
		ctx:    ctx,
		stop:   stop,
		conns:  make(map[*conn]struct{}),
		perIP:  make(map[string]int),
		sets:   newShelf(),
	}
}

// Wants says whether a request on the node's shared address is the relay's
// business: a websocket upgrade, or a request for the NIP-11 document.
func Wants(r *http.Request) bool { return isUpgrade(r) || wantsInfo(r) || isPreflight(r) }

// ServeHTTP answers the requests that Wants names and refuses all others. A
// websocket is served until it ends.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case isUpgrade(r):
		s.serveSocket(w, r)
	case wantsInfo(r), isPreflight(r):
		s.serveInfo(w, r)
	default:
		http.Error(w, "This address speaks the Nostr relay protocol over websocket.", http.StatusUpgradeRequired)
	}
}

// Close refuses new connections, answers what has arrived on the open ones and
// closes them. It waits until all have ended; when ctx ends first, it cuts them.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	for c := range s.conns {
		c.end(goingAway)
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() { s.wg.Wait(); close(done) }()
	select {
	case <-done:
		s.stop()
		s.sets.clear()
		return nil
	case <-ctx.Done():
	}
	s.stop()
	s.cutAll()
	<-done
	s.sets.clear()
	return ctx.Err()
}

func (s *Server) cutAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.wire.Close()
	}
}

// Stats are figures of a running relay.
type Stats struct {
	Connections int    // open now
	Dropped     uint64 // connections dropped because they read too slowly
}

// Stats gives the figures of this moment.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{Connections: len(s.conns), Dropped: s.dropped.Load()}
}
