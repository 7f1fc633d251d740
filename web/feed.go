package web

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"mural/event"
)

// Bounds of one page.
const (
	defaultPage = 30
	maxPage     = 100
	pageRounds  = 8   // queries at most, where much of what is found is no post of the mural
	maxAsked    = 500 // events asked for in one of them
)

func (s *Server) getFeed(v *visit) error {
	ctx := v.ctx()
	view, err := s.view(ctx, v.Owner)
	if err != nil {
		return err
	}
	authors, err := view.scope(v.r.URL.Query().Get("scope"))
	if err != nil {
		return err
	}
	return v.answerPage(view, authors)
}

// scope gives the people whose posts the feed shows.
func (v *view) scope(name string) ([]event.PubKey, error) {
	switch name {
	case "", "mural":
		return v.circle.people, nil
	case "me":
		return v.circle.people[:min(len(v.circle.people), 1)], nil
	case "nearby":
		if !v.owner {
			return nil, errOwnerOnly
		}
		return v.neighbours(), nil
	}
	return nil, badRequest("bad-scope", "There is no such scope.", "Use scope=mural, me or nearby.")
}

// neighbours lists the people on this network, in a stable order.
func (v *view) neighbours() []event.PubKey {
	var out []event.PubKey
	for pk := range v.nearby {
		out = append(out, pk)
	}
	slices.SortFunc(out, func(a, b event.PubKey) int { return slices.Compare(a[:], b[:]) })
	return out
}

// answerPage reads limit and before of the request and answers with a page.
func (v *visit) answerPage(view *view, authors []event.PubKey) error {
	limit, before, err := v.pageArgs()
	if err != nil {
		return err
	}
	entries, next, err := view.page(v.ctx(), authors, before, limit)
	if err != nil {
		return err
	}
	posts, err := view.posts(v.ctx(), entries)
	if err != nil {
		return err
	}
	return v.answer(page{posts, next.String()})
}

func (v *visit) pageArgs() (int, cursor, error) {
	q := v.r.URL.Query()
	limit := defaultPage
	if s := q.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return 0, cursor{}, badRequest("bad-limit", "limit is no number from 1 up.", "Use limit=30.")
		}
		limit = min(n, maxPage)
	}
	before, err := parseCursor(q.Get("before"))
	return limit, before, err
}

// page reads the entries behind the cursor. It asks again while what came was
// not for the mural (replies, reposts of what is not here), a few times.
func (v *view) page(ctx context.Context, authors []event.PubKey, at cursor, limit int) ([]entry, cursor, error) {
	var out []entry
	if len(authors) == 0 {
		return out, cursor{}, nil
	}
	ask := limit + 10 // some are replies
	for range pageRounds {
		found, err := v.s.behind(ctx, authors, at, ask)
		if err != nil {
			return nil, cursor{}, err
		}
		ended := len(found) < ask // before those up to the cursor are taken out
		found = slices.DeleteFunc(found, func(e *event.Event) bool { return !at.behind(e) })
		entries, err := v.entries(ctx, found)
		if err != nil {
			return nil, cursor{}, err
		}
		for i, e := range found {
			if one := entries[i]; one != nil && !shows(out, one.post.ID) {
				out = append(out, *one)
			}
			at = cursor(e.Stamp())
			if len(out) == limit {
				return out, at.orEnd(ended && i == len(found)-1), nil
			}
		}
		if ended {
			return out, cursor{}, nil
		}
		if len(found) == 0 { // more events in the cursor's second than asked for
			at, ask = at.widen(ask)
		}
	}
	return out, at, nil
}

// widen asks for more of a crowded second, and at the bound goes on behind it.
func (c cursor) widen(ask int) (cursor, int) {
	if ask < maxAsked {
		return c, min(4*ask, maxAsked)
	}
	return cursor{CreatedAt: c.CreatedAt - 1}, ask
}

// orEnd gives the zero cursor where nothing can follow.
func (c cursor) orEnd(ended bool) cursor {
	if ended || c.CreatedAt <= 0 {
		return cursor{}
	}
	return c
}

func shows(entries []entry, id event.ID) bool {
	return slices.ContainsFunc(entries, func(e entry) bool { return e.post.ID == id })
}

// behind reads the newest events of the authors up to the cursor's second.
func (s *Server) behind(ctx context.Context, authors []event.PubKey, at cursor, limit int) ([]*event.Event, error) {
	filters := byAuthors(authors, event.Filter{Kinds: feedKinds, Until: at.CreatedAt, Limit: limit})
	found, err := s.Events.Query(ctx, filters...)
	if err != nil {
		return nil, fmt.Errorf("web: reading the feed: %w", err)
	}
	return found[:min(len(found), limit)], nil
}

// entries makes an entry of each event, nil of those that do not stand on a
// mural: replies, protected posts before a guest.
func (v *view) entries(ctx context.Context, found []*event.Event) ([]*entry, error) {
	originals, err := v.originals(ctx, found)
	if err != nil {
		return nil, err
	}
	out := make([]*entry, len(found))
	for i, e := range found {
		if !v.maySee(e) || replyTo(e) != "" {
			continue
		}
		out[i] = &entry{post: e}
		if slices.Contains(repostKinds, e.Kind) {
			out[i] = v.reposted(e, originals)
		}
	}
	return out, nil
}

// reposted shows the original under the name of who passed it on, or the
// bare repost where the original is not here.
func (v *view) reposted(e *event.Event, originals map[event.ID]*event.Event) *entry {
	original := originals[repostOf(e)]
	switch {
	case original == nil:
		return &entry{post: e}
	case !v.maySee(original) || slices.Contains(repostKinds, original.Kind):
		return nil
	}
	return &entry{post: original, repost: e}
}

func repostOf(e *event.Event) event.ID {
	id, _ := event.ParseID(lastTag(e, "e")) // NIP-18; the zero id is nobody's
	return id
}

// originals reads what the reposts among the events passed on.
func (v *view) originals(ctx context.Context, found []*event.Event) (map[event.ID]*event.Event, error) {
	var ids []event.ID
	for _, e := range found {
		if slices.Contains(repostKinds, e.Kind) {
			ids = append(ids, repostOf(e))
		}
	}
	originals, err := v.s.byID(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("web: reading what was passed on: %w", err)
	}
	out := make(map[event.ID]*event.Event)
	for _, e := range originals {
		out[e.ID] = e
	}
	return out, nil
}
