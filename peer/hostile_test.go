package peer

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	corehost "github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	corepeer "github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"

	"mural/event"
)

// rogue is a bare libp2p host that says whatever a test wants to its victim.
// Its id is below the victim's, so that the session is its to open.
type rogue struct {
	t    testing.TB
	host corehost.Host
	s    network.Stream
	wire *wire
}

func newRogue(t testing.TB, victim *person) *rogue {
	t.Helper()
	for {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		must(t, err)
		if id, err := idOfKey(key.Public().(ed25519.PublicKey)); err != nil || id > victim.host.net.ID() {
			continue
		}
		priv, err := crypto.UnmarshalEd25519PrivateKey(key)
		must(t, err)
		h, err := libp2p.New(libp2p.Identity(priv), libp2p.NoListenAddrs, libp2p.Transport(tcp.NewTCPTransport), libp2p.DisableRelay(), libp2p.DisableMetrics())
		must(t, err)
		t.Cleanup(func() { must(t, h.Close()) })
		r := &rogue{t: t, host: h}
		r.open(victim)
		return r
	}
}

func (r *rogue) open(victim *person) {
	r.t.Helper()
	_, addrs, err := parseAddrs(victim.host.Addrs())
	must(r.t, err)
	must(r.t, r.host.Connect(context.Background(), corepeer.AddrInfo{ID: victim.host.net.ID(), Addrs: addrs}))
	r.s, r.wire = r.stream(victim, sessionProtocol)
}

func (r *rogue) stream(victim *person, name string) (network.Stream, *wire) {
	r.t.Helper()
	s, err := r.host.NewStream(context.Background(), victim.host.net.ID(), protocol.ID(name))
	must(r.t, err)
	return s, newWire(s, &meter{})
}

func (r *rogue) says(t frameType, parts ...[]byte) {
	r.t.Helper()
	must(r.t, r.wire.send(t, parts...))
}

func (r *rogue) introducesItself(es ...*event.Event) {
	r.says(frameHello, encodeHello("rogue", "", es))
}

// raw writes a frame header that says n, and then the bytes.
func (r *rogue) raw(t frameType, n int, body []byte) {
	hd := binary.BigEndian.AppendUint32([]byte{byte(t)}, uint32(n))
	_, _ = r.s.Write(append(hd, body...)) // the victim may have hung up by now
}

// dropped waits until the victim has dropped the rogue for that reason, and
// checks that it is kept out.
func (r *rogue) dropped(victim *person, reason string) {
	r.t.Helper()
	id := r.host.ID()
	fault := func() string {
		p, _ := victim.host.peer(id)
		return p.Fault
	}
	eventually(r.t, "the rogue is dropped", func() bool { return fault() != "" })
	if got := fault(); !strings.Contains(got, reason) {
		r.t.Errorf("dropped for %q, want a reason with %q", got, reason)
	}
	if p, _ := victim.host.peer(id); p.Connected {
		eventually(r.t, "the session ends", func() bool { p, _ := victim.host.peer(id); return !p.Connected })
	}
	eventually(r.t, "the connection ends", func() bool { return len(victim.host.net.Network().ConnsToPeer(id)) == 0 })
	if !victim.host.banned(id) {
		r.t.Error("the rogue may come back at once")
	}
}

func TestHostilePeersAreDroppedWithAReason(t *testing.T) {
	batch := func(raw string) []byte {
		return append(binary.BigEndian.AppendUint32(nil, uint32(len(raw))), raw...)
	}
	tests := []struct {
		name   string
		do     func(*rogue)
		reason string
	}{
		{"garbage instead of a hello", func(r *rogue) { r.raw('G', 0, []byte("ET / HTTP/1.1\r\n\r\n")) }, "unknown type 71"},
		{"an oversize frame", func(r *rogue) { r.raw(frameHello, 600<<10+1, nil) }, "over the limit"},
		{"four gigabytes announced", func(r *rogue) { r.raw(frameEvents, 1<<32-1, nil) }, "over the limit"},
		{"wants before a hello", func(r *rogue) { r.says(frameWants, []byte(`{}`)) }, "instead of a hello"},
		{"a hello that is not JSON", func(r *rogue) { r.says(frameHello, []byte("\xff{")) }, "not JSON"},
		{"another version", func(r *rogue) { r.says(frameHello, []byte(`{"version":2}`)) }, "version 2"},
		{"too many features", func(r *rogue) {
			r.says(frameHello, []byte(`{"version":1,"features":["`+strings.Repeat(`a","`, maxFeatures)+`"]}`))
		}, "over its limits"},
		{"a forged event in the hello", func(r *rogue) {
			e := event.Event{Kind: 0, Content: "{}"}
			r.introducesItself(&e)
		}, "forged event"},
		{"wants that are not JSON", func(r *rogue) { r.introducesItself(); r.says(frameWants, []byte("[")) }, "not JSON"},
		{"a malformed filter", func(r *rogue) {
			r.introducesItself()
			r.says(frameWants, []byte(`{"gen":1,"filters":[{"ids":["x"]}]}`))
		}, "malformed filter"},
		{"too many filters", func(r *rogue) {
			r.introducesItself()
			r.says(frameWants, []byte(`{"gen":1,"filters":[{}`+strings.Repeat(`,{}`, maxWantFilters)+`]}`))
		}, "over the limit"},
		{"a malformed event", func(r *rogue) { r.introducesItself(); r.says(frameEvents, batch(`{"id":1}`)) }, "malformed event"},
		{"an event cut off", func(r *rogue) { r.introducesItself(); r.says(frameEvents, []byte{0, 0, 1, 0, '{'}) }, "event of 256 bytes"},
		{"a reconciliation frame in the session", func(r *rogue) { r.introducesItself(); r.says(frameReconcile, []byte("x")) }, "inside a session"},
		{"a flood of pings", func(r *rogue) {
			r.introducesItself()
			r.says(frameWants, []byte(`{"gen":1}`))
			ping := bytes.Repeat([]byte{byte(framePing), 0, 0, 0, 0}, 4*controlBurst)
			_, _ = r.s.Write(ping)
		}, "control frames"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ana := newPerson(t, "ana")
			r := newRogue(t, ana)
			tt.do(r)
			r.dropped(ana, tt.reason)
		})
	}
}

func TestForgedEventsEndTheSession(t *testing.T) {
	ana, ben := newPerson(t, "ana"), newPerson(t, "ben")
	ana.follows(ben)
	r := newRogue(t, ana)
	r.introducesItself()
	for i := range maxInvalid {
		e := ben.sign(event.Event{Kind: 1, CreatedAt: int64(i + 1), Content: "true"})
		forged := bytes.Replace(e.Raw(), []byte("true"), []byte("lies"), 1)
		_ = r.wire.send(frameEvents, binary.BigEndian.AppendUint32(nil, uint32(len(forged))), forged)
	}
	r.dropped(ana, "invalid events")
	if ana.events.count() != 0 {
		t.Fatal("a forged event was stored")
	}
}

func TestUnaskedEventsEndTheSession(t *testing.T) {
	ana, ben := newPerson(t, "ana"), newPerson(t, "ben")
	r := newRogue(t, ana)
	r.introducesItself()
	for i := range maxUnwanted + 1 {
		raw := ben.sign(event.Event{Kind: 1, CreatedAt: int64(i + 1), Content: "buy this"}).Raw()
		if r.wire.send(frameEvents, binary.BigEndian.AppendUint32(nil, uint32(len(raw))), raw) != nil {
			break
		}
	}
	r.dropped(ana, "nobody asked for")
}

func TestSilentPeerIsDropped(t *testing.T) {
	t.Parallel()
	ana := newPerson(t, "ana", impatient)
	r := newRogue(t, ana)
	_, err := r.s.Write([]byte{byte(frameHello)}) // opens the stream, and then nothing
	must(t, err)
	eventually(t, "the silent peer is gone", func() bool { return len(ana.host.net.Network().ConnsToPeer(r.host.ID())) == 0 })
	if p, ok := ana.host.peer(r.host.ID()); ok && p.Connected {
		t.Fatal("a peer that never introduced itself counts as connected")
	}
}

func TestStreamsWithoutASessionAreRefused(t *testing.T) {
	ana := newPerson(t, "ana")
	r := newRogue(t, ana)
	for _, name := range []string{syncProtocol, blobProtocol} {
		s, w := r.stream(ana, name)
		_ = w.send(frameAsk, make([]byte, 32))
		_ = s.SetReadDeadline(time.Now().Add(patience))
		if _, _, err := w.read(patience); err == nil || isTimeout(err) {
			t.Errorf("%s answers a peer that did not introduce itself: %v", name, err)
		}
	}
}

func TestSomebodyElsesDevicesEventProvesNothing(t *testing.T) {
	ana, ben := newPerson(t, "ana"), newPerson(t, "ben")
	r := newRogue(t, ana)
	r.introducesItself(ben.hello...) // ben's own, word for word
	eventually(t, "the rogue is met", func() bool { p, _ := ana.host.peer(r.host.ID()); return p.Connected })
	if p, _ := ana.host.peer(r.host.ID()); !p.Person.IsZero() || p.Profile != nil {
		t.Fatalf("the rogue passes for %s", p.Person)
	}
}

func TestPersonWhoClaimsAnothersDevice(t *testing.T) {
	ana, ben := newPerson(t, "ana"), newPerson(t, "ben")
	r := newRogue(t, ana)
	d := CounterSign(ben.device, ben.key.PubKey(), Device{})
	d.Peer = r.host.ID().String() // ben lists the rogue, which did not agree
	e := NewDevices(ben.key.PubKey(), nil, time.Now(), []Device{d})
	must(t, e.Sign(ben.key))
	r.introducesItself(e)
	eventually(t, "the rogue is met", func() bool { p, _ := ana.host.peer(r.host.ID()); return p.Connected })
	if p, _ := ana.host.peer(r.host.ID()); !p.Person.IsZero() {
		t.Fatalf("the device passes for %s's without having agreed", p.Person)
	}
}

func TestRevokedDeviceIsNobodys(t *testing.T) {
	ana, ben := newPerson(t, "ana"), newPerson(t, "ben")
	if p := ana.meets(ben); p.Person != ben.key.PubKey() {
		t.Fatal("ben is not proven")
	}
	e := NewDevices(ben.key.PubKey(), ben.hello[0], time.Now(), nil)
	must(t, e.Sign(ben.key))
	ana.publish(e) // whatever way it came
	eventually(t, "the device counts as nobody's", func() bool { p, _ := ana.peer(ben); return p.Person.IsZero() })
}
