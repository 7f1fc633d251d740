package peer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p"
	coreconnmgr "github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/crypto"
	corehost "github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	corepeer "github.com/libp2p/go-libp2p/core/peer"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
	libp2pquic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	ma "github.com/multiformats/go-multiaddr"

	"mural/event"
)

// ErrClosed says that the host was closed.
var ErrClosed = errors.New("peer: the host is closed")

// Host is this node among its peers. All methods are safe for concurrent use.
type Host struct {
	cfg       Config
	log       *slog.Logger
	events    Events
	interests Interests
	blobs     Blobs
	net       corehost.Host

	ctx    context.Context // ends with Close; what the host's own goroutines run under
	cancel context.CancelFunc
	tasks  sync.WaitGroup
	wake   chan struct{} // something changed for dialLoop
	told   chan Peer     // changes on their way to the watchers
	syncs  chan struct{} // a place for each reconciliation served
	reads  chan struct{} // a place for each chunk read for a peer

	mu       sync.Mutex // guards what follows, and every contact
	closed   bool
	contacts map[corepeer.ID]*contact
	watchers map[int]func(Peer)
	nextID   int
	greeted  chan struct{} // closed and replaced whenever an introduction has ended
	fetches  map[fetchKey]*fetch

	nearby nearby
}

// New starts a host: it listens, serves, and keeps in touch with the peers it
// comes to know. Close ends it.
func New(cfg Config, events Events, interests Interests, blobs Blobs) (*Host, error) {
	cfg = cfg.withDefaults()
	if len(cfg.InviteToken) != inviteTokenBytes {
		return nil, fmt.Errorf("peer: the invitation token has %d bytes, not %d", len(cfg.InviteToken), inviteTokenBytes)
	}
	h := &Host{
		cfg: cfg, log: cfg.Log, events: events, interests: interests, blobs: blobs,
		wake: make(chan struct{}, 1), told: make(chan Peer, 256),
		syncs: make(chan struct{}, maxSyncs), reads: make(chan struct{}, maxBlobReads),
		greeted: make(chan struct{}), contacts: map[corepeer.ID]*contact{}, watchers: map[int]func(Peer){}, fetches: map[fetchKey]*fetch{},
	}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	if err := h.listen(); err != nil {
		h.cancel()
		return nil, err
	}
	h.net.SetStreamHandler(sessionProtocol, h.handler(h.serveSession))
	h.net.SetStreamHandler(syncProtocol, h.handler(h.serveSync))
	h.net.SetStreamHandler(blobProtocol, h.handler(h.serveBlobs))
	h.net.Network().Notify(&network.NotifyBundle{ConnectedF: func(_ network.Network, c network.Conn) { h.connected(c) }})
	h.task(h.dialLoop)
	h.task(h.tellLoop)
	h.watchDevices()
	return h, nil
}

func (c Config) withDefaults() Config {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.UserAgent == "" {
		c.UserAgent = "mural"
	}
	c.UserAgent = cutUTF8(c.UserAgent, maxFeatureBytes)
	if c.InviteToken == nil {
		c.InviteToken = make([]byte, inviteTokenBytes)
		_, _ = rand.Read(c.InviteToken) // never fails
	}
	if c.pace == (pace{}) {
		c.pace = usualPace
	}
	if c.MaxPeers <= 0 {
		c.MaxPeers = defaultMaxPeers
	}
	if len(c.Listen) == 0 {
		for _, ip := range []string{"/ip4/0.0.0.0", "/ip6/::"} {
			c.Listen = append(c.Listen, fmt.Sprintf("%s/tcp/%d", ip, c.Port), fmt.Sprintf("%s/udp/%d/quic-v1", ip, c.Port))
		}
	}
	return c
}

// listen opens the libp2p host: TCP with Noise or TLS, and QUIC; no relay, no
// reachability probing, no address told to whoever asks (identify).
func (h *Host) listen() error {
	key, err := crypto.UnmarshalEd25519PrivateKey(h.cfg.Key)
	if err != nil {
		return fmt.Errorf("peer: reading the device key: %w", err)
	}
	limits, err := rcmgr.NewResourceManager(rcmgr.NewFixedLimiter(resourceLimits(h.cfg.MaxPeers)))
	if err != nil {
		return fmt.Errorf("peer: setting resource limits: %w", err)
	}
	h.net, err = libp2p.New(
		libp2p.Identity(key), libp2p.ListenAddrStrings(h.cfg.Listen...),
		// Without SO_REUSEPORT a port that another node holds is an error, not a silent share.
		libp2p.Transport(tcp.NewTCPTransport, tcp.DisableReuseport()), libp2p.Transport(libp2pquic.NewTransport),
		libp2p.Security(noise.ID, noise.New), libp2p.Security(libp2ptls.ID, libp2ptls.New),
		libp2p.Muxer(yamux.ID, yamux.DefaultTransport),
		libp2p.ResourceManager(limits), libp2p.ConnectionManager(coreconnmgr.NullConnMgr{}),
		libp2p.ConnectionGater(gate{h}), libp2p.SwarmOpts(swarm.WithDialRanker(tcpFirst)), libp2p.WithDialTimeout(dialTimeout),
		libp2p.AddrsFactory(func([]ma.Multiaddr) []ma.Multiaddr { return nil }),
		libp2p.DisableRelay(), libp2p.DisableMetrics(), libp2p.DisableIdentifyAddressDiscovery(), libp2p.Ping(false),
		libp2p.UserAgent(h.cfg.UserAgent), libp2p.ProtocolVersion("mural/1"),
	)
	if err != nil {
		return fmt.Errorf("peer: listening on %v: %w", h.cfg.Listen, err)
	}
	if missing := unbound(h.cfg.Listen, h.net.Network().ListenAddresses()); missing != "" {
		return errors.Join(fmt.Errorf("peer: could not listen on %s: is the port taken by another program?", missing), h.net.Close())
	}
	return nil
}

// unbound names the first IPv4 address that was asked for and is not listened
// on. IPv6 may be missing: many machines have none.
func unbound(asked []string, got []ma.Multiaddr) string {
	for _, s := range asked {
		a, err := ma.NewMultiaddr(s)
		if err != nil || len(a) == 0 || a[0].Protocol().Code != ma.P_IP4 {
			continue
		}
		same := func(g ma.Multiaddr) bool {
			return len(g) == len(a) && g[0].Equal(&a[0]) && g[1].Protocol().Code == a[1].Protocol().Code
		}
		if !slices.ContainsFunc(got, same) {
			return s
		}
	}
	return ""
}

// resourceLimits bounds what libp2p takes: connections and streams in
// proportion to the sessions, memory fixed.
func resourceLimits(peers int) rcmgr.ConcreteLimitConfig {
	n := rcmgr.LimitVal(peers)
	system := rcmgr.ResourceLimits{
		Conns: 2*n + 32, ConnsInbound: n + 32, ConnsOutbound: n + 32, FD: 3*n + 64,
		Streams: 24 * n, StreamsInbound: 16 * n, StreamsOutbound: 16 * n, Memory: 96 << 20,
	}
	transient := rcmgr.ResourceLimits{
		Conns: 32, ConnsInbound: 24, ConnsOutbound: 24, FD: 32,
		Streams: 128, StreamsInbound: 96, StreamsOutbound: 96, Memory: 16 << 20,
	}
	each := rcmgr.ResourceLimits{
		Conns: 4, ConnsInbound: 4, ConnsOutbound: 4, FD: 4,
		Streams: 48, StreamsInbound: 24, StreamsOutbound: 32, Memory: 24 << 20,
	}
	wide := rcmgr.ResourceLimits{ // bounded by the system and by each peer
		Conns: rcmgr.Unlimited, ConnsInbound: rcmgr.Unlimited, ConnsOutbound: rcmgr.Unlimited, FD: rcmgr.Unlimited,
		Streams: rcmgr.Unlimited, StreamsInbound: rcmgr.Unlimited, StreamsOutbound: rcmgr.Unlimited, Memory: rcmgr.Unlimited64,
	}
	return rcmgr.PartialLimitConfig{
		System: system, Transient: transient, AllowlistedSystem: system, AllowlistedTransient: transient,
		ServiceDefault: wide, ServicePeerDefault: each, ProtocolDefault: wide, ProtocolPeerDefault: each,
		PeerDefault: each, Conn: each, Stream: rcmgr.ResourceLimits{Memory: 17 << 20},
	}.Build(rcmgr.InfiniteLimits)
}

// Close ends all sessions and stops listening. It waits for everything the host started.
func (h *Host) Close() error {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil
	}
	h.closed = true
	h.mu.Unlock()
	h.nearby.stop()
	h.cancel()
	err := h.net.Close()
	h.tasks.Wait()
	if err != nil {
		return fmt.Errorf("peer: closing: %w", err)
	}
	return nil
}

// ID is this device's libp2p peer id.
func (h *Host) ID() string { return h.net.ID().String() }

// Addrs gives the multiaddrs this host listens on, each ending in /p2p/<ID>.
func (h *Host) Addrs() []string {
	all, err := h.net.Network().InterfaceListenAddresses()
	if err != nil {
		return nil
	}
	var out []string
	for _, a := range all {
		out = append(out, a.String()+"/p2p/"+h.ID())
	}
	return out
}

// task runs f in a goroutine that Close waits for, unless the host is closed.
func (h *Host) task(f func(context.Context)) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.taskLocked(f)
}

func (h *Host) taskLocked(f func(context.Context)) bool {
	if h.closed {
		return false
	}
	h.tasks.Go(func() { f(h.ctx) })
	return true
}

// handler serves one kind of inbound stream; Close waits for it. The stream
// is closed when serve returns nil, and reset otherwise.
func (h *Host) handler(serve func(context.Context, network.Stream) error) network.StreamHandler {
	return func(s network.Stream) {
		ok := h.task(func(ctx context.Context) {
			stop := context.AfterFunc(ctx, func() { _ = s.Reset() })
			defer stop()
			err := serve(ctx, s)
			h.streamEnded(s, err)
		})
		if !ok {
			_ = s.Reset()
		}
	}
}

func (h *Host) streamEnded(s network.Stream, err error) {
	if err == nil || errors.Is(err, io.EOF) {
		_ = s.Close()
		return
	}
	_ = s.Reset()
	h.log.Debug("stream ended", "peer", s.Conn().RemotePeer().String(), "protocol", string(s.Protocol()), "err", err)
	var f *Fault
	if errors.As(err, &f) {
		h.punish(s.Conn().RemotePeer(), f)
	}
}

// watchDevices looks again at who a peer is when a devices event comes in: it may revoke.
func (h *Host) watchDevices() {
	cancel := h.events.Subscribe([]event.Filter{{Kinds: []event.Kind{event.KindDevices}}}, func(e *event.Event) {
		h.task(func(ctx context.Context) { h.reconsider(ctx, e.PubKey) })
	})
	context.AfterFunc(h.ctx, cancel)
}
