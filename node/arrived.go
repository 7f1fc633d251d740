package node

import (
	"context"
	"slices"

	"mural/event"
	"mural/lineage"
)

// arrived does what follows from a new event: its blobs are fetched, its
// sources asked for, and a follow list changes whom this node listens to.
// It returns at once; the work goes on in goroutines that Close waits for.
func (n *Node) arrived(src event.Source, e *event.Event) {
	n.wanted.remove(e.ID)
	n.fetcher.add(src.Peer, e)
	n.keeping.posted(e)
	if n.askSources(e) && n.peers != nil {
		n.peers.Resync()
	}
	if e.Kind != event.KindFollows || n.trust.ring(e.PubKey) > ringFollowing {
		return
	}
	if _, err := n.retrust(n.ctx); err != nil && n.ctx.Err() == nil {
		n.log.Error("follow lists not read", "err", err)
	}
}

// askSources notes the sources of a layer that are not here: a layer brings
// what it was made from, whoever wrote it.
func (n *Node) askSources(e *event.Event) bool {
	var ids []event.ID
	for _, edge := range lineage.Edges(e) {
		ids = append(ids, edge.To)
	}
	if len(ids) == 0 {
		return false
	}
	known, err := n.known(n.ctx, ids)
	if err != nil {
		return false
	}
	missing := ids[:0]
	for _, id := range ids {
		if !known[id] {
			missing = append(missing, id)
		}
	}
	return n.wanted.add(missing...)
}

// mediaKinds are the kinds whose blobs are looked for again at start.
var mediaKinds = []event.Kind{
	event.KindProfile, event.KindNote, event.KindPicture, event.KindVideo, event.KindShortVideo, event.KindVoice,
	event.KindVoiceComment, event.KindComment, event.KindArticle, event.KindAddressableVideo, event.KindAddressableShortVideo,
}

const recallMedia = 1000 // newest events whose missing blobs are asked for again

// recallBlobs asks again for what was missing when this node went down.
func (n *Node) recallBlobs(ctx context.Context) {
	found, err := n.store.Query(ctx, event.Filter{Kinds: mediaKinds, Limit: recallMedia})
	if err != nil {
		n.log.WarnContext(ctx, "missing media not looked for", "err", err)
		return
	}
	for _, e := range slices.Backward(found) {
		n.fetcher.add("", e)
	}
}
