// Package web is the door for people: the app, the JSON API behind it
// (docs/protocol/api.md) and the live stream of what changes.
//
// It makes the shapes that the app shows out of signed events, and event
// templates out of what a person writes. It keeps nothing: what it needs of
// the node it asks for through the small contracts in contracts.go.
package web

import (
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Server answers the app, its API and its live stream. It is safe for
// concurrent use. Close it before the contracts behind it go away.
type Server struct {
	Config
	app     *app
	handler http.Handler
	circles circles
	writing sync.Mutex    // one read-change-publish of a replaceable event at a time
	live    atomic.Int32  // open streams
	done    chan struct{} // closed by Close; ends the streams
	close   func()
}

// New makes the door. It reads the app's files once.
func New(c Config) (*Server, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	app, err := newApp(c.App)
	if err != nil {
		return nil, err
	}
	s := &Server{Config: c, app: app, done: make(chan struct{})}
	cancel := s.watchFollows()
	s.close = sync.OnceFunc(func() { close(s.done); cancel() })
	s.handler = s.guard(s.routes())
	return s, nil
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Close ends every open stream. Requests that come later are still answered.
func (s *Server) Close() { s.close() }

var _ http.Handler = (*Server)(nil)
