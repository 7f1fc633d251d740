package lineage

import (
	"bytes"
	"cmp"
	"slices"

	"mural/event"
)

// Bounds of one graph. Build stops there and says so.
const (
	MaxNodes = 256  // posts
	MaxEdges = 1024 // edges between them
)

// Node is one post of a graph. Event is nil where the post is not here: a gap.
type Node struct {
	ID    event.ID
	Event *event.Event
}

// Graph is the sources and layers around a root. Nodes start with the root and
// go outwards; both ends of every edge are among them.
type Graph struct {
	Root      event.ID
	Nodes     []Node
	Edges     []Edge
	Truncated bool // there was more than MaxNodes or MaxEdges
}

// Build joins what is connected with root: its sources and theirs, its layers
// and theirs, whatever of them is among events. Sources that are named but
// not among events become gaps, and so does a root that is not among them.
// Events that have nothing to do with root are left out. The result does not
// depend on the order of events, and no input makes it run on: every post is
// entered once, so a cycle, which real ids rule out, changes nothing.
func Build(root event.ID, events []*event.Event) Graph {
	b := newBuilder(events)
	b.graph.Root = root
	b.enter(root)
	for i := 0; i < len(b.graph.Nodes); i++ {
		b.expand(b.graph.Nodes[i].ID)
	}
	b.graph.Edges = slices.Clip(b.graph.Edges)
	return b.graph
}

type builder struct {
	graph   Graph
	known   map[event.ID]*event.Event
	sources map[event.ID][]Edge
	layers  map[event.ID][]Edge // by source
	entered map[event.ID]bool
	drawn   map[Edge]bool
}

func newBuilder(events []*event.Event) *builder {
	b := &builder{
		known:   make(map[event.ID]*event.Event, len(events)),
		sources: make(map[event.ID][]Edge),
		layers:  make(map[event.ID][]Edge),
		entered: make(map[event.ID]bool),
		drawn:   make(map[Edge]bool),
	}
	for _, e := range sorted(events) {
		if b.known[e.ID] != nil {
			continue
		}
		b.known[e.ID] = e
		b.sources[e.ID] = Edges(e)
		for _, edge := range b.sources[e.ID] {
			b.layers[edge.To] = append(b.layers[edge.To], edge)
		}
	}
	return b
}

// sorted gives the events oldest first, ties lowest id first.
func sorted(events []*event.Event) []*event.Event {
	out := slices.DeleteFunc(slices.Clone(events), func(e *event.Event) bool { return e == nil })
	slices.SortFunc(out, func(x, y *event.Event) int {
		return cmp.Or(cmp.Compare(x.CreatedAt, y.CreatedAt), bytes.Compare(x.ID[:], y.ID[:]))
	})
	return out
}

// enter makes the post a node and says whether it is one.
func (b *builder) enter(id event.ID) bool {
	if b.entered[id] {
		return true
	}
	if len(b.graph.Nodes) == MaxNodes {
		b.graph.Truncated = true
		return false
	}
	b.entered[id] = true
	b.graph.Nodes = append(b.graph.Nodes, Node{ID: id, Event: b.known[id]})
	return true
}

func (b *builder) expand(id event.ID) {
	for _, edge := range b.sources[id] {
		b.draw(edge, edge.To)
	}
	for _, edge := range b.layers[id] {
		b.draw(edge, edge.From)
	}
}

func (b *builder) draw(edge Edge, next event.ID) {
	if b.drawn[edge] {
		return
	}
	if len(b.graph.Edges) == MaxEdges {
		b.graph.Truncated = true
		return
	}
	if !b.enter(next) {
		return
	}
	b.drawn[edge] = true
	b.graph.Edges = append(b.graph.Edges, edge)
}

// Sources gives the edges from the post to what it was made of.
func (g Graph) Sources(id event.ID) []Edge {
	return g.edges(func(e Edge) bool { return e.From == id })
}

// Layers gives the edges to the post from what was made of it.
func (g Graph) Layers(id event.ID) []Edge { return g.edges(func(e Edge) bool { return e.To == id }) }

func (g Graph) edges(keep func(Edge) bool) []Edge {
	var out []Edge
	for _, e := range g.Edges {
		if keep(e) {
			out = append(out, e)
		}
	}
	return out
}

// Gaps lists the posts that are named but not here.
func (g Graph) Gaps() []event.ID {
	var out []event.ID
	for _, n := range g.Nodes {
		if n.Event == nil {
			out = append(out, n.ID)
		}
	}
	return out
}
