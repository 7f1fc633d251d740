package node

import (
	"context"
	"slices"

	"mural/event"
	"mural/lineage"
)

// arrived does what follows from new events: their blobs are fetched, their
// sources asked for, what reposts carry is taken in, and a follow list changes
// whom this node listens to. Fetching goes on in goroutines that Close waits for.
func (n *Node) arrived(ctx context.Context, src event.Source, fresh []*event.Event) {
	var asked bool
	var reposts []repost
	for _, e := range fresh {
		hops := n.wanted.remove(e.ID)
		n.fetcher.add(src.Peer, e)
		n.keeping.posted(e)
		asked = n.ask(ctx, hops+1, sourcesOf(e)) || asked
		if isBareRepost(e) {
			reposts = append(reposts, repost{e, hops})
		}
		if e.Kind == event.KindFollows && n.trust.ring(e.PubKey) <= ringFollowing {
			n.listen()
		}
	}
	asked = n.unpack(ctx, src, reposts) || asked
	if asked && n.peers != nil {
		n.peers.Resync()
	}
}

// listen reads the follow lists again.
func (n *Node) listen() {
	if _, err := n.retrust(n.ctx); err != nil && n.ctx.Err() == nil {
		n.log.Error("follow lists not read", "err", err)
	}
}

func sourcesOf(e *event.Event) []event.ID {
	var ids []event.ID
	for _, edge := range lineage.Edges(e) {
		if !slices.Contains(ids, edge.To) {
			ids = append(ids, edge.To)
		}
	}
	return ids
}

// ask notes which of the events are not here, to be asked for by name: a layer
// brings what it was made from, whoever wrote it. It says whether that is news.
func (n *Node) ask(ctx context.Context, hops int, ids []event.ID) bool {
	if len(ids) == 0 {
		return false
	}
	known, err := n.known(ctx, ids)
	if err != nil {
		return false // asked again after the next start
	}
	missing := slices.DeleteFunc(slices.Clone(ids), func(id event.ID) bool { return known[id] })
	return n.wanted.add(hops, missing...)
}

// mediaKinds are the kinds whose blobs are looked for again at start.
var mediaKinds = []event.Kind{
	event.KindProfile, event.KindNote, event.KindPicture, event.KindVideo, event.KindShortVideo, event.KindVoice,
	event.KindVoiceComment, event.KindComment, event.KindArticle, event.KindAddressableVideo, event.KindAddressableShortVideo,
}

const recallMedia = 1000 // newest events whose missing blobs and sources are asked for again

// recall asks again for the media and the sources that were missing when this
// node went down. Only those of people within the rings: a stranger's own
// sources were a matter of the moment.
func (n *Node) recall(ctx context.Context) {
	found, err := n.store.Query(ctx, event.Filter{Kinds: mediaKinds, Limit: recallMedia})
	if err != nil {
		if ctx.Err() == nil {
			n.log.WarnContext(ctx, "missing media not looked for", "err", err)
		}
		return
	}
	var sources []event.ID
	for _, e := range slices.Backward(found) {
		n.fetcher.add("", e)
		if n.trust.ring(e.PubKey) <= ringFriends {
			sources = append(sources, sourcesOf(e)...)
		}
	}
	if n.ask(ctx, 1, sources) {
		n.peers.Resync()
	}
}
