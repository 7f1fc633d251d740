package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"

	"mural/event"
)

// conn is one client. Four goroutines share it: one reads messages ahead, one
// answers them in order, one writes, one keeps the connection alive. Live
// events come in from any goroutine through its subscriptions.
type conn struct {
	server  *Server
	socket  *websocket.Conn
	wire    *wire
	visitor Visitor
	host    string // this relay as the client addresses it (NIP-42)
	out     *outbox

	in       chan *bytes.Buffer
	inBudget *semaphore.Weighted
	lastRead atomic.Int64 // Unix nanoseconds; of the reading goroutine's last message
	stalled  atomic.Bool  // the reading goroutine waits for the answering one

	ending atomic.Pointer[ending] // set where this side ends the connection
	keys   atomic.Pointer[[]event.PubKey]

	reconciling reconciliations
	watched     atomic.Int64 // values that what is open here names

	// The rest belongs to the answering goroutine.
	limiter   *rate.Limiter // nil: not limited here
	refused   int           // rate-limited answers in a row
	challenge string        // "" until one was sent
	asked     bool          // the owner was told of this page's origin
	subs      map[string]*subscription
	pending   []publication
}

// ending is why this side closes a connection.
type ending struct {
	code   websocket.StatusCode
	reason string
}

var (
	goingAway = ending{websocket.StatusGoingAway, "the relay shuts down"}
	tooSlow   = ending{websocket.StatusTryAgainLater, "reading too slowly, ask again from where you are"}
	tooMuch   = ending{websocket.StatusPolicyViolation, "rate-limited: far too many messages"}
	notText   = ending{websocket.StatusUnsupportedData, "messages are text"}
	tooBig    = ending{websocket.StatusMessageTooBig, "the message is over the limit"}
)

func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request) {
	visitor := s.config.Identify(r)
	if visitor.foreign() {
		visitor.Owner, visitor.Local = false, false
	}
	release, ok := s.admit(visitor)
	if !ok {
		w.Header().Set("Retry-After", "60")
		http.Error(w, "Too many connections from your address, or to this relay. Try again in a minute.", http.StatusTooManyRequests)
		return
	}
	defer release()
	up := &upgrade{ResponseWriter: w, timeout: s.config.Limits.WriteTimeout}
	socket, err := websocket.Accept(up, r, &websocket.AcceptOptions{
		InsecureSkipVerify: true, // a foreign origin is let in as a guest: see Visitor.foreign
		CompressionMode:    websocket.CompressionDisabled,
	})
	if err != nil {
		s.config.Log.DebugContext(r.Context(), "websocket refused", "remote", visitor.Remote, "err", err)
		return
	}
	c := s.newConn(socket, up.wire, visitor, relayHost(s.config.URL(r)))
	if s.enter(c) {
		defer s.leave(c)
		c.serve(s.ctx)
	}
	up.wire.Close()
}

func (s *Server) newConn(socket *websocket.Conn, w *wire, v Visitor, host string) *conn {
	limits := s.config.Limits
	socket.SetReadLimit(-1) // readFrame has the limit, and can say so
	c := &conn{
		server: s, socket: socket, wire: w, visitor: v, host: host,
		out:      newOutbox(limits.OutMessages, limits.OutBytes),
		in:       make(chan *bytes.Buffer, inboxFrames),
		inBudget: semaphore.NewWeighted(inboxBytes),
		subs:     make(map[string]*subscription),
	}
	if !v.Owner && !v.Local {
		c.limiter = rate.NewLimiter(rate.Limit(limits.MessagesPerSecond), limits.Burst)
	}
	return c
}

// admit counts a connection in, before its handshake is answered.
func (s *Server) admit(v Visitor) (release func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key, limits := ipKey(v.Remote), s.config.Limits
	if v.foreign() {
		key = v.Origin // a page comes from this machine's own browser
	}
	full := s.perIP[key] >= limits.MaxPerIP && (v.foreign() || !isLoopback(v.Remote))
	total := limits.MaxConnections
	if !v.Owner && !v.Local {
		total -= total / ownShare
	}
	if s.closed || full || s.open >= total {
		return nil, false
	}
	s.open++
	s.perIP[key]++
	s.wg.Add(1)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.open--
		if s.perIP[key]--; s.perIP[key] == 0 {
			delete(s.perIP, key)
		}
		s.wg.Done()
	}, true
}

func (s *Server) enter(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

func (s *Server) leave(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

// serve runs the connection until it has ended. What the client sent before it
// went is still taken in; only the answers have nowhere to go then.
func (c *conn) serve(parent context.Context) {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	var answering, rest sync.WaitGroup
	answering.Go(func() { c.answer(ctx) })
	written := make(chan struct{})
	rest.Go(func() { defer close(written); c.write(ctx) })
	rest.Go(func() { c.keepAlive(ctx) })

	c.read(ctx)
	close(c.in)
	if c.ending.Load() == nil {
		c.out.drop(nil)
		cancel()
	}
	cut := time.AfterFunc(closeTimeout, func() { c.wire.Close() })
	defer cut.Stop()
	answering.Wait()
	c.out.finish()
	if e := c.ending.Load(); e != nil {
		<-written // at the latest when the wire is cut
		c.wire.SetReadDeadline(time.Now().Add(byeTimeout))
		c.socket.Close(e.code, e.reason)
	}
	cancel()
	c.wire.Close()
	rest.Wait()
	c.socket.CloseNow()
}

// end closes the connection from this side. It does not wait. Only the first
// call counts; it says whether this one did.
func (c *conn) end(e ending) bool {
	if !c.ending.CompareAndSwap(nil, &e) {
		return false
	}
	c.wire.SetReadDeadline(time.Unix(1, 0)) // the reading goroutine returns, the others follow
	return true
}

// dropSlow ends a connection whose reader has used up its budget.
func (c *conn) dropSlow() {
	c.out.drop(noticeMessage("error: you read more slowly than events come in; the connection is closed, ask again with since"))
	if c.end(tooSlow) {
		c.server.dropped.Add(1)
	}
}

// read takes messages from the websocket until it ends.
func (c *conn) read(ctx context.Context) {
	tooLate := time.AfterFunc(time.Hour, func() { c.wire.Close() })
	defer tooLate.Stop()
	for {
		tooLate.Stop()
		kind, r, err := c.socket.Reader(context.Background())
		if err != nil {
			return
		}
		tooLate.Reset(c.server.config.Limits.FrameTimeout)
		frame, err := c.readFrame(kind, r)
		tooLate.Stop()
		if err != nil || !c.hand(ctx, frame) {
			return
		}
	}
}

var errRefusedFrame = errors.New("relay: not a message")

// readFrame reads one message. It reads no further than the limit: what is
// left is thrown away while the connection closes.
func (c *conn) readFrame(kind websocket.MessageType, r io.Reader) (*bytes.Buffer, error) {
	if kind != websocket.MessageText {
		c.end(notText)
		return nil, errRefusedFrame
	}
	limit := int64(c.server.config.Limits.MaxFrameBytes)
	frame := frames.Get().(*bytes.Buffer)
	n, err := frame.ReadFrom(io.LimitReader(r, limit+1))
	if err == nil && n > limit {
		c.out.push(outItem{head: noticeMessage(fmt.Sprintf("invalid: a message has at most %d bytes", limit))})
		c.end(tooBig)
		err = errRefusedFrame
	}
	if err != nil {
		putFrame(frame)
		return nil, err
	}
	return frame, nil
}

// hand passes a message to the answering goroutine, waiting for room.
func (c *conn) hand(ctx context.Context, frame *bytes.Buffer) bool {
	c.stalled.Store(true)
	defer func() {
		c.stalled.Store(false)
		c.lastRead.Store(c.server.config.Now().UnixNano())
	}()
	if c.inBudget.Acquire(ctx, frameCost(frame)) != nil {
		return false
	}
	select {
	case c.in <- frame:
		return true
	case <-ctx.Done():
		return false
	}
}

// frames are the buffers that messages are read into.
var frames = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// largeFrame is a buffer, in bytes, that is not worth keeping.
const largeFrame = 64 << 10

func putFrame(b *bytes.Buffer) {
	if b.Cap() <= largeFrame {
		b.Reset()
		frames.Put(b)
	}
}

func frameCost(b *bytes.Buffer) int64 { return int64(min(b.Len(), inboxBytes)) }

// write sends what the outbox holds until that ends.
func (c *conn) write(ctx context.Context) {
	var batch []outItem
	for {
		var more bool
		if batch, more = c.out.take(ctx, batch[:0]); !more {
			return
		}
		if err := c.send(batch); err != nil {
			c.wire.Close()
			return
		}
		c.out.written(batch)
		batch = keepShort(batch)
	}
}

func (c *conn) send(batch []outItem) error {
	message := getBuffer()
	defer putBuffer(message)
	c.wire.cork()
	for _, item := range batch {
		*message = append(append((*message)[:0], item.head...), item.body...)
		if item.body != nil {
			*message = append(*message, ']')
		}
		// The wire has its own time limit: a context would cost a
		// goroutine's worth of bookkeeping per message.
		if err := c.socket.Write(context.Background(), websocket.MessageText, *message); err != nil {
			return err
		}
	}
	return c.wire.uncork()
}

// keepAlive pings a client that has been silent, so that routers on the way
// remember the connection and a dead one is noticed.
func (c *conn) keepAlive(ctx context.Context) {
	limits := c.server.config.Limits
	tick := time.NewTicker(limits.PingEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		silent := c.server.config.Now().UnixNano() - c.lastRead.Load()
		if c.stalled.Load() || silent < int64(limits.PingEvery) {
			continue
		}
		if c.ping(ctx, limits.PongWithin) != nil && !c.stalled.Load() {
			c.wire.Close()
			return
		}
	}
}

func (c *conn) ping(ctx context.Context, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return c.socket.Ping(ctx)
}
