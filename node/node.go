// Package node opens the rooms, hangs the doors and starts and stops them in
// order. Accept is the one way in for events, whatever brought them.
package node

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"mural/blob"
	"mural/event"
	"mural/keys"
	"mural/peer"
	"mural/store"
)

// Node is one running member of the network. Its methods are safe for concurrent use.
type Node struct {
	cfg     Config
	log     *slog.Logger
	now     func() time.Time
	started time.Time
	home    home

	store *store.Store
	blobs *blob.Store
	ring  *keys.Ring
	gate  *keys.Gate
	peers *peer.Host // nil while a command runs alone

	fanout  *Fanout
	policy  *policy
	trust   *trust
	wanted  *wanted
	fetcher *fetcher
	keeping *keeping
	nearby  *nearby
	watch   *watchers
	marks   *marks
	drafts  *drafts
	uploads *uploads
	sweeper *sweeper
	metrics metrics
	rest    rest
	doors   doors

	peerbook *peerbook
	writing  sync.Mutex // held while an event of our own is dated and taken in

	ctx  context.Context // ends when Close begins
	stop context.CancelFunc
	work sync.WaitGroup
}

// memoryTarget is where the garbage collector begins to work harder, in bytes.
// A node idles far below; pictures and passphrases take it up for a moment.
// GOMEMLIMIT in the environment wins.
const memoryTarget = 160 << 20

// Open opens the home and everything in it, and starts what runs without a
// port. Serve opens the port. A home in use is ErrBusy with a sentence.
func Open(cfg Config) (*Node, error) {
	cfg, err := cfg.withFile()
	if err != nil {
		return nil, err
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryTarget)
	}
	n := &Node{cfg: cfg, log: cfg.Log, now: cfg.Now, started: cfg.Now(), fanout: &Fanout{}, watch: &watchers{}}
	n.ctx, n.stop = context.WithCancel(context.Background())
	if n.home, err = openHome(cfg.Home); err != nil {
		return nil, err
	}
	if err := n.open(); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

func (n *Node) open() error {
	if err := n.openRooms(); err != nil {
		return err
	}
	n.openDesk()
	if err := n.openPeers(); err != nil {
		return err
	}
	if err := n.openDoors(); err != nil {
		return err
	}
	return n.startWork()
}

func (n *Node) openRooms() (err error) {
	if n.ring, err = keys.Open(n.home.path("keys"), rand.Reader); err != nil {
		return err
	}
	if n.store, err = store.Open(n.home.path("events.db"), store.Options{Now: n.now}); err != nil {
		return err
	}
	n.blobs, err = blob.Open(n.home.dir, blob.Options{OnDamaged: n.blobDamaged, Now: n.now})
	if err != nil {
		return err
	}
	if n.peerbook, err = openPeerbook(n.ctx, n.store); err != nil {
		return err
	}
	if n.marks, err = openMarks(n.home.path("marks.json")); err != nil {
		return err
	}
	n.gate, err = keys.OpenGate(n.home.path("keys", "gate.json"), n.ShortID(), n.cfg.AllowedHosts, n.now)
	if err != nil {
		return err
	}
	return keys.WriteFile(n.home.path("run", "token"), []byte(n.gate.Token()))
}

// openDesk makes what decides and remembers.
func (n *Node) openDesk() {
	n.trust = &trust{}
	n.wanted = newWanted(n.now)
	n.policy = &policy{
		now: n.now, open: n.cfg.Open, person: n.ring.Person, trust: n.trust, asked: n.wanted.has,
		parked: n.parkedOf, local: rate.NewLimiter(localPerSecond, localBurst), near: map[event.PubKey]*rate.Limiter{},
	}
	n.fetcher = newFetcher(n)
	n.keeping = newKeeping(n)
	n.nearby = newNearby(n)
	n.drafts = newDrafts(func(name string) string { return n.home.path("cache", name) }, n.now)
	n.uploads = &uploads{n: n}
	n.sweeper = newSweeper(n)
}

func (n *Node) openPeers() (err error) {
	if n.cfg.Alone {
		return nil
	}
	token, err := n.ring.InviteToken()
	if err != nil {
		return err
	}
	n.peers, err = peer.New(peer.Config{
		Key: n.ring.Device(), Port: n.cfg.PeerPort, Log: n.log, Now: n.now, UserAgent: "mural/" + Version(), InviteToken: token,
	}, (*sessionEvents)(n), (*interests)(n), n.blobs)
	if err != nil {
		return portProblem(err, n.cfg.PeerPort, "--peer-port")
	}
	return nil
}

// startWork starts the long-running goroutines. Close waits for them.
func (n *Node) startWork() error {
	if _, err := n.retrust(n.ctx); err != nil {
		return err
	}
	if n.peers == nil {
		return nil
	}
	n.recallPeers()
	n.doors.unwatch = n.peers.Watch(n.peerChanged)
	for _, run := range []func(context.Context){n.fetcher.run, n.keeping.run, n.nearby.run, n.sweeper.run} {
		n.work.Go(func() { run(n.ctx) })
	}
	return nil
}

// Close stops the doors, then the work, then the rooms, and gives the home free.
func (n *Node) Close() error {
	n.stop()
	n.rest.end()
	var errs []error
	errs = append(errs, n.closeDoors())
	if n.doors.unwatch != nil {
		n.doors.unwatch()
	}
	if n.peers != nil {
		errs = append(errs, n.peers.Close())
	}
	n.work.Wait()
	if n.store != nil {
		errs = append(errs, n.store.Close())
	}
	return errors.Join(append(errs, n.home.close())...)
}

// ID is the peer id of this device.
func (n *Node) ID() string { return peerID(n.ring.Device()) }

// ShortID is a short name of this device: it tells cookies of two nodes apart.
func (n *Node) ShortID() string {
	sum := sha256.Sum256([]byte(n.ID()))
	return hex.EncodeToString(sum[:4])
}

// retrust reads the follow lists again and tells the sessions when that changed
// what this node wants.
func (n *Node) retrust(ctx context.Context) (bool, error) {
	me, ok := n.ring.Person()
	if !ok {
		return false, nil
	}
	changed, err := n.trust.rebuild(ctx, me, n.store)
	if err != nil {
		return false, fmt.Errorf("node: rebuilding trust: %w", err)
	}
	if changed && n.peers != nil {
		n.peers.Resync()
	}
	return changed, nil
}

// parkedOf counts an author's events from the future that are kept here.
func (n *Node) parkedOf(ctx context.Context, who event.PubKey) int {
	c, err := n.store.Count(ctx, event.Filter{Authors: []event.PubKey{who}, Since: n.now().Add(event.MaxAhead).Unix() + 1})
	if err != nil {
		return maxParkedPerKey // a store that does not answer parks nothing
	}
	return c
}
