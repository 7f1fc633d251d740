package node

import (
	"context"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"mural/blob"
	"mural/keys"
)

// drafts knows what was taken in lately, so that nothing is thrown away under
// the hands of a person who is about to post it.
//
// What the app takes in is marked by a file in cache/: it may become a post, and
// if it does not it ages out. What a Blossom client uploads has no mark: the
// person asked this node to keep it. Without cache/ nothing has a mark, and
// everything that somebody uploaded stays.
type drafts struct {
	path func(name string) string
	now  func() time.Time

	mu      sync.Mutex              // held while a blob is decided about and deleted
	touched map[blob.Hash]time.Time // when these bytes last came in, since the start
}

const (
	maxTouched    = 100_000 // blobs whose last coming is remembered
	draftSuffix   = ".draft"
	touchedMemory = 24 * time.Hour // after this, coming in again is no longer recent
)

func newDrafts(path func(string) string, now func() time.Time) *drafts {
	return &drafts{path: path, now: now, touched: map[blob.Hash]time.Time{}}
}

// touch notes that these bytes come in. It is called before they get their
// name, so that there is no moment in which a sweep finds them untouched.
func (d *drafts) touch(hashes ...blob.Hash) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	if len(d.touched) >= maxTouched {
		for h, at := range d.touched {
			if now.Sub(at) > touchedMemory {
				delete(d.touched, h)
			}
		}
	}
	for _, h := range hashes {
		d.touched[h] = now
	}
}

// mark says that the app took the blob in for a post that may come.
func (d *drafts) mark(h blob.Hash) error {
	return keys.WriteFile(d.path(h.String()+draftSuffix), []byte(d.now().UTC().Format(time.RFC3339)+"\n"))
}

// marked gives when the app last took the blob in; false if it did not.
func (d *drafts) marked(h blob.Hash) (time.Time, bool) {
	b, err := os.ReadFile(d.path(h.String() + draftSuffix))
	if err != nil || len(b) == 0 {
		return time.Time{}, false
	}
	at, err := time.Parse(time.RFC3339, string(b[:len(b)-1]))
	return at, err == nil
}

// unlessTouched runs drop unless the bytes came in after the given time. While
// it runs, none can come in.
func (d *drafts) unlessTouched(h blob.Hash, after time.Time, drop func() error) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if at, ok := d.touched[h]; ok && at.After(after) {
		return false, nil
	}
	if at, ok := d.marked(h); ok && at.After(after) {
		return false, nil
	}
	return true, drop()
}

// keptBlobs is the blob store as the Blossom door sees it. What posts here show
// stays when its last uploader takes it back: ownership is dropped, no more.
type keptBlobs struct {
	*blob.Store
	n *Node
}

// Put notes what comes in before it gets its name.
func (k keptBlobs) Put(ctx context.Context, r io.Reader, o blob.PutOptions) (blob.Info, error) {
	return k.n.putBlob(ctx, r, o)
}

func (n *Node) putBlob(ctx context.Context, r io.Reader, o blob.PutOptions) (blob.Info, error) {
	check := o.Check
	o.Check = func(whole io.ReadSeeker, info blob.Info) error {
		n.drafts.touch(info.Hash)
		if check == nil {
			return nil
		}
		return check(whole, info)
	}
	return n.blobs.Put(ctx, r, o)
}

// Delete forgets a blob that nobody owns any more, unless a post shows it.
func (k keptBlobs) Delete(h blob.Hash) error {
	shown, err := k.n.isShown(k.n.ctx, h)
	if err != nil || shown {
		return err
	}
	asked := k.n.now()
	_, err = k.n.drafts.unlessTouched(h, asked, func() error { return k.n.dropBlob(h) })
	return err
}

// dropBlob deletes a blob and what was made from it.
func (n *Node) dropBlob(h blob.Hash) error {
	err := n.blobs.Delete(h)
	n.dropCache(h)
	return err
}

// dropCache removes the description, thumbnails and draft mark of a blob.
func (n *Node) dropCache(h blob.Hash) {
	made, err := fs.Glob(os.DirFS(n.home.path("cache")), h.String()+"*")
	if err != nil {
		return // the pattern is hex and a star
	}
	for _, name := range made {
		if err := os.Remove(n.home.path("cache", name)); err != nil {
			n.log.Warn("a thumbnail was not removed", "err", err)
		}
	}
}
