package relay

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"sync"
	"time"
)

// wire is the TCP connection under a websocket. It gathers the frames written
// between cork and uncork, so that an answer of a hundred events takes two
// system calls and not a hundred. Frames written meanwhile from elsewhere
// (pongs, a close) ride along and never wait for a slow reader.
type wire struct {
	net.Conn
	timeout time.Duration // for one hand-over to the kernel

	early *bytes.Reader // what the HTTP server had read ahead; the reading goroutine's own

	mu      sync.Mutex // guards all below; not held while the kernel takes bytes
	drained sync.Cond  // writing became false
	corked  bool
	writing bool
	buf     *[]byte // nil while there is nothing to hand on
	err     error
}

// headBuffer, in bytes, holds a frame of the usual size in one piece; the wire
// gathers frames, so nothing is won by a larger one.
const headBuffer = 2 << 10

// maxGathered bounds what rides along while the kernel takes nothing, in bytes.
const maxGathered = 4 * flushBytes

func newWire(conn net.Conn, early []byte, timeout time.Duration) *wire {
	w := &wire{Conn: conn, timeout: timeout, early: bytes.NewReader(early)}
	w.drained.L = &w.mu
	return w
}

// Read gives what was read ahead, then what the connection brings.
func (w *wire) Read(p []byte) (int, error) {
	if w.early.Len() > 0 {
		return w.early.Read(p)
	}
	return w.Conn.Read(p)
}

// Write takes p. It hands the bytes on unless the wire is corked or somebody
// else is just handing on.
func (w *wire) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.writing && w.err == nil && w.buf != nil && len(*w.buf)+len(p) > maxGathered {
		w.drained.Wait()
	}
	if w.err != nil {
		return 0, w.err
	}
	if w.buf == nil {
		w.buf = getBuffer()
	}
	*w.buf = append(*w.buf, p...)
	if w.writing || w.corked && len(*w.buf) < flushBytes {
		return len(p), nil
	}
	return len(p), w.flush()
}

func (w *wire) cork() {
	w.mu.Lock()
	w.corked = true
	w.mu.Unlock()
}

func (w *wire) uncork() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.corked = false
	if w.writing {
		return w.err // whoever is writing takes ours along
	}
	return w.flush()
}

// flush hands everything gathered to the kernel. It is called with the lock
// held and gives it up while it waits.
func (w *wire) flush() error {
	w.writing = true
	for w.err == nil && w.buf != nil {
		out := w.buf
		w.buf = nil
		w.mu.Unlock()
		w.Conn.SetWriteDeadline(time.Now().Add(w.timeout))
		_, err := w.Conn.Write(*out)
		putBuffer(out)
		w.mu.Lock()
		if err != nil {
			w.fail(err)
		}
	}
	w.writing = false
	w.drained.Broadcast()
	return w.err
}

// fail ends the wire in both directions: half a frame cannot be taken back.
func (w *wire) fail(err error) {
	w.err = err
	w.Conn.Close()
}

// buffers are lent to connections while they write, so that a thousand idle
// ones hold none.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

func getBuffer() *[]byte { return buffers.Get().(*[]byte) }

// putBuffer takes a buffer back, unless a large answer has grown it.
func putBuffer(b *[]byte) {
	if cap(*b) <= 2*flushBytes {
		*b = (*b)[:0]
		buffers.Put(b)
	}
}

// upgrade is a ResponseWriter that puts a wire under the connection when the
// websocket handshake takes it over.
type upgrade struct {
	http.ResponseWriter
	timeout time.Duration
	wire    *wire
}

// Hijack implements http.Hijacker.
func (u *upgrade) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(u.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	conn.SetDeadline(time.Time{}) // the HTTP server's own do not hold for a websocket
	early, err := rw.Reader.Peek(rw.Reader.Buffered())
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	if err := rw.Writer.Flush(); err != nil {
		conn.Close()
		return nil, nil, err
	}
	u.wire = newWire(conn, bytes.Clone(early), u.timeout)
	return u.wire, bufio.NewReadWriter(bufio.NewReaderSize(u.wire, readBuffer), bufio.NewWriterSize(u.wire, headBuffer)), nil
}
