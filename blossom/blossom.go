// Package blossom serves blobs over HTTP: BUD-01, 02, 05, 06, 11 and 12.
//
// Anybody may read. Who uploads proves a key with a signed token (BUD-11) and
// is let in by the node. What is served is never run by a browser as a page of
// this origin: everything that is not a plain picture, sound, clip or text comes
// as a download in a sandbox.
package blossom

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"mural/blob"
	"mural/event"
)

// Limits of this door.
const (
	MaxAuthBytes     = 64 << 10         // bytes of an Authorization header
	MaxClockSkew     = 60 * time.Second // how far in the future a token's created_at may lie
	MaxFetches       = 32               // requests that wait for peers at once
	DefaultFetchWait = 30 * time.Second // how long one waits, unless Config says otherwise
	IdleTimeout      = 60 * time.Second // without a byte moved, an upload or download ends
	DefaultListLimit = 100              // blobs on a page of /list
	MaxListLimit     = 1000             // blobs on a page of /list
	MaxReasonBytes   = 300              // bytes of X-Reason
)

// Blobs is where blobs are read and stored: *blob.Store is one. A node may
// put its own Delete before the store's, to keep what its posts still need.
type Blobs interface {
	Put(ctx context.Context, r io.Reader, o blob.PutOptions) (blob.Info, error)
	Open(ctx context.Context, h blob.Hash) (*blob.File, error)
	Stat(h blob.Hash) (blob.Info, error)
	Delete(h blob.Hash) error
}

// Owners remembers who uploaded what: *blob.Store is one.
type Owners interface {
	AddOwner(ctx context.Context, h blob.Hash, who event.PubKey) error
	// DropOwner says how many other owners are left; fs.ErrNotExist for somebody who is none.
	DropOwner(ctx context.Context, h blob.Hash, who event.PubKey) (left int, err error)
	// Uploads gives newest first, ties by ascending hash.
	Uploads(ctx context.Context, who event.PubKey) ([]blob.Upload, error)
}

// Importer strips a file's metadata, stores what is left, and says what it
// stored. It must store nothing when r ends in an error other than io.EOF.
// It answers with a *Refusal where the file is at fault (415, 422).
type Importer interface {
	Import(ctx context.Context, r io.Reader, name string) (blob.Info, error)
}

// Config is what the door needs of the node. Blobs, Owners and Allow must be set.
type Config struct {
	Blobs  Blobs
	Owners Owners
	Import Importer // for /media; nil = 404 there

	// Allow decides whether who, proved by a token, may store size bytes.
	// A *Refusal is told as it is; any other error is a plain 403.
	Allow func(r *http.Request, who event.PubKey, size int64) error
	// Location says whether a file carries a place, and where it does
	// (media.Location). nil = /upload refuses everything: it could not know.
	Location func(in io.ReadSeeker) (found bool, what string, err error)
	// Sniff gives the media type of a file's first bytes, "" = unknown (media.Sniff). nil = only what was declared.
	Sniff func(head []byte) (mime, ext string)
	// Fetch asks peers for a blob that is not here, until it is or ctx ends. nil = nobody is asked.
	Fetch func(ctx context.Context, h blob.Hash) error
	// MayFetch says whether this request may make the node ask its peers. nil = every request may.
	MayFetch func(r *http.Request) bool
	// IsMe says whether a lower-case domain name in a token's server tag is this
	// node. The Host header is the caller's word and is not asked. nil = loopback names.
	IsMe func(domain string) bool

	MaxBytes  int64         // largest upload in bytes; 0 = blob.MaxBlobBytes
	FetchWait time.Duration // 0 = DefaultFetchWait
	Now       func() time.Time
	Log       *slog.Logger
}

// Server is the door: an http.Handler for the paths that Owns names.
type Server struct {
	Config
	fetches chan struct{} // a place for each request that waits for peers
}

// New gives the door. It starts nothing.
func New(c Config) *Server {
	if c.IsMe == nil {
		c.IsMe = isLoopbackName
	}
	if c.MaxBytes <= 0 {
		c.MaxBytes = blob.MaxBlobBytes
	}
	if c.FetchWait <= 0 {
		c.FetchWait = DefaultFetchWait
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Server{Config: c, fetches: make(chan struct{}, MaxFetches)}
}

func isLoopbackName(domain string) bool {
	return domain == "localhost" || domain == "127.0.0.1" || domain == "::1"
}
