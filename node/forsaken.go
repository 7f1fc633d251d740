package node

import (
	"context"

	"mural/blob"
	"mural/event"
	"mural/store"
)

// maxDeletedAddresses bounds the a tags of one deletion whose media are looked for.
const maxDeletedAddresses = 100

// shownByDeleted gives, for each deletion and request to vanish among the
// entries, the blobs that what it removes shows. It is asked before they are
// saved: afterwards nobody knows any more.
func (n *Node) shownByDeleted(ctx context.Context, entries []store.Entry) map[event.ID][]blob.Hash {
	var out map[event.ID][]blob.Hash
	for _, entry := range entries {
		e := entry.Event
		if e.Kind != event.KindDeletion && e.Kind != event.KindVanish {
			continue
		}
		blobs, err := n.shownByTargets(ctx, e)
		if err != nil {
			n.log.WarnContext(ctx, "media of a deleted post not looked for; they age out", "err", err)
			continue
		}
		if out == nil {
			out = map[event.ID][]blob.Hash{}
		}
		out[e.ID] = blobs
	}
	return out
}

func (n *Node) shownByTargets(ctx context.Context, e *event.Event) (blobs []blob.Hash, err error) {
	collect := func(target *event.Event) bool {
		for _, ref := range blobRefs(target) {
			blobs = append(blobs, ref.Hash)
		}
		return len(blobs) < maxForsaken
	}
	if e.Kind == event.KindVanish {
		err = eachEvent(ctx, n.store, event.Filter{Authors: []event.PubKey{e.PubKey}, Until: e.CreatedAt}, collect)
		return blobs, err
	}
	for _, f := range deletedBy(e) {
		if err := eachEvent(ctx, n.store, f, collect); err != nil {
			return nil, err
		}
	}
	return blobs, nil
}

// deletedBy gives filters for what a deletion (NIP-09) removes: its author's own events alone.
func deletedBy(e *event.Event) []event.Filter {
	own := []event.PubKey{e.PubKey}
	var ids []event.ID
	var out []event.Filter
	for _, tag := range e.Tags {
		switch tag.Value(0) {
		case "e":
			if id, err := event.ParseID(tag.Value(1)); err == nil && len(ids) < event.MaxFilterValues {
				ids = append(ids, id)
			}
		case "a":
			a, err := event.ParseAddress(tag.Value(1))
			if err != nil || a.PubKey != e.PubKey || len(out) >= maxDeletedAddresses {
				continue
			}
			f := event.Filter{Authors: own, Kinds: []event.Kind{a.Kind}, Until: e.CreatedAt}
			if a.Kind.IsAddressable() {
				f.Tags = map[byte][]string{'d': {a.Identifier}}
			}
			out = append(out, f)
		}
	}
	if len(ids) > 0 {
		out = append(out, event.Filter{Authors: own, IDs: ids})
	}
	return out
}
