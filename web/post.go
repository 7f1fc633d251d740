package web

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"mural/event"
	"mural/lineage"
)

// Bounds of the lineage of one post.
const (
	maxLineage    = 100 // posts drawn
	lineageRounds = 6   // steps outwards
	maxLayersRead = 200 // layers read per step
)

type postAnswer struct {
	Post     post         `json:"post"`
	Lineage  lineageShape `json:"lineage"`
	Comments []post       `json:"comments"`
}

type lineageShape struct {
	Nodes []any       `json:"nodes"` // POST_SHORT or missing
	Edges []edgeShape `json:"edges"`
}

type missing struct {
	ID      event.ID `json:"id"`
	Missing bool     `json:"missing"`
}

type edgeShape struct {
	From      event.ID `json:"from"`
	To        event.ID `json:"to"`
	Operation string   `json:"operation"`
}

func (s *Server) getPost(v *visit) error {
	ctx := v.ctx()
	view, err := s.view(ctx, v.Owner)
	if err != nil {
		return err
	}
	e, err := view.find(ctx, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	graph, err := s.lineage(ctx, e)
	if err != nil {
		return err
	}
	comments, err := s.comments(ctx, e.ID)
	if err != nil {
		return err
	}
	return view.answerPost(v, e, graph, comments)
}

// find reads a post by its id. Private kinds, and protected posts before a
// guest, are not found.
func (v *view) find(ctx context.Context, ref string) (*event.Event, error) {
	id, err := eventRef(ref)
	if err != nil {
		return nil, err
	}
	found, err := v.s.byID(ctx, []event.ID{id})
	if err != nil {
		return nil, fmt.Errorf("web: reading a post: %w", err)
	}
	if len(found) == 0 || !v.maySee(found[0]) {
		return nil, errNotFound
	}
	return found[0], nil
}

func (v *view) answerPost(visit *visit, e *event.Event, graph lineage.Graph, comments []*event.Event) error {
	v.full = true
	comments = slices.DeleteFunc(comments, func(c *event.Event) bool { return !v.maySee(c) })
	entries := []entry{{post: e}}
	for _, n := range graph.Nodes {
		if n.Event != nil && v.maySee(n.Event) {
			entries = append(entries, entry{post: n.Event})
		}
	}
	for _, c := range comments {
		entries = append(entries, entry{post: c})
	}
	if err := v.load(visit.ctx(), entries); err != nil {
		return err
	}
	out := postAnswer{Post: v.post(visit.ctx(), entries[0]), Comments: []post{}}
	out.Lineage = v.lineageShape(visit.ctx(), graph)
	for _, c := range comments {
		out.Comments = append(out.Comments, v.short(visit.ctx(), entry{post: c}))
	}
	return visit.answer(out)
}

func (v *view) lineageShape(ctx context.Context, graph lineage.Graph) lineageShape {
	out := lineageShape{Nodes: []any{}, Edges: []edgeShape{}}
	for _, n := range graph.Nodes {
		if n.Event == nil || !v.maySee(n.Event) {
			out.Nodes = append(out.Nodes, missing{n.ID, true})
			continue
		}
		out.Nodes = append(out.Nodes, v.short(ctx, entry{post: n.Event}))
	}
	for _, e := range graph.Edges {
		out.Edges = append(out.Edges, edgeShape{e.From, e.To, e.Operation})
	}
	return out
}

// lineage walks from the post to its sources and layers, step by step, two
// filters in one query a step.
func (s *Server) lineage(ctx context.Context, root *event.Event) (lineage.Graph, error) {
	known := map[event.ID]*event.Event{root.ID: root}
	asked := map[event.ID]bool{root.ID: true}
	edge := []*event.Event{root}
	for range lineageRounds {
		if len(edge) == 0 || len(known) >= maxLineage {
			break
		}
		found, err := s.Events.Query(ctx, around(edge, asked)...)
		if err != nil {
			return lineage.Graph{}, fmt.Errorf("web: reading the lineage: %w", err)
		}
		edge = edge[:0:0]
		for _, e := range found {
			if known[e.ID] == nil && len(known) < maxLineage {
				known[e.ID] = e
				asked[e.ID] = true
				edge = append(edge, e)
			}
		}
	}
	return lineage.Build(root.ID, slices.Collect(maps.Values(known))), nil
}

// around asks for the layers of the posts, and for their sources that were not asked for yet.
func around(posts []*event.Event, asked map[event.ID]bool) []event.Filter {
	var hex []string
	var ids []event.ID
	for _, e := range posts {
		hex = append(hex, e.ID.String())
		for _, edge := range lineage.Edges(e) {
			if !asked[edge.To] && len(ids) < maxLineage {
				asked[edge.To] = true
				ids = append(ids, edge.To)
			}
		}
	}
	filters := []event.Filter{{Kinds: layerKinds, Tags: map[byte][]string{'q': hex}, Limit: maxLayersRead}}
	if len(ids) > 0 {
		filters = append(filters, event.Filter{IDs: ids, Kinds: readKinds, Limit: len(ids)})
	}
	return filters
}
