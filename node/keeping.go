package node

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"mural/blob"
	"mural/event"
	"mural/peer"
	"mural/store"
	"mural/web"
)

// How often other devices are asked to prove that they have a post.
const (
	auditPosts   = 100              // newest posts looked after
	auditAgain   = 6 * time.Hour    // after a right answer
	auditFirst   = 2 * time.Second  // after a wrong one, doubling
	auditSlowest = 30 * time.Minute // up to this
	auditBudget  = 64               // challenges in one round
	auditTime    = 15 * time.Second // for one answer
	auditSettle  = 700 * time.Millisecond
)

// proof names one thing that one device can be asked for: a blob, or an event
// without blobs by its id.
type proof struct {
	what [32]byte
	peer string
}

// answer is how the last challenge went.
type answer struct {
	next  time.Time
	pause time.Duration
}

// keeping knows which devices keep a post: those that answered a random
// challenge for each of its blobs, and when.
type keeping struct {
	n    *Node
	kick chan struct{}
	mu   sync.Mutex // guards asked
	ask  map[proof]answer
}

func newKeeping(n *Node) *keeping {
	return &keeping{n: n, kick: make(chan struct{}, 1), ask: map[proof]answer{}}
}

func (k *keeping) wake() {
	select {
	case k.kick <- struct{}{}:
	default:
	}
}

func (k *keeping) posted(e *event.Event) {
	if slices.Contains(mediaKinds, e.Kind) {
		k.wake()
	}
}

// run audits until ctx ends: after something happened, and when an answer is due.
func (k *keeping) run(ctx context.Context) {
	for {
		wait := k.round(ctx)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		case <-k.kick:
			timer.Stop()
			if sleep(ctx, auditSettle) != nil { // several things happen at once
				return
			}
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// round asks what is due, and gives how long nothing will be.
func (k *keeping) round(ctx context.Context) time.Duration {
	connected := k.n.connected()
	if len(connected) == 0 {
		return auditAgain
	}
	posts, err := k.n.store.Query(ctx, event.Filter{Kinds: mediaKinds[1:], Limit: auditPosts})
	if err != nil {
		return auditSlowest
	}
	wait, left := auditAgain, auditBudget
	for _, e := range posts {
		for _, p := range connected {
			w := k.auditPost(ctx, e, p, &left)
			wait = min(wait, w)
			if left <= 0 || ctx.Err() != nil {
				return auditFirst
			}
		}
	}
	return max(wait, auditSettle)
}

func (k *keeping) auditPost(ctx context.Context, e *event.Event, peerID string, left *int) time.Duration {
	wait := auditAgain
	news := false
	for _, key := range proofsOf(e) {
		p := proof{key, peerID}
		if in := k.dueIn(p); in > 0 {
			wait = min(wait, in)
			continue
		}
		*left--
		ok := k.n.challenge(ctx, peerID, e, key)
		news = news || ok
		wait = min(wait, k.note(p, ok))
	}
	if news {
		k.n.watch.tell(web.Change{Post: e.ID})
	}
	return wait
}

func (k *keeping) dueIn(p proof) time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ask[p].next.Sub(k.n.now())
}

func (k *keeping) note(p proof, ok bool) time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	a := k.ask[p]
	a.pause = max(auditFirst, min(2*a.pause, auditSlowest))
	if ok {
		a.pause = auditAgain
	}
	a.next = k.n.now().Add(a.pause)
	if len(k.ask) > 50*auditPosts*auditBudget {
		clear(k.ask) // asked again sooner than needed, never more than one round's budget
	}
	k.ask[p] = a
	return a.pause
}

// peerWent forgets how a peer answered, so that it is asked anew when it comes back.
func (k *keeping) peerWent(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	maps.DeleteFunc(k.ask, func(p proof, _ answer) bool { return p.peer == id })
}

// proofsOf names what a device must have to keep a post: every blob, or, where
// there is none, the signed event itself.
func proofsOf(e *event.Event) [][32]byte {
	var out [][32]byte
	for _, ref := range blobRefs(e) {
		if !ref.Small {
			out = append(out, ref.Hash)
		}
	}
	if len(out) == 0 {
		out = append(out, e.ID)
	}
	return out
}

// challenge asks one device for one proof, checked against our own copy.
func (n *Node) challenge(ctx context.Context, peerID string, e *event.Event, key [32]byte) bool {
	ctx, cancel := context.WithTimeout(ctx, auditTime)
	defer cancel()
	var err error
	if key == e.ID {
		err = n.peers.ChallengeEvent(ctx, peerID, e)
	} else {
		info, absent := n.blobs.Stat(blob.Hash(key))
		if absent != nil {
			n.fetcher.add(peerID, e) // without a copy of our own there is nothing to check against
			return false
		}
		err = n.peers.Challenge(ctx, peerID, info.Hash, info.Size)
	}
	if err != nil {
		if errors.Is(err, peer.ErrChallenge) {
			n.keepsNoMore(ctx, peerID, e.ID, key)
		}
		return false
	}
	keeper := store.Keeper{Blob: key, Peer: peerID, Person: n.personOf(peerID), At: n.now()}
	if err := n.store.RecordKeeper(ctx, keeper); err != nil {
		n.log.WarnContext(ctx, "keeper not noted", "err", err)
		return false
	}
	return true
}

// keepsNoMore counts a device no longer that is connected and could not answer.
// One that went dark is counted with the time of its last answer.
func (n *Node) keepsNoMore(ctx context.Context, peerID string, post event.ID, key [32]byte) {
	list, err := n.store.Keepers(ctx, key)
	if err != nil || !slices.Contains(n.connected(), peerID) {
		return
	}
	if !slices.ContainsFunc(list, func(k store.Keeper) bool { return k.Peer == peerID }) {
		return
	}
	if err := n.store.ForgetKeeper(ctx, key, peerID); err != nil {
		n.log.WarnContext(ctx, "keeper not forgotten", "err", err)
		return
	}
	n.watch.tell(web.Change{Post: post})
}

// Kept says for each post which devices keep it and whether its author's are awake.
func (n *Node) Kept(ctx context.Context, posts []*event.Event) (map[event.ID]web.Kept, error) {
	out := make(map[event.ID]web.Kept, len(posts))
	authors, err := n.authorStates(ctx, posts)
	if err != nil {
		return nil, err
	}
	for _, e := range posts {
		kept := authors[e.PubKey]
		keepers, err := n.keepersOf(ctx, e)
		if err != nil {
			return nil, err
		}
		kept.Keepers = keepers
		out[e.ID] = kept
	}
	return out, nil
}

// keepersOf: a device keeps a post when it answered for every part of it; the
// time is that of its oldest answer.
func (n *Node) keepersOf(ctx context.Context, e *event.Event) ([]web.Keeper, error) {
	parts := proofsOf(e)
	count := map[string]int{}
	found := map[string]web.Keeper{}
	for _, key := range parts {
		list, err := n.store.Keepers(ctx, key)
		if err != nil {
			return nil, err
		}
		for _, k := range list {
			count[k.Peer]++
			w, ok := found[k.Peer]
			if !ok || k.At.Before(w.At) {
				found[k.Peer] = web.Keeper{Peer: k.Peer, Person: k.Person, At: k.At}
			}
		}
	}
	out := n.selfKeeps(e, parts)
	for _, id := range slices.Sorted(maps.Keys(found)) {
		if count[id] == len(parts) && id != n.ID() {
			out = append(out, found[id])
		}
	}
	return out, nil
}

func (n *Node) selfKeeps(e *event.Event, parts [][32]byte) []web.Keeper {
	for _, key := range parts {
		if key != e.ID && !n.hasBlob(key) {
			return nil
		}
	}
	me, _ := n.ring.Person()
	return []web.Keeper{{Peer: n.ID(), Person: me, This: true, At: n.now()}}
}
