package peer

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"mural/blob"
)

// frameType names a frame. Frames of a type at or above frameOptional that a
// node does not know are skipped; any other unknown type ends the stream.
type frameType byte

const (
	frameHello   frameType = 1
	frameWants   frameType = 2
	frameReady   frameType = 3
	frameEvents  frameType = 4
	framePing    frameType = 5
	framePong    frameType = 6
	frameLagging frameType = 7
	frameBye     frameType = 8

	frameOpen      frameType = 16
	frameReconcile frameType = 17
	frameNeed      frameType = 18
	frameEnd       frameType = 19

	frameAsk    frameType = 32
	frameHave   frameType = 33
	frameList   frameType = 34
	frameChunk  frameType = 35
	frameData   frameType = 36
	frameRefuse frameType = 37

	frameOptional frameType = 128
)

const (
	frameHeader   = 5       // a type byte and a four-byte big-endian length
	maxBye        = 256     // bytes of a reason
	maxOptional   = 4 << 10 // bytes of a frame of unknown type that may be skipped
	growStep      = 64 << 10
	maxEventsBody = maxBatchBytes + 132<<10 // a full batch and one event of the largest size
)

// maxPayload is the largest payload of each frame type, in bytes. Types that
// are not named carry none.
var maxPayload = map[frameType]int{
	frameHello:     600 << 10,
	frameWants:     2400 << 10,
	frameReady:     4,
	frameEvents:    maxEventsBody,
	frameBye:       maxBye,
	frameOpen:      reconcileFrame + 4,
	frameReconcile: reconcileFrame,
	frameNeed:      32 * maxNeedIDs,
	frameAsk:       32,
	frameHave:      haveHeader + blob.MaxListBytes/blob.HashBytes/8,
	frameList:      64,
	frameChunk:     68,
	frameData:      blob.MaxListBytes,
	frameRefuse:    maxBye,
}

var knownEmpty = map[frameType]bool{framePing: true, framePong: true, frameLagging: true, frameEnd: true}

// A Fault is a breach of the protocol: the peer that commits it is dropped and left alone for a while.
type Fault struct{ Reason string }

func (f *Fault) Error() string { return f.Reason }

func faultf(format string, args ...any) error { return &Fault{fmt.Sprintf(format, args...)} }

// deadliner is the part of a stream that frames need.
type deadliner interface {
	io.ReadWriter
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// meter counts what passed between this node and one peer. It is shared by all their streams.
type meter struct {
	in, out atomic.Int64
	heard   atomic.Int64 // Unix nanoseconds of the last byte that arrived, by the monotonic-safe process clock
}

// wire reads and writes frames on one stream. One goroutine may read while another writes.
type wire struct {
	s  deadliner
	r  *bufio.Reader
	w  *bufio.Writer
	m  *meter
	hd [frameHeader]byte
}

func newWire(s deadliner, m *meter) *wire {
	w := &wire{s: s, m: m}
	w.r = bufio.NewReaderSize(countReader{s, m}, 8<<10)
	w.w = bufio.NewWriterSize(countWriter{s, m}, 8<<10)
	return w
}

type countReader struct {
	r io.Reader
	m *meter
}

func (c countReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if n > 0 {
		c.m.in.Add(int64(n))
		c.m.heard.Store(time.Now().UnixNano())
	}
	return n, err
}

type countWriter struct {
	w io.Writer
	m *meter
}

func (c countWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.m.out.Add(int64(n))
	return n, err
}

// read waits up to idle for the next frame (0 = without end) and gives its type and payload.
func (w *wire) read(idle time.Duration) (frameType, []byte, error) {
	var until time.Time
	if idle > 0 {
		until = time.Now().Add(idle)
	}
	if err := w.s.SetReadDeadline(until); err != nil {
		return 0, nil, err
	}
	if _, err := w.r.Peek(1); err != nil {
		return 0, nil, err
	}
	if err := w.s.SetReadDeadline(time.Now().Add(bodyTimeout)); err != nil {
		return 0, nil, err
	}
	var hd [frameHeader]byte
	if _, err := io.ReadFull(w.r, hd[:]); err != nil {
		return 0, nil, unexpected(err)
	}
	t, n := frameType(hd[0]), int(binary.BigEndian.Uint32(hd[1:]))
	if err := checkHeader(t, n); err != nil {
		return 0, nil, err
	}
	body, err := readBody(w.r, n)
	return t, body, err
}

func checkHeader(t frameType, n int) error {
	limit, known := maxPayload[t]
	switch {
	case !known && t >= frameOptional:
		limit = maxOptional
	case !known && !knownEmpty[t]:
		return faultf("sent a frame of unknown type %d", t)
	}
	if n > limit {
		return faultf("sent a frame of type %d with %d bytes, over the limit of %d", t, n, limit)
	}
	return nil
}

// readBody takes memory as the bytes arrive, not on the word of the header.
func readBody(r io.Reader, n int) ([]byte, error) {
	if n <= growStep {
		body := make([]byte, n)
		_, err := io.ReadFull(r, body)
		return body, unexpected(err)
	}
	var b bytes.Buffer
	b.Grow(growStep)
	if _, err := io.CopyN(&b, r, int64(n)); err != nil {
		return nil, unexpected(err)
	}
	return b.Bytes(), nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// put writes one frame into the buffer; flush sends what was put.
func (w *wire) put(t frameType, parts ...[]byte) error {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	if err := w.s.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	w.hd[0] = byte(t)
	binary.BigEndian.PutUint32(w.hd[1:], uint32(n))
	if _, err := w.w.Write(w.hd[:]); err != nil {
		return err
	}
	for _, p := range parts {
		if _, err := w.w.Write(p); err != nil {
			return err
		}
	}
	return nil
}

func (w *wire) flush() error {
	if err := w.s.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	return w.w.Flush()
}

// send puts one frame and flushes.
func (w *wire) send(t frameType, parts ...[]byte) error {
	if err := w.put(t, parts...); err != nil {
		return err
	}
	return w.flush()
}
