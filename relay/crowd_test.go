package relay_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"mural/relay"
)

// Memory of one connection in bytes, both ends of the pipe included: four
// goroutines of the relay and what they hold, and the test's own end.
const (
	idleBytes  = 64 << 10
	lorisBytes = 96 << 10 // with a message of which a hundred bytes have come
)

// TestACrowdOfIdleConnections: 10,000 connections that say nothing, and 1,000
// that announce a long message and send a hundred bytes of it, take what the
// constants above say each; the slow ones are cut, the silent ones stay.
func TestACrowdOfIdleConnections(t *testing.T) {
	silent, slow := 10_000, 1_000
	if testing.Short() {
		silent, slow = 1_000, 100
	}
	server, listener := crowd(t, silent+slow)
	before := memoryInUse()
	for range silent {
		listener.connect(t)
	}
	until(t, "all are in", func() bool { return server.Stats().Connections == silent })
	each := (memoryInUse() - before) / int64(silent)
	t.Logf("a silent connection takes %d bytes", each)
	if each > idleBytes {
		t.Errorf("a silent connection takes %d bytes, at most %d are stated", each, idleBytes)
	}

	before = memoryInUse()
	for range slow {
		c := listener.connect(t)
		// A text frame of 500,000 bytes, the mask, and a hundred of them.
		head := []byte{0x81, 0xff, 0, 0, 0, 0, 0, 7, 0xa1, 0x20, 0, 0, 0, 0}
		if _, err := c.Write(append(head, strings.Repeat(" ", 100)...)); err != nil {
			t.Fatal(err)
		}
	}
	each = (memoryInUse() - before) / int64(slow)
	t.Logf("a slow message takes %d bytes", each)
	if each > lorisBytes {
		t.Errorf("a slow message takes %d bytes, at most %d are stated", each, lorisBytes)
	}
	until(t, "the slow ones are cut and the silent ones stay", func() bool { return server.Stats().Connections == silent })
}

// memoryInUse gives the bytes of heap and stacks after a collection.
func memoryInUse() int64 {
	runtime.GC()
	runtime.GC() // the first empties the pools
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// crowd runs a relay that takes n connections from one address, over pipes: so
// many sockets are more than a process may open in most places.
func crowd(t *testing.T, n int) (*relay.Server, *pipes) {
	t.Helper()
	server := relay.New(relay.Config{
		Identify: func(*http.Request) relay.Visitor { return relay.Visitor{Remote: "192.0.2.1:99"} },
		Limits:   relay.Limits{MaxConnections: 2 * n, MaxPerIP: n, FrameTimeout: 3 * time.Second},
	}, &memory{})
	p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	web := &http.Server{Handler: server}
	served := make(chan struct{})
	go func() { defer close(served); web.Serve(p) }()
	t.Cleanup(func() {
		for _, c := range p.clients {
			c.Close()
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := server.Close(ctx); err != nil {
			t.Errorf("closing the relay: %v", err)
		}
		web.Close()
		<-served
	})
	return server, p
}

// pipes is a listener whose connections stay inside the process.
type pipes struct {
	conns   chan net.Conn
	done    chan struct{}
	clients []net.Conn
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.done); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// connect opens one websocket.
func (p *pipes) connect(t *testing.T) net.Conn {
	t.Helper()
	client, relay := net.Pipe()
	p.clients = append(p.clients, client)
	p.conns <- relay
	fmt.Fprintf(client, "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReaderSize(client, 512), nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("handshake: %v, %v", res, err)
	}
	return client
}
