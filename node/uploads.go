package node

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"mural/blob"
	"mural/blossom"
	"mural/event"
	"mural/web"
)

// What programs on this machine, and web clients the owner allowed, may store
// under keys other than the owner's. docs/protocol/admission.md announces it.
const (
	uploadPerKeyDay  = 256 << 20 // bytes of one key in 24 hours
	uploadsPerKeyDay = 1000      // files of one key in 24 hours
	uploadPrograms   = 2 << 30   // bytes of all such keys together

	reservedFor    = time.Hour   // how long an upload that was let in counts before it is whole
	maxReserved    = 1000        // uploads let in and not whole
	programsMemory = time.Minute // how long a count of all uploads is believed
)

// uploads is the quota of programs. What is stored already is read from the
// blob store; what was let in and is still coming is remembered here.
type uploads struct {
	n  *Node
	mu sync.Mutex // guards what follows

	coming  []reservation
	counted time.Time
	used    usage
}

// usage is what uploads take on disk, in bytes.
type usage struct{ mine, programs int64 }

type reservation struct {
	who  event.PubKey
	size int64
	at   time.Time
}

// allowUpload lets the owner and the owner's key store blobs as the disk
// allows, programs and allowed web clients under a quota, and nobody else.
func (n *Node) allowUpload(r *http.Request, who event.PubKey, size int64) error {
	v := n.gate.Identify(r)
	me, ok := n.ring.Person()
	switch {
	case v.Owner || ok && who == me:
		return fits(n.diskRoom(size))
	case n.cfg.Open:
		return fits(n.room(r.Context(), size))
	case v.Local || v.OriginAllowed:
		return n.uploads.admit(r.Context(), who, size, r.Method == http.MethodPut)
	}
	return &blossom.Refusal{Status: http.StatusForbidden, Reason: "This node stores media for its owner and for programs on its owner's machine only."}
}

// fits tells a problem in the way of the Blossom door.
func fits(err error) error {
	var p *web.Problem
	if errors.As(err, &p) {
		return &blossom.Refusal{Status: p.Status, Reason: p.Message + " " + p.Next}
	}
	return err
}

// admit says whether a program may store size bytes as who, and keeps the
// place for it where it is about to come.
func (u *uploads) admit(ctx context.Context, who event.PubKey, size int64, comes bool) error {
	if err := fits(u.n.room(ctx, size)); err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.check(ctx, who, size); err != nil {
		return err
	}
	if comes {
		u.coming = append(u.coming, reservation{who, size, u.n.now()})
	}
	return nil
}

func (u *uploads) check(ctx context.Context, who event.PubKey, size int64) error {
	files, bytes, err := u.today(ctx, who)
	if err != nil {
		return fmt.Errorf("node: reading the quota of uploads: %w", err)
	}
	if err := u.countLocked(ctx); err != nil {
		return fmt.Errorf("node: reading the quota of uploads: %w", err)
	}
	all := u.used.programs
	for _, r := range u.live() {
		all += r.size
		if r.who == who {
			files, bytes = files+1, bytes+r.size
		}
	}
	switch {
	case len(u.coming) >= maxReserved:
		return &blossom.Refusal{Status: http.StatusTooManyRequests, Reason: "Too many uploads at once; try again when some are done."}
	case files >= uploadsPerKeyDay || bytes+size > uploadPerKeyDay:
		return &blossom.Refusal{Status: http.StatusTooManyRequests, Reason: fmt.Sprintf(
			"A key of a program may store %d MiB and %d files a day on this node; try again tomorrow, or upload as the owner.", uploadPerKeyDay>>20, uploadsPerKeyDay)}
	case all+size > uploadPrograms:
		return &blossom.Refusal{Status: http.StatusInsufficientStorage, Reason: fmt.Sprintf(
			"Programs may store %d GiB together on this node, and that is used up; delete some uploads, or upload as the owner.", uploadPrograms>>30)}
	}
	return nil
}

// live drops what was let in and never came.
func (u *uploads) live() []reservation {
	now, kept := u.n.now(), u.coming[:0]
	for _, r := range u.coming {
		if now.Sub(r.at) < reservedFor {
			kept = append(kept, r)
		}
	}
	u.coming = kept
	return kept
}

func (u *uploads) today(ctx context.Context, who event.PubKey) (files int, bytes int64, err error) {
	list, err := u.n.blobs.Uploads(ctx, who)
	if err != nil {
		return 0, 0, err
	}
	for _, up := range list { // newest first
		if u.n.now().Sub(up.At) >= 24*time.Hour {
			break
		}
		files++
		if info, err := u.n.blobs.Stat(up.Hash); err == nil {
			bytes += info.Size
		}
	}
	return files, bytes, nil
}

// countLocked adds up what uploads take, at most once in programsMemory.
func (u *uploads) countLocked(ctx context.Context) error {
	if now := u.n.now(); u.counted.IsZero() || now.Sub(u.counted) >= programsMemory {
		used, err := u.n.countUploads(ctx)
		if err != nil {
			return err
		}
		u.used, u.counted = used, now
	}
	return nil
}

func (n *Node) countUploads(ctx context.Context) (usage, error) {
	owners, err := n.owners(ctx)
	if err != nil {
		return usage{}, err
	}
	me, _ := n.ring.Person()
	var u usage
	for h, who := range owners {
		info, err := n.blobs.Stat(h)
		if err != nil {
			continue // deleted, and still on somebody's list
		}
		if owners.has(me, h) {
			u.mine += info.Size
		} else if len(who) > 0 {
			u.programs += info.Size
		}
	}
	return u, nil
}

// mine gives how many bytes the person of this node uploaded.
func (u *uploads) mine(ctx context.Context) int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.countLocked(ctx); err != nil {
		return 0 // everything counts as other people's: nothing more is taken in
	}
	return u.used.mine
}

// came turns a place that was kept into bytes on disk.
func (u *uploads) came(who event.PubKey, size int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for i, r := range u.coming {
		if r.who == who && r.size == size {
			u.coming = append(u.coming[:i], u.coming[i+1:]...)
			u.used.programs += size
			return
		}
	}
}

// countedOwners is the list of owners as the Blossom door sees it.
type countedOwners struct {
	*blob.Store
	n *Node
}

// AddOwner remembers who uploaded a blob, which is on disk now.
func (c countedOwners) AddOwner(ctx context.Context, h blob.Hash, who event.PubKey) error {
	if err := c.Store.AddOwner(ctx, h, who); err != nil {
		return err
	}
	if info, err := c.Stat(h); err == nil {
		c.n.uploads.came(who, info.Size)
	}
	return nil
}
