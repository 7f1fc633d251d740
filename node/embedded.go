package node

import (
	"context"
	"slices"

	"mural/event"
)

// maxEmbedded bounds the bytes of an event inside a bare repost.
const maxEmbedded = event.MaxEventBytes / 2

func isBareRepost(e *event.Event) bool {
	return e.Kind == event.KindRepost || e.Kind == event.KindGenericRepost
}

// repost is an accepted bare repost, and how far it is from a post that was
// not asked for by name.
type repost struct {
	*event.Event
	hops int
}

// unpack takes in what accepted bare reposts (NIP-18) carry in their content,
// from the same source as the repost, and asks for what they only name. A
// stranger's work crosses trust rings here. It says whether something is to be
// asked for now.
func (n *Node) unpack(ctx context.Context, src event.Source, reposts []repost) (ask bool) {
	var inside []*event.Event
	var asked []event.ID
	for _, r := range reposts {
		id, err := event.ParseID(r.Tags.First("e").Value(1))
		if err != nil {
			continue
		}
		if n.ask(ctx, r.hops+1, []event.ID{id}) {
			asked = append(asked, id)
		}
		if e := embedded(r.Event, id); e != nil {
			inside = append(inside, e)
		}
	}
	if len(inside) > 0 {
		for i, v := range n.Accept(ctx, src, inside) {
			if !v.OK() {
				n.log.DebugContext(ctx, "what a repost carries was not taken", "event", inside[i].ID.String(), "reason", v.Message())
			}
		}
	}
	return slices.ContainsFunc(asked, n.wanted.has)
}

// embedded reads the event inside a repost. It is the one that the repost's e
// tag names, it is no repost itself, and it is not protected: NIP-70 lets
// nobody but its author bring a protected event.
func embedded(repost *event.Event, id event.ID) *event.Event {
	if repost.Content == "" || len(repost.Content) > maxEmbedded {
		return nil
	}
	e, err := event.Parse([]byte(repost.Content))
	if err != nil || e.ID != id || isBareRepost(e) || e.IsProtected() || e.Kind.IsEphemeral() {
		return nil
	}
	return e
}
