package web

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"mural/event"
	"mural/lineage"
)

// Kinds by what the app does with them.
var (
	// postKinds stand on a mural by themselves.
	postKinds = []event.Kind{event.KindNote, event.KindPicture, event.KindVideo, event.KindShortVideo,
		event.KindAddressableVideo, event.KindAddressableShortVideo, event.KindVoice, event.KindArticle}
	repostKinds  = []event.Kind{event.KindRepost, event.KindGenericRepost}
	commentKinds = []event.Kind{event.KindComment, event.KindVoiceComment}
	// layerKinds may be built on another post.
	layerKinds = slices.Concat(postKinds, []event.Kind{event.KindHighlight})
	feedKinds  = slices.Concat(postKinds, repostKinds)
	// readKinds may be opened by their id. Everything else, private kinds
	// above all, is no post and is not shown to anybody.
	readKinds = slices.Concat(feedKinds, commentKinds, []event.Kind{event.KindHighlight})
)

// maxCounted bounds the events read to count layers and reposts of one page;
// beyond it each post is counted by itself.
const maxCounted = 500

// entry is one place on a mural: a post, or a post that somebody passed on bare.
type entry struct {
	post   *event.Event
	repost *event.Event // nil where the author's own post stands here
}

// stamp orders the entry on the mural.
func (e entry) event() *event.Event {
	if e.repost != nil {
		return e.repost
	}
	return e.post
}

// view gathers everything that a page of posts needs in one query per sort of
// thing, whatever the number of posts, and then makes the shapes.
type view struct {
	s      *Server
	owner  bool // who looks; guests see less
	full   bool // whole articles
	circle *circle

	sources  map[event.ID]*event.Event
	edges    map[event.ID]lineage.Edge // first source of each layer
	layers   map[event.ID]int
	reposts  map[event.ID]int
	receipts map[event.ID]Receipt
	kept     map[event.ID]Kept
	peers    map[string]Peer
	people   map[event.PubKey]profile
	nearby   map[event.PubKey]bool
	have     map[Hash]Have
}

func (s *Server) view(ctx context.Context, owner bool) (*view, error) {
	c, err := s.circle(ctx)
	if err != nil {
		return nil, err
	}
	v := &view{s: s, owner: owner, circle: c, people: map[event.PubKey]profile{}, have: map[Hash]Have{},
		peers: map[string]Peer{}, nearby: map[event.PubKey]bool{}}
	if !owner {
		return v, nil
	}
	peers, err := s.Neighbours.Peers(ctx)
	if err != nil {
		return nil, fmt.Errorf("web: asking for peers: %w", err)
	}
	for _, p := range peers {
		v.peers[p.ID] = p
		if p.Nearby && !p.Person.IsZero() {
			v.nearby[p.Person] = true
		}
	}
	return v, nil
}

// posts makes the shapes of a page.
func (v *view) posts(ctx context.Context, entries []entry) ([]post, error) {
	if err := v.load(ctx, entries); err != nil {
		return nil, err
	}
	out := make([]post, 0, len(entries))
	for _, e := range entries {
		out = append(out, v.post(ctx, e))
	}
	return out, nil
}

// post makes one shape of what load gathered.
func (v *view) post(ctx context.Context, e entry) post {
	p := v.short(ctx, e)
	if edge, ok := v.edges[e.post.ID]; ok {
		if source := v.sources[edge.To]; source != nil {
			of := v.short(ctx, entry{post: source})
			p.Layer.OfPost = &of
		}
	}
	p.Kept = v.keptOf(e.post.ID)
	p.Road = v.roadOf(e.post.ID)
	return p
}

// load reads what a page of entries needs beside them.
func (v *view) load(ctx context.Context, entries []entry) error {
	var page []*event.Event
	for _, e := range entries {
		page = append(page, e.post)
	}
	if err := v.loadSources(ctx, page); err != nil {
		return fmt.Errorf("web: reading sources: %w", err)
	}
	all := slices.Concat(page, slices.Collect(maps.Values(v.sources)))
	if err := v.loadCounts(ctx, all); err != nil {
		return fmt.Errorf("web: counting layers: %w", err)
	}
	if err := v.loadKept(ctx, page, all); err != nil {
		return fmt.Errorf("web: reading who keeps what: %w", err)
	}
	return v.loadPeople(ctx, v.named(entries, all))
}

func (v *view) loadSources(ctx context.Context, page []*event.Event) error {
	v.sources = make(map[event.ID]*event.Event)
	v.edges = make(map[event.ID]lineage.Edge)
	var ids []event.ID
	for _, e := range page {
		if edges := lineage.Edges(e); len(edges) > 0 {
			v.edges[e.ID] = edges[0]
			ids = append(ids, edges[0].To)
		}
	}
	found, err := v.s.byID(ctx, ids)
	for _, e := range found {
		if v.maySee(e) {
			v.sources[e.ID] = e
		}
	}
	for _, e := range found { // a source may be a layer itself; it then says of what
		if edges := lineage.Edges(e); len(edges) > 0 {
			v.edges[e.ID] = edges[0]
		}
	}
	return err
}

// byID reads events, at most as many as filters may ask for.
func (s *Server) byID(ctx context.Context, ids []event.ID) ([]*event.Event, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var filters []event.Filter
	for chunk := range slices.Chunk(ids, event.MaxFilterValues) {
		filters = append(filters, event.Filter{IDs: chunk, Kinds: readKinds, Limit: len(chunk)})
	}
	return s.Events.Query(ctx, filters...)
}

// maySee keeps protected events (NIP-70) from everybody but the owner.
func (v *view) maySee(e *event.Event) bool { return v.owner || !e.IsProtected() }

func (v *view) loadCounts(ctx context.Context, posts []*event.Event) (err error) {
	v.layers, err = v.s.countTo(ctx, posts, layerKinds, 'q')
	if err != nil {
		return err
	}
	v.reposts, err = v.s.countTo(ctx, posts, repostKinds, 'e')
	return err
}

// countTo counts, for each post, the events of these kinds that name it in a tag.
func (s *Server) countTo(ctx context.Context, posts []*event.Event, kinds []event.Kind, tag byte) (map[event.ID]int, error) {
	out := make(map[event.ID]int)
	if len(posts) == 0 {
		return out, nil
	}
	var ids []string
	for _, e := range posts {
		ids = append(ids, e.ID.String())
	}
	ids = ids[:min(len(ids), event.MaxFilterValues)]
	found, err := s.Events.Query(ctx, event.Filter{Kinds: kinds, Tags: map[byte][]string{tag: ids}, Limit: maxCounted})
	if err != nil {
		return nil, err
	}
	if len(found) >= maxCounted {
		return s.countEach(ctx, ids, kinds, tag)
	}
	for _, e := range found {
		for id := range named(e, string(tag)) {
			out[id]++
		}
	}
	return out, nil
}

func (s *Server) countEach(ctx context.Context, ids []string, kinds []event.Kind, tag byte) (map[event.ID]int, error) {
	out := make(map[event.ID]int)
	for _, hex := range ids {
		n, err := s.Events.Count(ctx, event.Filter{Kinds: kinds, Tags: map[byte][]string{tag: {hex}}})
		if err != nil {
			return nil, err
		}
		id, _ := event.ParseID(hex) // it was written from an id
		out[id] = n
	}
	return out, nil
}

// named gives the ids in the tags of that name, each once.
func named(e *event.Event, tag string) map[event.ID]bool {
	out := make(map[event.ID]bool)
	for _, t := range e.Tags {
		if t.Value(0) == tag {
			if id, err := event.ParseID(t.Value(1)); err == nil {
				out[id] = true
			}
		}
	}
	return out
}

// loadKept reads keepers of the page and receipts of everything. A guest is
// told how many devices keep a post, and nothing of the roads.
func (v *view) loadKept(ctx context.Context, page, all []*event.Event) (err error) {
	if v.kept, err = v.s.Keeping.Kept(ctx, page); err != nil || !v.owner {
		return err
	}
	ids := make([]event.ID, len(all))
	for i, e := range all {
		ids[i] = e.ID
	}
	v.receipts, err = v.s.Events.FirstReceipts(ctx, ids)
	return err
}

// named lists everybody whose name the page shows.
func (v *view) named(entries []entry, all []*event.Event) []event.PubKey {
	var out []event.PubKey
	for _, e := range entries {
		out = append(out, e.event().PubKey)
	}
	for _, e := range all {
		out = append(out, e.PubKey)
		out = append(out, mentioned(e.Content)...)
	}
	for _, k := range v.kept {
		for _, keeper := range k.Keepers {
			out = append(out, keeper.Person)
		}
	}
	for _, r := range v.receipts {
		out = append(out, v.peers[r.Peer].Person)
	}
	for _, pk := range slices.Clone(out) {
		out = append(out, v.circle.via[pk])
	}
	return out
}

// loadPeople reads the profiles that are not known yet.
func (v *view) loadPeople(ctx context.Context, pks []event.PubKey) error {
	var unknown []event.PubKey
	for _, pk := range pks {
		if _, known := v.people[pk]; known || pk.IsZero() {
			continue
		}
		v.people[pk] = profile{}
		unknown = append(unknown, pk)
	}
	if len(unknown) == 0 {
		return nil
	}
	found, err := v.s.Events.Query(ctx, byAuthors(unknown, event.Filter{Kinds: []event.Kind{event.KindProfile}})...)
	if err != nil {
		return fmt.Errorf("web: reading profiles: %w", err)
	}
	slices.Reverse(found) // oldest first, so that the newest stays
	for _, e := range found {
		v.people[e.PubKey] = readProfile(e)
	}
	return nil
}
