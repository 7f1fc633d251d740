package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"mural/blob"
	"mural/event"
	"mural/peer"
	"mural/web"
)

// What is fetched without being asked, by trust ring of the author. Larger
// media come when somebody opens the post.
const (
	fetchFollowing = 256 << 20 // bytes of one blob of people I follow
	fetchFriends   = 32 << 20  // of people they follow
	fetchStranger  = 8 << 20   // of neighbours and of sources of layers
	unknownSize    = 4 << 20   // what a blob counts that does not say its size

	fetchWorkers = 3
	maxFetches   = 10_000           // blobs waited for at once
	firstRetry   = 2 * time.Second  // after a peer did not have it yet
	lastRetry    = 10 * time.Minute // between tries while nobody has it
	fetchTime    = 10 * time.Minute // one try at one blob
)

// wish is a blob that is wanted and not here.
type wish struct {
	ref   blobRef
	from  []string // peers that brought the event, most likely to have it
	event event.ID
	next  time.Time
	pause time.Duration
	busy  bool
}

// fetcher gets missing blobs from peers in the background.
type fetcher struct {
	n    *Node
	kick chan struct{}
	mu   sync.Mutex // guards wishes
	wish map[blob.Hash]*wish
}

func newFetcher(n *Node) *fetcher {
	return &fetcher{n: n, kick: make(chan struct{}, 1), wish: map[blob.Hash]*wish{}}
}

// add wishes for the blobs of an event that are not here and that its author's
// ring allows. from is the peer that brought it.
func (f *fetcher) add(from string, e *event.Event) {
	if f.n.peers == nil {
		return
	}
	for _, ref := range blobRefs(e) {
		if f.allowed(e.PubKey, ref) && !f.n.hasBlob(ref.Hash) {
			f.put(from, e.ID, ref)
		}
	}
}

func (f *fetcher) allowed(author event.PubKey, ref blobRef) bool {
	size := ref.Size
	if size <= 0 {
		size = unknownSize
	}
	if ref.Small {
		return size <= fetchStranger
	}
	switch f.n.trust.ring(author) {
	case ringMe, ringFollowing:
		return size <= fetchFollowing
	case ringFriends:
		return size <= fetchFriends
	}
	return size <= fetchStranger
}

func (f *fetcher) put(from string, id event.ID, ref blobRef) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.wish[ref.Hash]
	if w == nil {
		if len(f.wish) >= maxFetches {
			return
		}
		w = &wish{ref: ref, event: id, pause: firstRetry}
		f.wish[ref.Hash] = w
	}
	if from != "" && len(w.from) < 8 {
		w.from = append(w.from, from)
	}
	w.next = f.n.now()
	f.wake()
}

func (f *fetcher) wake() {
	select {
	case f.kick <- struct{}{}:
	default:
	}
}

// peerCame tries everything again: a new peer may have what nobody had.
func (f *fetcher) peerCame() {
	f.mu.Lock()
	for _, w := range f.wish {
		w.next, w.pause = f.n.now(), firstRetry
	}
	f.mu.Unlock()
	f.wake()
}

// run fetches until ctx ends. It sleeps while nothing is wished for.
func (f *fetcher) run(ctx context.Context) {
	f.n.recallBlobs(ctx)
	jobs := make(chan *wish)
	var workers sync.WaitGroup
	for range fetchWorkers {
		workers.Go(func() {
			for w := range jobs {
				f.try(ctx, w)
			}
		})
	}
	f.deal(ctx, jobs)
	close(jobs)
	workers.Wait()
}

func (f *fetcher) deal(ctx context.Context, jobs chan<- *wish) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		w, wait := f.due()
		if w != nil {
			select {
			case jobs <- w:
				continue
			case <-ctx.Done():
				return
			}
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return
		case <-f.kick:
		case <-timer.C:
		}
	}
}

// due gives a wish whose time has come, or how long to sleep.
func (f *fetcher) due() (*wish, time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	wait := time.Hour
	for _, w := range f.wish {
		if w.busy {
			continue
		}
		left := w.next.Sub(f.n.now())
		if left <= 0 {
			w.busy = true
			return w, 0
		}
		wait = min(wait, left)
	}
	return nil, wait
}

func (f *fetcher) try(ctx context.Context, w *wish) {
	err := f.n.fetchBlob(ctx, w.ref, w.from, fetchTime)
	f.mu.Lock()
	defer f.mu.Unlock()
	w.busy = false
	if err == nil {
		delete(f.wish, w.ref.Hash)
		f.wake()
		return
	}
	w.next = f.n.now().Add(w.pause)
	w.pause = min(2*w.pause, lastRetry)
	f.wake()
}

var errAlone = fmt.Errorf("node: this command runs without peers: %w", fs.ErrNotExist)

// fetchBlob gets one blob from whoever has it. It refuses when the disk or the
// share for other people's media is used up.
func (n *Node) fetchBlob(ctx context.Context, ref blobRef, from []string, limit time.Duration) error {
	if n.hasBlob(ref.Hash) {
		return nil
	}
	if n.peers == nil {
		return errAlone
	}
	if err := n.room(ref.Size); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := n.peers.Fetch(ctx, peer.Want{Hash: ref.Hash, Size: ref.Size, Chunks: ref.Chunks, From: from}, nil)
	if err == nil {
		n.blobArrived(ref.Hash)
	}
	return err
}

func (n *Node) blobArrived(h blob.Hash) {
	n.watch.tell(web.Change{Blob: web.Hash(h)})
	n.keeping.wake()
}

// room says whether size more bytes may be taken for others.
func (n *Node) room(size int64) error {
	_, used := n.blobs.Usage()
	if used+size > int64(n.cfg.KeepGB)<<30 {
		return errors.New("node: the share of the disk for media is used up; raise keep_gb in mural.toml")
	}
	if diskFree(n.cfg.Home) < minFreeBytes+size {
		return errors.New("node: the disk is nearly full; nothing more is fetched")
	}
	return nil
}

func (n *Node) hasBlob(h blob.Hash) bool {
	_, err := n.blobs.Stat(h)
	return err == nil
}

// blobDamaged is told of a file that no longer matches its name; it is fetched again.
func (n *Node) blobDamaged(h blob.Hash) {
	n.log.Warn("a file on disk was damaged and is fetched again", "blob", h.String())
	if n.fetcher != nil {
		n.fetcher.put("", event.ID{}, blobRef{Hash: h})
	}
}

// Have says how much of a blob is here. It never touches the network.
func (n *Node) Have(_ context.Context, h web.Hash) web.Have {
	info, err := n.blobs.Stat(blob.Hash(h))
	if err != nil {
		return web.Have{}
	}
	return web.Have{Bytes: info.Size, Size: info.Size, Whole: true}
}

// Fetch asks peers for a blob until it is whole or ctx ends.
func (n *Node) Fetch(ctx context.Context, h web.Hash) (web.Have, error) {
	err := n.fetchBlob(ctx, n.refOf(ctx, blob.Hash(h)), nil, fetchTime)
	for _, nobody := range []error{peer.ErrNobodyHas, fs.ErrNotExist, context.DeadlineExceeded} {
		if errors.Is(err, nobody) {
			return n.Have(ctx, h), nil // said by Have, not an error
		}
	}
	return n.Have(ctx, h), err
}

// refOf finds what events say of a blob.
func (n *Node) refOf(ctx context.Context, h blob.Hash) blobRef {
	found, err := n.store.Query(ctx, event.Filter{Tags: map[byte][]string{'x': {h.String()}}, Limit: 5})
	if err == nil {
		for _, e := range found {
			for _, r := range blobRefs(e) {
				if r.Hash == h {
					return r
				}
			}
		}
	}
	return blobRef{Hash: h}
}
