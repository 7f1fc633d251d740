package peer

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	corepeer "github.com/libp2p/go-libp2p/core/peer"

	"mural/blob"
)

// childEnv makes the test binary a node of its own: its value is the device
// seed in hex, the address to listen on, and the addresses of a peer to dial,
// with spaces between.
const childEnv = "MURAL_PEER_TEST_CHILD"

type nothing struct{ *person }

// child runs a node until it is killed.
func child() {
	args := strings.Fields(os.Getenv(childEnv))
	raw, err := hex.DecodeString(args[0])
	if err != nil {
		panic(err)
	}
	dir, err := os.MkdirTemp("", "mural-peer-child")
	if err != nil {
		panic(err)
	}
	blobs, err := blob.Open(dir, blob.Options{})
	if err != nil {
		panic(err)
	}
	h, err := New(Config{Key: ed25519.NewKeyFromSeed(raw), Listen: args[1:2]}, newMemory(), nothing{&person{}}, blobs)
	if err != nil {
		panic(err)
	}
	if len(args) > 2 {
		if err := h.Remember(args[2:]); err != nil {
			panic(err)
		}
	}
	fmt.Println(h.Addrs()[0])
	time.Sleep(time.Hour)
}

// spawn starts a node in a process of its own and gives its address.
func spawn(t *testing.T, seed byte, listen string, dials ...string) (*os.Process, string) {
	t.Helper()
	tmp := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%x %s %s", childEnv, seedOf(seed), listen, strings.Join(dials, " ")), "TMPDIR="+tmp)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed: the error says just that
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	must(t, err)
	return cmd.Process, strings.TrimSpace(line)
}

func seedOf(b byte) []byte { return bytes.Repeat([]byte{b}, ed25519.SeedSize) }

func idOf(t *testing.T, key ed25519.PrivateKey) corepeer.ID {
	t.Helper()
	id, err := idOfKey(key.Public().(ed25519.PublicKey))
	must(t, err)
	return id
}

// impatience shortens what is long on purpose, not so far that a busy machine
// takes a living peer for a dead one all the time.
var impatience = pace{
	strangerGrace: time.Second, nearbyPing: 500 * time.Millisecond, nearbyDead: 1500 * time.Millisecond,
	farPing: time.Minute, farDead: time.Hour, firstRedial: 50 * time.Millisecond,
}

func impatient(c *Config) { c.pace = impatience }

func TestKilledPeerIsNoticedAndRedialled(t *testing.T) {
	for _, transport := range []string{"tcp", "quic"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			listen := "/ip4/127.0.0.1/tcp/0"
			if transport == "quic" {
				listen = "/ip4/127.0.0.1/udp/0/quic-v1"
			}
			for seed := byte(1); seed < 3; seed++ { // ids on either side of ana's, as chance will have it
				killedAndBack(t, seed, transport, listen)
			}
		})
	}
}

func killedAndBack(t *testing.T, seed byte, transport, listen string) {
	ana := newPerson(t, "ana", impatient, func(c *Config) { c.Listen = append(c.Listen, "/ip4/127.0.0.1/udp/0/quic-v1") })
	proc, addr := spawn(t, seed, listen)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	p, err := ana.host.Connect(ctx, []string{addr})
	must(t, err)
	if p.Transport != transport {
		t.Errorf("connected over %q, want %q", p.Transport, transport)
	}
	gone := make(chan Peer, 16)
	defer ana.host.Watch(func(p Peer) { gone <- p })()
	must(t, proc.Kill())
	start := time.Now()
	eventually(t, "ana notices", func() bool { p, _ := ana.host.find(p.ID); return !p.Connected && !p.LastSeen.IsZero() })
	t.Logf("%s: noticed after %v", transport, time.Since(start))
	for p := range gone {
		if !p.Connected {
			break
		}
	}
	at := addr[:strings.Index(addr, "/p2p/")]
	_, _ = spawn(t, seed, at)
	eventually(t, "ana reaches it again", func() bool { p, _ := ana.host.find(p.ID); return p.Connected })
}

// The side that opens sessions dials again at the first redial, too: a session
// that ends must not look as if it were still being opened.
func TestLostSessionsComeBackAtOnce(t *testing.T) {
	ana, ben := newPerson(t, "ana", impatient), newPerson(t, "ben")
	for ana.host.net.ID() > ben.host.net.ID() {
		ana, ben = newPerson(t, "ana", impatient), newPerson(t, "ben")
	}
	ana.meets(ben)
	for range 20 {
		was := ana.session(ben)
		eventually(t, "ana is done with opening", func() bool {
			ana.host.mu.Lock()
			defer ana.host.mu.Unlock()
			c := ana.host.contacts[was.id]
			c.fails = 0 // each loss counts as the first
			return !c.opening
		})
		must(t, was.stream.Conn().Close())
		eventually(t, "another session", func() bool { s := ana.session(ben); return s != nil && s != was })
	}
}

func (p *person) session(o *person) *session {
	p.host.mu.Lock()
	defer p.host.mu.Unlock()
	if c := p.host.contacts[o.host.net.ID()]; c != nil {
		return c.session
	}
	return nil
}

// A peer that lost its session without this side's knowledge dials again: the
// old session makes way long before its silence ends it.
func TestReturningPeerReplacesItsOldSession(t *testing.T) {
	for _, listen := range []string{"/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"} {
		for _, opener := range []bool{true, false} {
			t.Run(fmt.Sprintf("%.25s opener=%t", listen[15:], opener), func(t *testing.T) {
				t.Parallel()
				returns(t, listen, opener)
			})
		}
	}
}

// returns has a peer come back to ana, who opens the sessions with it or not.
func returns(t *testing.T, listen string, opener bool) {
	const seed = 1
	ana := newPerson(t, "ana", impatient, func(c *Config) {
		c.Listen, c.pace.nearbyDead = []string{listen}, time.Hour
		for opener != (idOf(t, c.Key) < idOf(t, ed25519.NewKeyFromSeed(seedOf(seed)))) {
			_, c.Key = newKeys(t)
		}
	})
	_, addr := spawn(t, seed, listen)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	p, err := ana.host.Connect(ctx, []string{addr})
	must(t, err)
	time.Sleep(impatience.strangerGrace + 100*time.Millisecond) // so long that it is no dialling at once
	_, _ = spawn(t, seed, listen, ana.host.Addrs()...)
	eventually(t, "the session is the new one", func() bool {
		q, _ := ana.host.find(p.ID)
		return q.Connected && q.Since.After(p.Since)
	})
}

func TestClosedPeerIsNoticed(t *testing.T) {
	ana, ben := newPerson(t, "ana"), newPerson(t, "ben")
	ana.meets(ben)
	must(t, ben.host.Close())
	eventually(t, "ana notices", func() bool { p, _ := ana.peer(ben); return !p.Connected })
	if p, _ := ana.peer(ben); p.Person != ben.key.PubKey() || p.LastSeen.IsZero() {
		t.Errorf("ana forgot who ben was: %+v", p)
	}
}

func TestOfTwoSessionsTheNewerStays(t *testing.T) {
	ana := newPerson(t, "ana")
	r := newRogue(t, ana)
	r.introducesItself()
	eventually(t, "met", func() bool { p, _ := ana.host.peer(r.host.ID()); return p.Connected })
	ana.host.mu.Lock()
	first := ana.host.contacts[r.host.ID()].session
	ana.host.mu.Unlock()
	r.s, r.wire = r.stream(ana, sessionProtocol)
	r.introducesItself()
	eventually(t, "replaced", func() bool {
		ana.host.mu.Lock()
		defer ana.host.mu.Unlock()
		s := ana.host.contacts[r.host.ID()].session
		return s != nil && s != first
	})
	if p, _ := ana.host.peer(r.host.ID()); p.Fault != "" {
		t.Errorf("blamed: %s", p.Fault)
	}
}

func TestNoMorePeersThanAllowed(t *testing.T) {
	ana := newPerson(t, "ana", func(c *Config) { c.MaxPeers = 1 })
	ben, cem := newPerson(t, "ben"), newPerson(t, "cem")
	ben.meets(ana)
	eventually(t, "ben has the place", func() bool { p, _ := ana.peer(ben); return p.Connected })
	must(t, cem.host.Remember(ana.host.Addrs()))
	eventually(t, "cem was turned away", func() bool {
		cem.host.mu.Lock()
		defer cem.host.mu.Unlock()
		c := cem.host.contacts[ana.host.net.ID()]
		return c != nil && c.fails > 1
	})
	if p, _ := ana.peer(ben); !p.Connected {
		t.Error("ben lost his place")
	}
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	_, device := newKeys(t)
	listen := []string{fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", port), fmt.Sprintf("/ip4/127.0.0.1/udp/%d/quic-v1", port)}
	h, err := New(Config{Key: device, Listen: listen}, newMemory(), nothing{&person{}}, nil)
	if err == nil {
		must(t, h.Close())
		t.Fatal("two programs share a port")
	}
	if !strings.Contains(err.Error(), fmt.Sprint(port)) {
		t.Errorf("the error does not name the port: %v", err)
	}
}

func TestNeighboursFindEachOther(t *testing.T) {
	if !canMulticast() || runtime.GOOS == "android" {
		t.Skip("no network interface here takes part in multicast: discovery cannot be tried")
	}
	everywhere := func(c *Config) { c.Listen = []string{"/ip4/0.0.0.0/tcp/0"} }
	ana, ben := newPerson(t, "ana", everywhere), newPerson(t, "ben", everywhere)
	ana.knowsNobody()
	ben.knowsNobody()
	must(t, ana.host.SetNearby(true))
	time.Sleep(200 * time.Millisecond)
	if p, ok := ana.peer(ben); ok {
		t.Fatalf("ben is off and yet found: %+v", p)
	}
	start := time.Now()
	must(t, ben.host.SetNearby(true))
	both := func() bool {
		a, _ := ana.peer(ben)
		b, _ := ben.peer(ana)
		return a.Connected && a.Nearby && b.Connected && b.Nearby && a.Person == ben.key.PubKey()
	}
	eventually(t, "ana and ben meet", both)
	t.Logf("met after %v", time.Since(start))
	must(t, ben.host.SetNearby(false))
	eventually(t, "ana lets go of ben", func() bool { p, _ := ana.peer(ben); return !p.Connected })
	if p, _ := ana.peer(ben); p.Nearby || len(p.Addrs) > 0 {
		t.Errorf("ana keeps looking for ben, who switched off: %+v", p)
	}
	if p, _ := ben.peer(ana); p.Nearby || len(p.Addrs) > 0 {
		t.Errorf("ben still has ana for a neighbour: %+v", p)
	}
}
