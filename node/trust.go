package node

import (
	"context"
	"fmt"
	"sync"

	"mural/event"
)

// Rings of trust (design, "Peers"): how much this node takes of whom.
const (
	ringMe = iota
	ringFollowing
	ringFriends  // people that people I follow follow
	ringStranger // everybody else
)

// Bounds of the rings.
const (
	maxFollowing = 5000 // people I follow that count
	maxFriends   = 5000 // people they follow that count
)

// trust is the projection of follow lists that admission and wishes need.
type trust struct {
	mu    sync.RWMutex
	rings map[event.PubKey]int
}

func (t *trust) ring(who event.PubKey) int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if r, ok := t.rings[who]; ok {
		return r
	}
	return ringStranger
}

// within gives everybody up to a ring, nearest first.
func (t *trust) within(ring int) []event.PubKey {
	t.mu.RLock()
	defer t.mu.RUnlock()
	var out []event.PubKey
	for r := ringMe; r <= ring; r++ {
		for who, at := range t.rings {
			if at == r {
				out = append(out, who)
			}
		}
	}
	return out
}

type querier interface {
	Query(context.Context, ...event.Filter) ([]*event.Event, error)
}

// rebuild reads the follow lists again. It says whether the rings changed.
func (t *trust) rebuild(ctx context.Context, me event.PubKey, q querier) (bool, error) {
	rings := map[event.PubKey]int{me: ringMe}
	following, err := followed(ctx, q, []event.PubKey{me}, maxFollowing)
	if err != nil {
		return false, err
	}
	addRing(rings, following, ringFollowing)
	friends, err := followed(ctx, q, following, maxFriends)
	if err != nil {
		return false, err
	}
	addRing(rings, friends, ringFriends)
	t.mu.Lock()
	defer t.mu.Unlock()
	changed := !equalRings(t.rings, rings)
	t.rings = rings
	return changed, nil
}

func addRing(rings map[event.PubKey]int, who []event.PubKey, ring int) {
	for _, w := range who {
		if _, nearer := rings[w]; !nearer {
			rings[w] = ring
		}
	}
}

func equalRings(a, b map[event.PubKey]int) bool {
	if len(a) != len(b) {
		return false
	}
	for who, ring := range a {
		if other, ok := b[who]; !ok || other != ring {
			return false
		}
	}
	return true
}

// followed reads the kind 3 lists of some people, up to max names.
func followed(ctx context.Context, q querier, of []event.PubKey, max int) ([]event.PubKey, error) {
	var out []event.PubKey
	for len(of) > 0 && len(out) < max {
		part := of[:min(len(of), event.MaxFilterValues)]
		of = of[len(part):]
		lists, err := q.Query(ctx, event.Filter{Authors: part, Kinds: []event.Kind{event.KindFollows}})
		if err != nil {
			return nil, fmt.Errorf("node: reading follow lists: %w", err)
		}
		for _, l := range lists {
			for _, tag := range l.Tags.All("p") {
				if pk, err := event.ParsePubKey(tag.Value(1)); err == nil && len(out) < max {
					out = append(out, pk)
				}
			}
		}
	}
	return out, nil
}
