// Package store keeps events at rest in one SQLite file.
//
// Save returns when the events are on disk. The rules of what is kept are those
// of NIP-01 (replaceable and addressable events), NIP-09 (deletion), NIP-40
// (expiration) and NIP-62 (vanishing); they do not depend on the order in which
// events arrive, except that a version which was replaced and not kept is gone.
// Package storetest says the same as a suite that any store can run.
package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mural/event"
)

// The closed set of what can go wrong besides what the context says.
var (
	ErrFull    = errors.New("no space left for the event database")
	ErrClosed  = errors.New("event database is closed")
	ErrNewer   = errors.New("event database was written by a newer version of mural")
	ErrBroad   = errors.New("filter is too broad")
	ErrDamaged = errors.New("event database is damaged")
)

// Defaults and limits.
const (
	DefaultMaxResults = 500 // events of one filter without a limit of its own
	DefaultReaders    = 3   // connections; each costs about 2 MB once it was used
	MaxReceipts       = 16  // receipts kept per event: the first ones are the road it travelled
	MaxKeepers        = 64  // keepers remembered per blob, newest first
	MaxPeerAddrs      = 32  // addresses remembered per peer

	sweepEvery = 30 * time.Second // how long an expired event may stay on disk
)

// Options of Open. The zero value is good for a person's node.
type Options struct {
	MaxResults int              // events of one filter whose Limit is 0; DefaultMaxResults
	Readers    int              // queries answered at the same time; DefaultReaders
	Relays     []string         // under which addresses this node is named in requests to vanish, besides ALL_RELAYS
	Now        func() time.Time // decides what has expired; time.Now

	maxPages int // of the database file, for the tests of a full disk
}

// Store is an open event database. It is safe for concurrent use.
type Store struct {
	options Options
	codec   *codec
	readers chan *conn
	writer  *writer
}

// Open opens the database at path, creates it where there is none, and brings
// an older one up to date. The caller sees to it that one process at a time
// has it open. Errors wrap ErrNewer or ErrFull where they apply.
func Open(path string, o Options) (*Store, error) {
	o = o.withDefaults()
	s := &Store{options: o, codec: newCodec(), readers: make(chan *conn, o.Readers)}
	db, err := openWriter(path, o.maxPages)
	if err != nil {
		return nil, fmt.Errorf("store: opening %s: %w", path, explain(path, err))
	}
	if err := s.openReaders(path); err != nil {
		return nil, errors.Join(fmt.Errorf("store: opening %s: %w", path, explain(path, err)), s.closeReaders(), db.close())
	}
	s.writer = startWriter(path, db, s.codec, o)
	return s, nil
}

func (o Options) withDefaults() Options {
	if o.MaxResults <= 0 {
		o.MaxResults = DefaultMaxResults
	}
	if o.Readers <= 0 {
		o.Readers = DefaultReaders
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

func (s *Store) openReaders(path string) error {
	for range s.options.Readers {
		c, err := openReader(path)
		if err != nil {
			return err
		}
		s.readers <- c
	}
	return nil
}

// Close waits for the write under way and for running queries, then closes the
// file. Saves that still wait fail with ErrClosed.
func (s *Store) Close() error {
	err := s.writer.close()
	if errors.Is(err, ErrClosed) {
		return nil
	}
	for range s.options.Readers {
		err = errors.Join((<-s.readers).close(), err)
	}
	// The writer's connection goes last: the last one to close folds the log into the file.
	return errors.Join(err, s.writer.db.close())
}

func (s *Store) closeReaders() (err error) {
	for len(s.readers) > 0 {
		err = errors.Join(err, (<-s.readers).close())
	}
	return err
}

// read runs f on a snapshot of the database.
func (s *Store) read(ctx context.Context, f func(*conn) error) error {
	// Of several cases that are ready select takes any, a free connection too.
	if err := s.writer.over(ctx); err != nil {
		return err
	}
	select {
	case <-s.writer.closed:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	case c := <-s.readers:
		defer func() { s.readers <- c }()
		return explain(s.writer.path, c.snapshot(f))
	}
}

// Entry is an event with the road it took to this node.
type Entry struct {
	Event *event.Event
	Via   event.Via
	From  string    // who handed it over: a peer id, "" where there is none
	At    time.Time // when it came
}

// Outcome says what became of an entry.
type Outcome uint8

// What can become of an entry.
const (
	Stored     Outcome = iota // new, and visible from now on
	Duplicate                 // was here before
	Superseded                // a newer version is here; where versions are kept this one was stored all the same
	Blocked                   // its author deleted it, or vanished
	Expired                   // past its own expiration (NIP-40)
	Refused                   // never stored: an ephemeral kind, or created_at outside 0..MaxCreatedAt
)

var outcomeNames = [...]string{"stored", "duplicate", "superseded", "blocked", "expired", "refused"}

func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return fmt.Sprintf("outcome %d", uint8(o))
}
