package node

import (
	"context"
	"slices"
	"time"

	"mural/blob"
	"mural/event"
	"mural/peer"
)

// neighbourWindow is how far back the posts of a neighbour go that nobody here follows.
const neighbourWindow = 30 * 24 * time.Hour

// publicKinds is what sessions carry: everything that is meant to be seen.
// Private kinds (messages, sealed boxes, settings) are not among them.
var publicKinds = []event.Kind{
	event.KindProfile, event.KindNote, event.KindFollows, event.KindDeletion, event.KindRepost, event.KindReaction,
	event.KindGenericRepost, event.KindPicture, event.KindVideo, event.KindShortVideo, event.KindVanish,
	event.KindFileMetadata, event.KindComment, event.KindVoice, event.KindVoiceComment, event.KindLabel,
	event.KindCutList, event.KindContextNote, event.KindDecision, event.KindHighlight,
	event.KindRelayList, event.KindBlobServers, event.KindDevices, event.KindArticle, event.KindLive,
	event.KindAddressableVideo, event.KindAddressableShortVideo, event.KindMural, event.KindBrushstroke,
	event.KindLogHead, event.KindRating, event.KindVerdict, event.KindStewardship,
}

// sessionEvents is the node as sessions see it.
type sessionEvents Node

func (s *sessionEvents) Accept(ctx context.Context, src event.Source, es []*event.Event) []event.Verdict {
	return (*Node)(s).Accept(ctx, src, es)
}

func (s *sessionEvents) Query(ctx context.Context, f ...event.Filter) ([]*event.Event, error) {
	return s.store.Query(ctx, f...)
}

func (s *sessionEvents) Stamps(ctx context.Context, f ...event.Filter) ([]event.Stamp, error) {
	return s.store.Stamps(ctx, f...)
}

func (s *sessionEvents) Subscribe(f []event.Filter, deliver func(*event.Event)) func() {
	return s.fanout.Subscribe(f, deliver)
}

// interests says what this node wants of a peer and gives to it.
type interests Node

// Hello introduces this node: who its person is and what they look like.
func (i *interests) Hello(ctx context.Context) []*event.Event {
	who, ok := i.ring.Person()
	if !ok {
		return nil
	}
	var out []*event.Event
	for _, kind := range []event.Kind{event.KindDevices, event.KindProfile} {
		if e, err := (*Node)(i).newest(ctx, who, kind); err == nil && e != nil {
			out = append(out, e)
		}
	}
	return out
}

// Wants gives my people, their people, the neighbour's own posts while this
// device shows itself here, and sources that layers name.
func (i *interests) Wants(_ context.Context, p peer.Peer) []event.Filter {
	var out []event.Filter
	people := i.trust.within(ringFriends)
	slices.SortFunc(people, func(a, b event.PubKey) int { return slices.Compare(a[:], b[:]) })
	for part := range slices.Chunk(people, event.MaxFilterValues) {
		out = append(out, event.Filter{Authors: part, Kinds: publicKinds})
	}
	if i.neighbourly(p) {
		out = append(out, event.Filter{Authors: []event.PubKey{p.Person}, Kinds: publicKinds, Since: i.now().Add(-neighbourWindow).Unix()})
	}
	for part := range slices.Chunk(i.wanted.list(), event.MaxFilterValues) {
		out = append(out, event.Filter{IDs: part})
	}
	return out
}

func (i *interests) neighbourly(p peer.Peer) bool {
	return p.Nearby && !p.Person.IsZero() && i.trust.ring(p.Person) == ringStranger && i.nearby.choice() == nearbyOn
}

// May gives what is public. A protected event (NIP-70) goes to its author's own devices alone.
func (i *interests) May(_ context.Context, p peer.Peer, e *event.Event) bool {
	if e.IsProtected() && p.Person != e.PubKey {
		return false
	}
	return slices.Contains(publicKinds, e.Kind)
}

// BlobAllowed: whatever the blob store holds was published; originals are not in it.
func (i *interests) BlobAllowed(context.Context, peer.Peer, blob.Hash) bool { return true }

// Knows says whose devices are told who the person of this node is: my own,
// and those of people I follow. Others need an invitation, or to be near.
func (i *interests) Knows(_ context.Context, who event.PubKey) bool {
	return i.trust.ring(who) <= ringFollowing
}
