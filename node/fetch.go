package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
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
	lastRetry    = 30 * time.Minute // between tries while nobody has it; a new peer is asked at once
	maxWishFrom  = 8                // peers remembered that brought an event with the blob
	maxWishPosts = 8                // events told of a blob when it came
	fetchTime    = 10 * time.Minute // one try at one blob
)

// wish is a blob that is wanted and not here.
type wish struct {
	ref   blobRef
	most  int64      // bytes that its author's ring allows
	from  []string   // peers that brought the event, most likely to have it
	posts []event.ID // events that show it
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
		most := f.most(e.PubKey, ref)
		if ref.Size <= most && !f.n.hasBlob(ref.Hash) {
			f.put(from, e.ID, ref, most)
		}
	}
}

// most gives how many bytes of a blob come unasked, by its author's ring.
func (f *fetcher) most(author event.PubKey, ref blobRef) int64 {
	if ref.Small {
		return fetchStranger
	}
	switch f.n.trust.ring(author) {
	case ringMe, ringFollowing:
		return fetchFollowing
	case ringFriends:
		return fetchFriends
	}
	return fetchStranger
}

// forget gives up a blob that nobody needs any more.
func (f *fetcher) forget(h blob.Hash) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.wish, h)
}

func (f *fetcher) put(from string, id event.ID, ref blobRef, most int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.wish[ref.Hash]
	if w == nil {
		if len(f.wish) >= maxFetches {
			return
		}
		w = &wish{ref: ref, pause: firstRetry}
		f.wish[ref.Hash] = w
	}
	w.most = max(w.most, most)
	if from != "" && len(w.from) < maxWishFrom && !slices.Contains(w.from, from) {
		w.from = append(w.from, from)
	}
	if !id.IsZero() && len(w.posts) < maxWishPosts && !slices.Contains(w.posts, id) {
		w.posts = append(w.posts, id)
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
	f.n.recall(ctx)
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
	f.mu.Lock()
	from, most := slices.Clone(w.from), w.most
	f.mu.Unlock()
	err := f.n.fetchBlob(ctx, w.ref, from, most)
	for _, id := range f.tried(w, err) {
		f.n.watch.tell(web.Change{Post: id})
	}
	f.wake()
}

// tried notes how a try went, and gives the events that show what has come.
func (f *fetcher) tried(w *wish, err error) (posts []event.ID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w.busy = false
	if err != nil && !errors.Is(err, errOverRing) {
		w.next = f.n.now().Add(w.pause)
		w.pause = min(2*w.pause, lastRetry)
		return nil
	}
	if f.wish[w.ref.Hash] == w {
		delete(f.wish, w.ref.Hash)
	}
	if err != nil {
		return nil
	}
	return w.posts
}

var errAlone = fmt.Errorf("node: this command runs without peers: %w", fs.ErrNotExist)

// errOverRing says that a blob turned out larger than what comes unasked.
var errOverRing = errors.New("node: the blob is larger than what is fetched unasked")

// fetchBlob gets one blob of at most so many bytes from whoever has it. It
// refuses when the disk or the share for other people's media is used up.
func (n *Node) fetchBlob(ctx context.Context, ref blobRef, from []string, most int64) error {
	if n.hasBlob(ref.Hash) {
		return nil
	}
	if n.peers == nil {
		return errAlone
	}
	size := first(ref.Size, unknownSize)
	if err := n.room(ctx, size); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	ctx, over := context.WithCancelCause(ctx)
	defer over(nil)
	// Where the event does not say a size, a peer does, with the first chunk.
	watch := func(_, total int64) {
		if total > most || total > size && n.room(ctx, total) != nil {
			over(errOverRing)
		}
	}
	err := n.askPeers(ctx, peer.Want{Hash: ref.Hash, Size: ref.Size, Chunks: ref.Chunks, From: from}, watch)
	switch {
	case err == nil:
		n.blobArrived(ref.Hash)
	case errors.Is(context.Cause(ctx), errOverRing):
		return errOverRing
	}
	return err
}

// askPeers fetches, and asks once more where it shared the work of somebody who
// gave up in that very moment.
func (n *Node) askPeers(ctx context.Context, w peer.Want, progress func(have, total int64)) error {
	const settle = 50 * time.Millisecond
	for tries := 3; ; tries-- {
		err := n.peers.Fetch(ctx, w, progress)
		if !errors.Is(err, context.Canceled) || ctx.Err() != nil || tries == 1 {
			return err
		}
		if err := sleep(ctx, settle); err != nil {
			return err
		}
	}
}

func (n *Node) blobArrived(h blob.Hash) {
	n.watch.tell(web.Change{Blob: web.Hash(h)})
	n.keeping.wake()
}

// room says whether size more bytes of other people's media may be taken.
func (n *Node) room(ctx context.Context, size int64) error {
	_, used := n.blobs.Usage()
	if used-n.uploads.mine(ctx)+size > int64(n.cfg.KeepGB)<<30 {
		return &web.Problem{Status: 507, Code: "full", Message: "The share of the disk for other people's media is used up.", Next: "Raise keep_gb in mural.toml."}
	}
	return n.diskRoom(size)
}

// diskRoom says whether size more bytes fit on the disk.
func (n *Node) diskRoom(size int64) error {
	if diskFree(n.cfg.Home) < minFreeBytes+size {
		return &web.Problem{Status: 507, Code: "full", Message: "The disk is nearly full; nothing more is taken in.", Next: "Free some space and try again."}
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
		n.fetcher.put("", event.ID{}, blobRef{Hash: h}, blob.MaxBlobBytes)
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
	err := n.fetchBlob(ctx, n.refOf(ctx, blob.Hash(h)), nil, blob.MaxBlobBytes)
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
