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
	buf     []byte
	spare   []byte
	err     error
}

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
	for w.writing && w.err == nil && len(w.buf)+len(p) > maxGathered {
		w.drained.Wait()
	}
	if w.err != nil {
		return 0, w.err
	}
	w.buf = append(w.buf, p...)
	if w.writing || w.corked && len(w.buf) < flushBytes {
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
	for w.err == nil && len(w.buf) > 0 {
		out := w.buf
		w.buf = w.spare[:0]
		w.mu.Unlock()
		w.Conn.SetWriteDeadline(time.Now().Add(w.timeout))
		_, err := w.Conn.Write(out)
		w.mu.Lock()
		w.spare = keepSmall(out)
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

// keepSmall lets go of a buffer that a large answer has grown.
func keepSmall(b []byte) []byte {
	if cap(b) > 2*flushBytes {
		return nil
	}
	return b[:0]
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
	return u.wire, bufio.NewReadWriter(bufio.NewReaderSize(u.wire, readBuffer), bufio.NewWriter(u.wire)), nil
}
