//go:build linux

package testkit

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Packet is one UDP or TCP packet that was seen on the bridge.
type Packet struct {
	From, To netip.AddrPort
	Protocol string // "udp" or "tcp"
}

// MDNS says whether the packet speaks to the neighbourhood (RFC 6762).
func (p Packet) MDNS() bool { return p.Protocol == "udp" && p.To.Port() == 5353 }

// Wire is an ear on the cables of a bridge.
type Wire struct {
	mu   sync.Mutex // guards seen
	seen []Packet
}

const (
	frameBytes  = 128                    // of each frame that are looked at
	readTimeout = 100 * time.Millisecond // how soon listening ends when the story does
)

// Listens hears every packet on the bridge from now on until the story ends.
func (w *World) Listens() *Wire {
	w.t.Helper()
	fd, err := within(w.wire.hub(), func() (int, error) {
		return unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(htons(unix.ETH_P_ALL)))
	})
	if err == nil {
		tv := unix.NsecToTimeval(readTimeout.Nanoseconds())
		err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv)
	}
	if err != nil {
		w.t.Fatalf("testkit: listening on the bridge: %v", err)
	}
	wire, stop, done := &Wire{}, make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		wire.hear(fd, stop)
	}()
	w.t.Cleanup(func() { close(stop); <-done; unix.Close(fd) })
	return wire
}

func htons(v uint16) uint16 { return v<<8 | v>>8 }

func (w *Wire) hear(fd int, stop <-chan struct{}) {
	frame := make([]byte, frameBytes)
	for {
		select {
		case <-stop:
			return
		default:
		}
		n, _, err := unix.Recvfrom(fd, frame, 0)
		if err != nil {
			continue // the timeout, or a signal
		}
		if p, ok := parseFrame(frame[:n]); ok {
			w.mu.Lock()
			w.seen = append(w.seen, p)
			w.mu.Unlock()
		}
	}
}

// parseFrame reads the addresses and ports of a UDP or TCP packet in an
// Ethernet frame; IPv6 extension headers are not looked into.
func parseFrame(f []byte) (Packet, bool) {
	const ethernet, ip4, ip6 = 14, 20, 40 // bytes of the headers
	be := binary.BigEndian
	if len(f) < ethernet+ip6+4 {
		return Packet{}, false
	}
	body := f[ethernet:]
	var protocol byte
	var from, to netip.Addr
	switch be.Uint16(f[12:]) {
	case unix.ETH_P_IP:
		protocol = body[9]
		from, to = netip.AddrFrom4([4]byte(body[12:16])), netip.AddrFrom4([4]byte(body[16:20]))
		body = body[ip4:]
	case unix.ETH_P_IPV6:
		protocol = body[6]
		from, to = netip.AddrFrom16([16]byte(body[8:24])), netip.AddrFrom16([16]byte(body[24:40]))
		body = body[ip6:]
	}
	name := map[byte]string{unix.IPPROTO_UDP: "udp", unix.IPPROTO_TCP: "tcp"}[protocol]
	p := Packet{Protocol: name, From: netip.AddrPortFrom(from, be.Uint16(body)), To: netip.AddrPortFrom(to, be.Uint16(body[2:]))}
	return p, name != ""
}

// Heard gives the packets that were seen so far, each once for every cable it crossed.
func (w *Wire) Heard() []Packet {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Packet(nil), w.seen...)
}

// String says what was heard, for a failure.
func (p Packet) String() string { return fmt.Sprintf("%s %s -> %s", p.Protocol, p.From, p.To) }
