package web

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"time"

	"mural/event"
)

// Hash is the SHA-256 that names a blob.
type Hash [32]byte

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// IsZero says that no blob is named.
func (h Hash) IsZero() bool { return h == Hash{} }

// ParseHash reads 64 lower-case hex digits.
func ParseHash(s string) (Hash, error) {
	id, err := event.ParseID(s) // the same 32 bytes in the same spelling
	if err != nil {
		return Hash{}, fmt.Errorf("web: %q is not a blob hash", clip(s, 70))
	}
	return Hash(id), nil
}

// Events reads what this node holds and hears what it takes in.
type Events interface {
	// Query gives newest first, ties lowest id first, merged without duplicates.
	Query(ctx context.Context, filters ...event.Filter) ([]*event.Event, error)
	Count(ctx context.Context, filters ...event.Filter) (int, error)
	// Subscribe calls deliver for each event taken in from now on that a
	// filter matches. deliver never blocks; it may be called concurrently.
	Subscribe(filters []event.Filter, deliver func(*event.Event)) (cancel func())
	// FirstReceipts says how each of the events first came here. Events
	// without a receipt are left out.
	FirstReceipts(ctx context.Context, ids []event.ID) (map[event.ID]Receipt, error)
}

// Receipt says from whom and when this node got an event.
type Receipt struct {
	Via  event.Via
	Peer string // peer id, "" unless Via is peer
	At   time.Time
}

// Author signs as the person of this node.
type Author interface {
	// Person gives the person's key; false until CreatePerson was called.
	Person() (event.PubKey, bool)
	// CreatePerson makes the key. It does nothing when there is one.
	CreatePerson(ctx context.Context) (event.PubKey, error)
	// Publish completes a template (Kind, Tags, Content; CreatedAt 0 = now),
	// signs it, takes it in through the one way in and passes it on.
	// A refusal is a *Problem.
	Publish(ctx context.Context, template *event.Event) (*event.Event, error)
	// Backup gives the person's key encrypted under the passphrase (NIP-49,
	// "ncryptsec1…") and remembers that a backup was made.
	Backup(ctx context.Context, passphrase string) (ncryptsec string, err error)
}

// Media is what the node knows of one blob that it holds whole.
type Media struct {
	Hash       Hash
	Type       string // MIME type
	Size       int64  // bytes
	Width      int    // pixels, as shown (orientation applied); 0 unknown
	Height     int
	DurationMS int64 // 0 for pictures or unknown
	BlurHash   string
	Waveform   []int // 0..100, at most 100 of them; audio only
	Poster     Hash  // still picture of a clip, itself a blob; zero = none
	Chunks     Hash  // chunk list (docs/protocol), zero = none
	Stripped   []string
}

// Library takes files in and describes them.
type Library interface {
	// Import strips metadata, stores the blob and describes it. A file that
	// is no media, too large, or does not fit on the disk is a *Problem
	// (415, 413, 507).
	Import(ctx context.Context, r io.Reader, name string, keepOriginal bool) (Media, error)
	// Describe describes a blob that is here; fs.ErrNotExist if it is not.
	Describe(ctx context.Context, h Hash) (Media, error)
	// Thumb opens a picture of the blob at most width pixels wide; the
	// string is its MIME type. fs.ErrNotExist where none can be made.
	Thumb(ctx context.Context, h Hash, width int) (io.ReadSeekCloser, string, error)
}

// Have says how much of a blob is on this device.
type Have struct {
	Bytes int64 // verified bytes here
	Size  int64 // whole size, 0 = unknown
	Whole bool
}

// Blobs tells what of the media is here, and gets what is not.
type Blobs interface {
	// Have never touches the network.
	Have(ctx context.Context, h Hash) Have
	// Fetch asks peers for the blob until it is whole or ctx ends.
	Fetch(ctx context.Context, h Hash) (Have, error)
}

// Keeper is a device that answered a random chunk challenge for a post.
type Keeper struct {
	Peer   string
	Person event.PubKey // zero = unknown
	This   bool
	At     time.Time // when it last answered
}

// AuthorState says whether the author's own devices can be reached.
type AuthorState string

// The author's devices as this node sees them.
const (
	AuthorHere      AuthorState = "here"
	AuthorConnected AuthorState = "connected"
	AuthorDark      AuthorState = "dark"
	AuthorUnknown   AuthorState = "unknown"
)

// Kept says who keeps a post and its media.
type Kept struct {
	Keepers   []Keeper
	Author    AuthorState
	DarkSince time.Time // zero unless Author is dark
}

// Keeping knows who keeps what. Kept answers for a page of posts at once.
type Keeping interface {
	Kept(ctx context.Context, posts []*event.Event) (map[event.ID]Kept, error)
}

// Device is one device of a person (kind 14880).
type Device struct {
	Peer      string
	Role      string
	Connected bool
	LastSeen  time.Time
	This      bool
}

// Peer is another node that this one talks to or has met.
type Peer struct {
	ID        string
	Person    event.PubKey // zero = it has not said, or not proved, who it is
	Connected bool
	Nearby    bool // on this network
	Since     time.Time
	LastSeen  time.Time
	BytesIn   int64
	BytesOut  int64
	Transport string // "tcp", "quic" or ""
	Addresses []string
}

// Nearby is the person's choice for the network the device is on now.
type Nearby struct {
	Choice    string // "ask", "on" or "off"
	Network   string // for people
	NetworkID string
}

// Neighbours knows the other nodes.
type Neighbours interface {
	Peers(ctx context.Context) ([]Peer, error)
	Devices(ctx context.Context, person event.PubKey) ([]Device, error)
	Nearby(ctx context.Context) (Nearby, error)
	SetNearby(ctx context.Context, networkID string, on bool) error
}

// Invitations brings nodes together that do not share a network.
type Invitations interface {
	Invite(ctx context.Context) (code string, err error) // "mural1…"
	// Join connects with the inviter. web then follows the person.
	// code may be the whole link; a wrong one is a *Problem.
	Join(ctx context.Context, code string) (person event.PubKey, connected bool, err error)
}

// Change is something that happened and that is not a new event.
type Change struct {
	Post   event.ID // this post changed (media arrived, keepers); zero = not about a post
	Blob   Hash     // or: this blob arrived; web finds the posts on screen by it
	Peer   *Peer    // this peer came, went or introduced itself
	Nearby bool     // the choice or the network changed
	Me     bool     // something in Self changed
}

// Watcher tells what changes. notify never blocks; it may be called concurrently.
type Watcher interface {
	Watch(notify func(Change)) (cancel func())
}

// Self is what the node says of itself to everybody who may see the app.
type Self struct {
	NodeID       string // peer id
	ShortID      string
	Version      string
	StartedAt    time.Time
	BackupDone   bool
	FFmpeg       bool
	MaxBlobBytes int64
}

// Origin is a web page's origin that asked to publish here.
type Origin struct {
	Origin  string `json:"origin"`
	Allowed bool   `json:"allowed"`
}

// Check is one line of the doctor.
type Check struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	What string `json:"what"`
	Next string `json:"next"`
}

// Status is the node in figures, as GET /api/node shows it.
type Status struct {
	Version       string        `json:"version"`
	Go            string        `json:"go"`
	NodeID        string        `json:"node_id"`
	Home          string        `json:"home"`
	UptimeMS      int64         `json:"uptime_ms"`
	Events        int64         `json:"events"`
	Blobs         int64         `json:"blobs"`
	BlobBytes     int64         `json:"blob_bytes"`
	DiskFreeBytes int64         `json:"disk_free_bytes"`
	DBBytes       int64         `json:"db_bytes"`
	KeptForOthers KeptForOthers `json:"kept_for_others"`
	Peers         int           `json:"peers"`
	Traffic       Traffic       `json:"traffic"`
	RSSBytes      int64         `json:"rss_bytes"`
	CPUSeconds    float64       `json:"cpu_seconds"`
	RelayURL      string        `json:"relay_url"`
	Origins       []Origin      `json:"origins"`
	Waiting       []string      `json:"waiting_origins"`
	Checks        []Check       `json:"checks"`
}

// KeptForOthers counts what this node holds that is not its person's own.
type KeptForOthers struct {
	Events int64 `json:"events"`
	Blobs  int64 `json:"blobs"`
	Bytes  int64 `json:"bytes"`
	People int64 `json:"people"`
}

// Traffic counts bytes exchanged with peers since the start.
type Traffic struct {
	In  int64 `json:"in"`
	Out int64 `json:"out"`
}

// Node tells about the node itself.
type Node interface {
	Self() Self
	Status(ctx context.Context) (Status, error)
	AllowOrigin(ctx context.Context, origin string, allow bool) ([]Origin, error)
}

// Visitor is who made a request.
type Visitor struct {
	Owner         bool
	Local         bool   // from loopback
	Origin        string // the Origin header
	OriginAllowed bool   // its own origin, or one the owner allowed
	HostOK        bool   // Host names this machine (DNS rebinding)
}

// Gate knows who is at the door (package keys).
type Gate interface {
	Identify(r *http.Request) Visitor
	// SignIn trades a token for the session cookie. A wrong one is a *Problem.
	SignIn(w http.ResponseWriter, r *http.Request, token string) error
	SignOut(w http.ResponseWriter, r *http.Request)
}

// Problem is an error that people may read. Any part of the node may return
// one through these contracts; every other error is answered as 500 and logged.
type Problem struct {
	Status  int    // HTTP status
	Code    string // short-name
	Message string // a sentence
	Next    string // what to do or type next
}

func (p *Problem) Error() string { return p.Code + ": " + p.Message }
