package relay

import (
	"cmp"
	"crypto/rand"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"
)

func (c Config) withDefaults() Config {
	if c.Identify == nil {
		c.Identify = identify
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.OnOrigin == nil {
		c.OnOrigin = func(string) {}
	}
	if c.URL == nil {
		c.URL = func(r *http.Request) string { return "ws://" + r.Host }
	}
	c.Limits = c.Limits.withDefaults()
	return c
}

// identify is the gate of a relay that nobody gave one.
func identify(r *http.Request) Visitor {
	v := Visitor{Origin: r.Header.Get("Origin"), Remote: r.RemoteAddr}
	v.Local = v.Origin == "" && isLoopback(v.Remote)
	return v
}

func isLoopback(remote string) bool {
	addr, err := netip.ParseAddr(host(remote))
	return err == nil && addr.Unmap().IsLoopback()
}

func host(remote string) string {
	if h, _, err := net.SplitHostPort(remote); err == nil {
		return h
	}
	return remote
}

// ipv6Network is the part of an IPv6 address, in bits, that one household or
// one machine in a data centre holds: counting single addresses limits nobody.
const ipv6Network = 64

// ipKey is what connections are counted under.
func ipKey(remote string) string {
	addr, err := netip.ParseAddr(host(remote))
	if err != nil {
		return remote
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		return addr.String()
	}
	network, _ := addr.Prefix(ipv6Network)
	return network.String()
}

// Limits bound what one connection, and all of them, may take. Zero fields
// take the default named beside them.
type Limits struct {
	MaxConnections   int // DefaultConnections, all together
	MaxPerIP         int // DefaultPerIP; loopback is not counted
	MaxFrameBytes    int // DefaultFrameBytes of one message from a client
	MaxSubscriptions int // DefaultSubscriptions of one connection
	MaxLimit         int // DefaultMaxLimit: a filter's limit is clamped to it
	DefaultLimit     int // DefaultAnswer: events for a filter without a limit

	// MessagesPerSecond and Burst bound strangers. Programs on this machine
	// and the owner are held by Accept's own quotas.
	MessagesPerSecond float64 // DefaultMessageRate
	Burst             int     // DefaultBurst, messages

	// OutMessages and OutBytes are the budget of what waits for a slow
	// reader. A quarter of it is for stored answers, which wait for room; the
	// rest takes live events. A connection that overflows is dropped.
	OutMessages int // DefaultOutMessages
	OutBytes    int // DefaultOutBytes

	MaxReconciliations int           // DefaultReconciliations open on one connection (NIP-77)
	MaxSetItems        int           // DefaultSetItems of one set, and of all sets of one connection
	MaxSetItemsOfAll   int           // DefaultSetItemsOfAll sets in memory, about 45 bytes each
	ReconcileIdle      time.Duration // DefaultReconcileIdle without a NEG-MSG ends a reconciliation

	WriteTimeout time.Duration // DefaultWriteTimeout for one flush of at most 64 KiB
	FrameTimeout time.Duration // DefaultFrameTimeout from a message's first byte to its last
	PingEvery    time.Duration // DefaultPingEvery of silence
	PongWithin   time.Duration // DefaultPongWithin
	QueryTimeout time.Duration // DefaultQueryTimeout of one stored answer or count
}

// Defaults of Limits.
const (
	DefaultConnections     = 1024
	DefaultPerIP           = 32        // a household behind one address, several apps each
	DefaultFrameBytes      = 512 << 10 // four events of the largest size, or 20 home filters
	DefaultSubscriptions   = 64        // noStrudel keeps about 30 open
	DefaultMaxLimit        = 1000
	DefaultAnswer          = 500
	DefaultMessageRate     = 50
	DefaultBurst           = 500
	DefaultOutMessages     = 8192
	DefaultOutBytes        = 4 << 20
	DefaultReconciliations = 16
	DefaultSetItems        = 1_000_000        // 45 MB
	DefaultSetItemsOfAll   = 2_000_000        // 90 MB
	DefaultReconcileIdle   = 2 * time.Minute  // clients fetch events between two messages
	DefaultWriteTimeout    = 20 * time.Second // 64 KiB: a reader slower than 3 KiB/s is dropped
	DefaultFrameTimeout    = 60 * time.Second // 512 KiB: a writer slower than 9 KiB/s is dropped
	DefaultPingEvery       = 45 * time.Second // below the minute after which home routers forget
	DefaultPongWithin      = 20 * time.Second
	DefaultQueryTimeout    = 20 * time.Second
)

func (l Limits) withDefaults() Limits {
	return Limits{
		MaxConnections:     cmp.Or(l.MaxConnections, DefaultConnections),
		MaxPerIP:           cmp.Or(l.MaxPerIP, DefaultPerIP),
		MaxFrameBytes:      cmp.Or(l.MaxFrameBytes, DefaultFrameBytes),
		MaxSubscriptions:   cmp.Or(l.MaxSubscriptions, DefaultSubscriptions),
		MaxLimit:           cmp.Or(l.MaxLimit, DefaultMaxLimit),
		DefaultLimit:       cmp.Or(l.DefaultLimit, DefaultAnswer),
		MessagesPerSecond:  cmp.Or(l.MessagesPerSecond, DefaultMessageRate),
		Burst:              cmp.Or(l.Burst, DefaultBurst),
		OutMessages:        cmp.Or(l.OutMessages, DefaultOutMessages),
		OutBytes:           cmp.Or(l.OutBytes, DefaultOutBytes),
		MaxReconciliations: cmp.Or(l.MaxReconciliations, DefaultReconciliations),
		MaxSetItems:        cmp.Or(l.MaxSetItems, DefaultSetItems),
		MaxSetItemsOfAll:   cmp.Or(l.MaxSetItemsOfAll, DefaultSetItemsOfAll),
		ReconcileIdle:      cmp.Or(l.ReconcileIdle, DefaultReconcileIdle),
		WriteTimeout:       cmp.Or(l.WriteTimeout, DefaultWriteTimeout),
		FrameTimeout:       cmp.Or(l.FrameTimeout, DefaultFrameTimeout),
		PingEvery:          cmp.Or(l.PingEvery, DefaultPingEvery),
		PongWithin:         cmp.Or(l.PongWithin, DefaultPongWithin),
		QueryTimeout:       cmp.Or(l.QueryTimeout, DefaultQueryTimeout),
	}
}

// Limits that nobody needs to change.
const (
	maxSubID       = 64        // characters of a subscription id (NIP-01)
	maxBatch       = 256       // events handed to Accept together
	inboxFrames    = 256       // messages of one connection read ahead
	inboxBytes     = 512 << 10 // bytes of one connection read ahead, beyond the message in hand
	maxAuthKeys    = 16        // public keys one connection may prove
	maxRefusals    = 1000      // rate-limited answers in a row before the connection is closed
	flushBytes     = 64 << 10  // bytes gathered before they are handed to the kernel
	readBuffer     = 8 << 10   // bytes read from the kernel at once
	authWindow     = 10 * time.Minute
	challengeBytes = 16
	closeTimeout   = 10 * time.Second // to drain and say goodbye
	byeTimeout     = 2 * time.Second  // for the other side's half of the close handshake
	overlap        = 10 * time.Second // live events may repeat a stored answer for this long

	// ownShare is the part of all connections, and of all items of sets, as
	// 1/n, that strangers and foreign pages cannot take from the owner and the programs on this machine.
	ownShare = 8

	openCost   = 10               // messages that a NEG-OPEN counts for: it reads the store
	setsAtOnce = 2                // sets taken from the store at the same time
	shareFor   = 10 * time.Second // a set answers new reconciliations of the same filter
	// A set that nobody uses is kept so long too if it has this many items, as
	// long as no more than maxUnused are.
	worthKeeping = 1000
	maxUnused    = 8

	// Ids, authors, kinds and tag values that open subscriptions name, about
	// 100 bytes each: 5 MB of one connection, 100 MB of all.
	maxWatched      = 50_000
	maxWatchedByAll = 1_000_000
)
