package peer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	corepeer "github.com/libp2p/go-libp2p/core/peer"

	"mural/blob"
)

// What a fetch can fail with, besides the errors of package blob.
var (
	ErrNobodyHas = errors.New("no connected peer has this blob")
	ErrBusy      = errors.New("too many blobs are being fetched")
)

// Want names a blob to fetch.
type Want struct {
	Hash   blob.Hash
	Size   int64     // bytes; 0 = ask the peers
	Chunks blob.Hash // name of its chunk list; zero = ask the peers
	From   []string  // peer ids to ask first
}

type fetchKey struct{ file, chunks blob.Hash }

// fetch is one blob on its way here. Callers that want the same blob share it.
type fetch struct {
	h      *Host
	want   Want
	done   chan struct{} // closed when err is set
	err    error
	cancel context.CancelFunc

	mu       sync.Mutex // guards what follows
	waiting  int        // callers; the last one to leave ends the fetch
	progress map[int]func(have, total int64)
	nextID   int
	partial  *blob.Partial
	list     blob.Hash // of partial
	have     int64     // bytes
	queue    []int     // chunks nobody works on, ascending
	flying   map[int]int
	left     int
	strikes  map[corepeer.ID]int
	fatal    error // a failure on this side: disk full and the like

	disbelieved map[blob.Hash]bool // lists that turned out false
}

// Fetch brings a blob here from the peers that have it, several at once, and
// returns when it is stored whole under its hash. What came before an error
// or a cancellation is kept and not fetched again. progress, which may be nil,
// hears of every chunk and must be quick.
//
// Errors: ErrNobodyHas, ErrBusy, those of package blob (ErrFalseList: the list
// that the caller named is not the file's), and ctx's.
func (h *Host) Fetch(ctx context.Context, w Want, progress func(have, total int64)) error {
	if info, err := h.blobs.Stat(w.Hash); err == nil {
		if progress != nil {
			progress(info.Size, info.Size)
		}
		return nil
	}
	for {
		err := h.fetchOnce(ctx, w, progress)
		if !errors.Is(err, context.Canceled) || ctx.Err() != nil || h.ctx.Err() != nil {
			return err
		}
		// It joined a fetch that everybody else was just leaving.
	}
}

func (h *Host) fetchOnce(ctx context.Context, w Want, progress func(have, total int64)) error {
	f, leave, err := h.joinFetch(w, progress)
	if err != nil {
		return err
	}
	defer leave()
	select {
	case <-f.done:
		if f.err != nil {
			return fmt.Errorf("peer: fetching %s: %w", w.Hash, f.err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("peer: fetching %s: %w", w.Hash, ctx.Err())
	}
}

// joinFetch joins the running fetch of the same blob, or starts one.
func (h *Host) joinFetch(w Want, progress func(have, total int64)) (f *fetch, leave func(), err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := fetchKey{w.Hash, w.Chunks}
	f = h.fetches[key]
	if f == nil {
		if len(h.fetches) >= maxFetches {
			return nil, nil, ErrBusy
		}
		f = &fetch{
			h: h, want: w, done: make(chan struct{}), progress: map[int]func(int64, int64){},
			flying: map[int]int{}, strikes: map[corepeer.ID]int{}, disbelieved: map[blob.Hash]bool{},
		}
		ctx, cancel := context.WithCancel(h.ctx)
		f.cancel = cancel
		if !h.taskLocked(func(context.Context) { h.runFetch(ctx, key, f) }) {
			cancel()
			return nil, nil, ErrClosed
		}
		h.fetches[key] = f
	}
	return f, f.join(progress), nil
}

func (f *fetch) join(progress func(have, total int64)) (leave func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting++
	f.nextID++
	id := f.nextID
	if progress != nil {
		f.progress[id] = progress
	}
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.progress, id)
		if f.waiting--; f.waiting == 0 {
			f.cancel()
		}
	}
}

func (h *Host) runFetch(ctx context.Context, key fetchKey, f *fetch) {
	err := f.run(ctx)
	h.mu.Lock()
	delete(h.fetches, key)
	h.mu.Unlock()
	f.closePartial()
	f.cancel()
	f.err = err
	close(f.done)
}

func (f *fetch) closePartial() {
	f.mu.Lock()
	p := f.partial
	f.partial = nil
	f.mu.Unlock()
	if p != nil {
		if err := p.Close(); err != nil {
			f.h.log.Warn("half-fetched blob not closed", "blob", f.want.Hash.String(), "err", err)
		}
	}
}

// partialOf gives what a running fetch has of a file, under that list or, with
// a zero name, under any.
func (h *Host) partialOf(file, list blob.Hash) *blob.Partial {
	h.mu.Lock()
	var fs []*fetch
	for k, f := range h.fetches {
		if k.file == file {
			fs = append(fs, f)
		}
	}
	h.mu.Unlock()
	for _, f := range fs {
		f.mu.Lock()
		p, name := f.partial, f.list
		f.mu.Unlock()
		if p != nil && (list.IsZero() || list == name) {
			return p
		}
	}
	return nil
}

// run tries one claimed list after the other until the blob is here.
func (f *fetch) run(ctx context.Context) error {
	for {
		sources := f.scan(ctx, nil)
		claim, ok := f.choose(sources)
		if !ok {
			return errors.Join(ErrNobodyHas, ctx.Err())
		}
		err := f.gather(ctx, claim, sources)
		switch {
		case errors.Is(err, fs.ErrExist):
			return nil // it came here another way
		case !f.want.Chunks.IsZero():
			return err
		case errors.Is(err, blob.ErrFalseList):
			f.unmask(claim, sources)
		case errors.Is(err, blob.ErrTooLarge) && f.want.Size == 0:
			f.disbelieve(claim) // others may claim a smaller size
		default:
			return err
		}
	}
}

func (f *fetch) disbelieve(claim holding) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.disbelieved[claim.list] = true
}

// unmask drops the peers that claimed to have the whole blob under a false list.
func (f *fetch) unmask(claim holding, sources []*source) {
	f.disbelieve(claim)
	for _, s := range sources {
		if s.holds.list == claim.list && s.holds.state == haveAll {
			f.h.punish(s.id, &Fault{fmt.Sprintf("claimed a false chunk list for blob %s", f.want.Hash)})
		}
	}
}

// gather fetches the chunks under one list, and finishes the blob.
func (f *fetch) gather(ctx context.Context, claim holding, sources []*source) error {
	list, err := f.fetchList(ctx, claim, sources)
	if err != nil {
		return err
	}
	p, err := f.h.blobs.Partial(ctx, f.want.Hash, claim.size, list)
	if err != nil {
		return err
	}
	f.begin(p, claim)
	defer f.closePartial()
	for stalls, before := 0, -1; ; {
		f.work(ctx, claim, sources)
		left, fatal := f.state()
		if stalls++; left != before {
			stalls, before = 0, left
		}
		switch {
		case fatal != nil:
			return fatal
		case left == 0:
			_, err := p.Finish(ctx)
			return err
		case stalls > 0 && !pause(ctx, rescanEvery), ctx.Err() != nil:
			return ctx.Err()
		case stalls > maxStalls:
			return fmt.Errorf("%w: %d chunks are missing", ErrNobodyHas, left)
		}
		if sources = f.scan(ctx, &claim); len(sources) == 0 {
			return ErrNobodyHas
		}
	}
}

// pause waits, unless the context ends first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (f *fetch) begin(p *blob.Partial, claim holding) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.partial, f.list = p, claim.list
	f.queue = p.Missing()
	f.left = len(f.queue)
	f.flying = map[int]int{}
	f.have = p.HaveBytes()
}

func (f *fetch) state() (left int, fatal error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.left, f.fatal
}

// fetchList gets the claimed chunk list from one of the peers that claim it.
// The list of a blob of one chunk is the blob's own name.
func (f *fetch) fetchList(ctx context.Context, claim holding, sources []*source) (blob.List, error) {
	if claim.size == 0 {
		return blob.List{}, nil
	}
	if claim.size <= blob.ChunkSize {
		return blob.ParseList(f.want.Hash[:])
	}
	err := ErrNobodyHas
	for _, s := range sources {
		if s.holds.list != claim.list {
			continue
		}
		list, listErr := f.h.askList(ctx, s.id, f.want.Hash, claim.list)
		if listErr == nil {
			return list, nil
		}
		f.failed(s.id, listErr)
		err = errors.Join(err, listErr)
	}
	return blob.List{}, err
}

func (h *Host) askList(ctx context.Context, id corepeer.ID, file, name blob.Hash) (list blob.List, err error) {
	b, err := h.openBlobStream(ctx, id)
	if err != nil {
		return list, err
	}
	defer func() { b.close(err == nil) }()
	return b.list(file, name)
}

// failed counts a failure against a peer, and drops it for a breach.
func (f *fetch) failed(id corepeer.ID, err error) {
	f.mu.Lock()
	f.strikes[id]++
	f.mu.Unlock()
	var fault *Fault
	if errors.As(err, &fault) {
		f.h.punish(id, fault)
	}
}

// work lets every source deliver until nothing is left or none goes on. New
// sources join as they turn up.
func (f *fetch) work(ctx context.Context, claim holding, sources []*source) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	busy := map[corepeer.ID]bool{}
	ended, found := make(chan corepeer.ID), make(chan []*source)
	scanning := false
	start := func(list []*source) {
		for _, s := range list {
			if ctx.Err() == nil && s.holds.list == claim.list && s.holds.size == claim.size && !busy[s.id] && len(busy) < maxFetchPeers {
				busy[s.id] = true
				go func() { f.drain(ctx, s); ended <- s.id }()
			}
		}
	}
	start(sources)
	rescan := time.NewTicker(rescanEvery)
	defer rescan.Stop()
	for len(busy) > 0 || scanning {
		select {
		case id := <-ended:
			delete(busy, id)
			if left, fatal := f.state(); left == 0 || fatal != nil || len(busy) == 0 {
				cancel() // the others may be waiting for chunks that came from elsewhere
			}
		case list := <-found:
			scanning = false
			start(list)
		case <-rescan.C:
			if !scanning && ctx.Err() == nil {
				scanning = true
				go func() { found <- f.scan(ctx, &claim) }()
			}
		}
	}
}
