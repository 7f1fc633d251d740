package node

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"mural/event"
)

// Quotas of admission, announced in docs/protocol/admission.md.
const (
	localPerSecond   = 100  // events a second from programs on this machine
	localBurst       = 5000 // events they may send at once
	nearbyPerMinute  = 120  // events a minute from a neighbour nobody here follows
	nearbyBurst      = 1000
	maxParkedPerKey  = 20   // events from the future kept per author
	maxNeighbourKeys = 1024 // neighbours whose quota is remembered
)

// policy decides who may put what into this node. It knows nothing of transports.
type policy struct {
	now    func() time.Time
	open   bool
	person func() (event.PubKey, bool)
	trust  *trust
	asked  func(event.ID) bool // did we ask for this event (source of a layer)?
	parked func(context.Context, event.PubKey) int

	local *rate.Limiter
	mu    sync.Mutex // guards near
	near  map[event.PubKey]*rate.Limiter
}

func (p *policy) judge(ctx context.Context, src event.Source, e *event.Event) (event.Status, string) {
	if status, why := p.shape(ctx, src, e); status != event.Accepted {
		return status, why
	}
	switch {
	case p.open || src.Owner || src.Via == event.ViaSelf:
		return event.Accepted, ""
	case src.Via == event.ViaPeer || src.Via == event.ViaBundle:
		return p.fromPeer(src, e)
	case src.Local:
		return p.fromProgram()
	default:
		return event.Restricted, "this node takes posts from its owner and the owner's programs only"
	}
}

// shape refuses what nobody may store, whoever brings it.
func (p *policy) shape(ctx context.Context, src event.Source, e *event.Event) (event.Status, string) {
	if e.Kind == event.KindAuth {
		return event.Invalid, "AUTH events are for one relay and are not stored"
	}
	if e.IsProtected() && !p.fromAuthor(src, e) {
		// NIP-70: a protected event enters only from its author.
		return event.AuthNeeded, "this event is protected; only its author may publish it"
	}
	if !ahead(e, p.now()) {
		return event.Accepted, ""
	}
	if src.Via == event.ViaClient || src.Via == event.ViaSelf {
		return event.Invalid, "created_at is more than 15 minutes in the future; check the clock"
	}
	if !e.Kind.IsRegular() || p.parked(ctx, e.PubKey) >= maxParkedPerKey {
		return event.Invalid, "created_at lies in the future"
	}
	return event.Accepted, "" // parked: shown as "time uncertain"
}

func (p *policy) fromAuthor(src event.Source, e *event.Event) bool {
	me, ok := p.person()
	return src.Via == event.ViaSelf || slices.Contains(src.Auth, e.PubKey) || src.Owner && ok && e.PubKey == me
}

func (p *policy) fromProgram() (event.Status, string) {
	if p.local.AllowN(p.now(), 1) {
		return event.Accepted, ""
	}
	return event.RateLimited, "programs on this machine may send 100 events a second; slow down, or start mural with --open"
}

// fromPeer admits by trust ring: me, people I follow, people they follow,
// neighbours (bounded), and whatever a layer we keep was made from.
func (p *policy) fromPeer(src event.Source, e *event.Event) (event.Status, string) {
	if p.trust.ring(e.PubKey) <= ringFriends || p.asked(e.ID) {
		return event.Accepted, ""
	}
	if !slices.Contains(src.Auth, e.PubKey) {
		return event.Restricted, "nobody here follows its author"
	}
	if !p.neighbour(e.PubKey).AllowN(p.now(), 1) {
		return event.RateLimited, "too much from one neighbour at once"
	}
	return event.Accepted, ""
}

func (p *policy) neighbour(who event.PubKey) *rate.Limiter {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.near[who]
	if l == nil {
		if len(p.near) >= maxNeighbourKeys {
			clear(p.near) // forgetting is kinder than growing
		}
		l = rate.NewLimiter(nearbyPerMinute/60.0, nearbyBurst)
		p.near[who] = l
	}
	return l
}
