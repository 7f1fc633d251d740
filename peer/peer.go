// Package peer is the door to other nodes: it finds them, proves who they
// are, brings both sides' events together and fetches blobs from several of
// them at once.
//
// A Host owns one libp2p host. With every peer it keeps one session
// (docs/protocol/session.md): both sides introduce themselves, say what they
// want, reconcile, and then push what is new. Blobs travel chunk by chunk
// (docs/protocol/blob-transfer.md). What an event means, who is trusted and
// what may be given away is decided elsewhere, behind Events and Interests.
package peer

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"time"

	"mural/blob"
	"mural/event"
)

// Config says how a host listens. The zero value of a field means its default.
type Config struct {
	Key       ed25519.PrivateKey // the device key; required
	Port      int                // TCP and UDP port; 0 lets the system choose
	Listen    []string           // multiaddrs, instead of all interfaces on Port
	Log       *slog.Logger       // default: discard
	Now       func() time.Time   // default: time.Now
	UserAgent string             // default: "mural"
	MaxPeers  int                // sessions at once; default 64

	// InviteToken goes into invitations: whoever shows that they know it is
	// told who this node's person is. 16 random bytes to keep; nil for new ones
	// at each start, with which earlier invitations lose that effect.
	InviteToken []byte

	pace pace // shorter in tests
}

// Events is the one way in and the way to what is stored.
type Events interface {
	Accept(context.Context, event.Source, []*event.Event) []event.Verdict
	Query(context.Context, ...event.Filter) ([]*event.Event, error)
	Stamps(context.Context, ...event.Filter) ([]event.Stamp, error)
	// Subscribe delivers every newly accepted event that matches. deliver does not block.
	Subscribe(filters []event.Filter, deliver func(*event.Event)) (cancel func())
}

// Interests is what this node wants, and what it is willing to give.
// Its methods may be called from many goroutines at once.
type Interests interface {
	// Hello gives the events that introduce this node: its person's devices
	// event (kind 14880) and profile (kind 0), as far as they exist.
	Hello(context.Context) []*event.Event
	// Wants gives the filters of what this node would like from the peer.
	Wants(context.Context, Peer) []event.Filter
	// May says whether the event may be given to the peer.
	May(context.Context, Peer, *event.Event) bool
	// BlobAllowed says whether the blob may be given to the peer.
	BlobAllowed(context.Context, Peer, blob.Hash) bool
}

// Acquaintances is what an Interests may also be: it says who the person
// behind this node knows, for example whom they follow, and themselves. The
// host tells strangers nothing of the person (docs/protocol/session.md).
// To an Interests that is not one of these, everybody counts as known.
type Acquaintances interface {
	// Knows is asked about proven persons only.
	Knows(context.Context, event.PubKey) bool
}

// Peer is another node as this one knows it: a snapshot, free to keep.
type Peer struct {
	ID        string       // libp2p peer id
	Person    event.PubKey // proven by its devices event; zero otherwise
	Profile   *event.Event // the person's kind 0, nil if unknown
	Connected bool         // a session stands
	Nearby    bool         // found on this network
	Since     time.Time    // when the session began; zero when not connected
	LastSeen  time.Time    // when it was last heard; zero if never
	BytesIn   int64        // payload bytes received since this host started
	BytesOut  int64        // payload bytes sent
	Transport string       // "tcp", "quic" or ""
	Addrs     []string     // multiaddrs without /p2p, where it was found or asked to be dialled
	Fault     string       // why it was last dropped; "" if it never misbehaved
}
