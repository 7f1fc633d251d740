package web

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"mural/event"
)

// maxComments bounds the comments of one post.
const maxComments = 500

// replyTo gives the hex id of the post that a comment or reply answers, ""
// for posts that stand by themselves.
func replyTo(e *event.Event) string {
	switch e.Kind {
	case event.KindComment, event.KindVoiceComment:
		if id, err := event.ParseID(lastTag(e, "e")); err == nil { // NIP-22
			return id.String()
		}
	case event.KindNote:
		if id, ok := noteParent(e); ok {
			return id.String()
		}
	}
	return ""
}

func lastTag(e *event.Event, name string) string {
	all := e.Tags.All(name)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1].Value(1)
}

// noteParent reads NIP-10: the e tag marked "reply", else the one marked
// "root", else, where no tag is marked, the last one. A quote is no reply.
func noteParent(e *event.Event) (event.ID, bool) {
	marked := map[string]string{}
	last, any := "", false
	for _, t := range e.Tags.All("e") {
		switch marker := t.Value(3); marker {
		case "reply", "root", "mention":
			any = true
			marked[marker] = t.Value(1)
		default:
			last = t.Value(1)
		}
	}
	hex := cmp.Or(marked["reply"], marked["root"])
	if hex == "" && !any {
		hex = last
	}
	id, err := event.ParseID(hex)
	return id, err == nil && !slices.ContainsFunc(e.Tags.All("q"), func(t event.Tag) bool { return t.Value(1) == hex })
}

// noteRoot gives the first post of the thread that a kind 1 reply belongs to.
func noteRoot(e *event.Event) (event.ID, bool) {
	for _, t := range e.Tags.All("e") {
		if t.Value(3) == "root" {
			id, err := event.ParseID(t.Value(1))
			return id, err == nil
		}
	}
	if parent, ok := noteParent(e); ok { // positional form: the first tag is the root
		if id, err := event.ParseID(e.Tags.First("e").Value(1)); err == nil {
			return id, true
		}
		return parent, true
	}
	return event.ID{}, false
}

// comments reads what was said under a post, oldest first: NIP-22 comments
// whose root or parent it is, and kind 1 replies (NIP-10).
func (s *Server) comments(ctx context.Context, of event.ID) ([]*event.Event, error) {
	hex := []string{of.String()}
	found, err := s.Events.Query(ctx,
		event.Filter{Kinds: commentKinds, Tags: map[byte][]string{'E': hex}, Limit: maxComments},
		event.Filter{Kinds: commentKinds, Tags: map[byte][]string{'e': hex}, Limit: maxComments},
		event.Filter{Kinds: []event.Kind{event.KindNote}, Tags: map[byte][]string{'e': hex}, Limit: maxComments})
	if err != nil {
		return nil, fmt.Errorf("web: reading comments: %w", err)
	}
	found = slices.DeleteFunc(found, func(e *event.Event) bool { return e.ID == of || replyTo(e) == "" })
	found = found[:min(len(found), maxComments)]
	slices.Reverse(found)
	return parentsFirst(found), nil
}

// parentsFirst keeps the order, but puts an answer of the same second behind
// what it answers. A comment whose parent never comes stays.
func parentsFirst(comments []*event.Event) []*event.Event {
	there := make(map[string]bool, len(comments))
	for _, c := range comments {
		there[c.ID.String()] = true
	}
	out := make([]*event.Event, 0, len(comments))
	waiting := make(map[string][]*event.Event)
	var place func(c *event.Event)
	place = func(c *event.Event) {
		id := c.ID.String()
		delete(there, id)
		out = append(out, c)
		for _, child := range waiting[id] {
			place(child)
		}
		delete(waiting, id)
	}
	for _, c := range comments {
		if parent := replyTo(c); there[parent] {
			waiting[parent] = append(waiting[parent], c)
			continue
		}
		place(c)
	}
	return out
}
