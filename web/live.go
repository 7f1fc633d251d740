package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"mural/event"
)

// Bounds of the live stream.
const (
	maxLive      = 128              // open streams of one node
	liveQueue    = 256              // news waiting for one page; what comes beyond is told as "much changed"
	liveBatch    = 64               // news handled at once
	liveTargets  = 16               // posts that one event may touch
	liveBeat     = 25 * time.Second // a comment keeps proxies from closing the stream
	liveWrite    = 20 * time.Second // a page that takes no bytes for so long is gone
	liveRetryMS  = 2000             // when a page tries again, milliseconds
	liveBlobPost = 20               // posts told of when a blob arrives
)

var errTooManyStreams = &Problem{503, "too-many-pages", "Too many pages of this node are open.", "Close some of them."}

// news is one thing that happened: an event taken in, or a change.
type news struct {
	event  *event.Event
	change Change
}

// stream is one open page. One goroutine (the request's own) writes; the
// node's goroutines put news into the queue and never wait.
type stream struct {
	s     *Server
	visit *visit
	queue chan news
	lost  atomic.Bool // the queue was full; something was dropped
}

func (s *Server) getLive(v *visit) error {
	if s.live.Add(1) > maxLive {
		s.live.Add(-1)
		return errTooManyStreams
	}
	defer s.live.Add(-1)
	st := &stream{s: s, visit: v, queue: make(chan news, liveQueue)}
	kinds := slices.Concat(feedKinds, commentKinds, []event.Kind{event.KindHighlight, event.KindDeletion, event.KindProfile, event.KindFollows})
	defer s.Events.Subscribe([]event.Filter{{Kinds: kinds}}, st.hear)()
	defer s.Watcher.Watch(func(c Change) { st.put(news{change: c}) })()
	st.open()
	if err := st.run(v.ctx()); err != nil && v.ctx().Err() == nil {
		s.Log.InfoContext(v.ctx(), "live stream ended", "err", err)
	}
	return nil // the headers are out; there is nothing more to say
}

// hear is called by the node for each event; it never blocks.
func (st *stream) hear(e *event.Event) {
	me, _ := st.s.Author.Person()
	if (e.Kind == event.KindProfile || e.Kind == event.KindFollows) && e.PubKey != me {
		return
	}
	st.put(news{event: e})
}

func (st *stream) put(n news) {
	select {
	case st.queue <- n:
	default:
		st.lost.Store(true)
	}
}

func (st *stream) open() {
	h := st.visit.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would hold the stream back
	st.visit.w.WriteHeader(http.StatusOK)
}

func (st *stream) run(ctx context.Context) error {
	if err := st.write(fmt.Sprintf("retry: %d\n\n", liveRetryMS)); err != nil {
		return err
	}
	beat := time.NewTicker(liveBeat)
	defer beat.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-st.s.done:
			return nil
		case <-beat.C:
			// A page that signed out meanwhile loses the owner's stream.
			if st.visit.Owner && !st.s.Gate.Identify(st.visit.r).Owner {
				return nil
			}
			err = st.write(": still here\n\n")
		case n := <-st.queue:
			err = st.tell(ctx, st.more(n))
		}
		if err != nil {
			return err
		}
	}
}

// more takes what else is waiting.
func (st *stream) more(first news) []news {
	batch := []news{first}
	for len(batch) < liveBatch {
		select {
		case n := <-st.queue:
			batch = append(batch, n)
		default:
			return batch
		}
	}
	return batch
}

func (st *stream) write(text string) error {
	control := http.NewResponseController(st.visit.w)
	// Not every writer has deadlines; then the server's own count.
	_ = control.SetWriteDeadline(time.Now().Add(liveWrite))
	if _, err := st.visit.w.Write([]byte(text)); err != nil {
		return fmt.Errorf("web: writing to the live stream: %w", err)
	}
	if err := control.Flush(); err != nil {
		return fmt.Errorf("web: writing to the live stream: %w", err)
	}
	return nil
}

func (st *stream) send(name string, data any) error {
	raw, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("web: writing %s news: %w", name, err)
	}
	return st.write("event: " + name + "\ndata: " + string(raw) + "\n\n") // JSON has no line breaks
}

// idNews is the data of change and gone. An empty id: much changed at once.
type idNews struct {
	ID string `json:"id"`
}

// tell sends a batch: posts first, then what they and other news touched, each once.
func (st *stream) tell(ctx context.Context, batch []news) error {
	view, err := st.s.view(ctx, st.visit.Owner)
	if err != nil {
		return err
	}
	if err := st.tellPosts(ctx, view, batch); err != nil {
		return err
	}
	if err := st.tellGone(ctx, batch); err != nil {
		return err
	}
	if err := st.tellChanged(ctx, batch); err != nil {
		return err
	}
	if st.visit.Owner {
		return st.tellOwner(ctx, view, batch)
	}
	return nil
}

func (st *stream) tellPosts(ctx context.Context, view *view, batch []news) error {
	var found []*event.Event
	for _, n := range batch {
		if n.event != nil && slices.Contains(feedKinds, n.event.Kind) && view.circle.has(n.event.PubKey) {
			found = append(found, n.event)
		}
	}
	if len(found) == 0 {
		return nil
	}
	entries, err := view.entries(ctx, found)
	if err != nil {
		return err
	}
	var standing []entry
	for _, e := range entries {
		if e != nil {
			standing = append(standing, *e)
		}
	}
	posts, err := view.posts(ctx, standing)
	for _, p := range posts {
		if err := st.send("post", p); err != nil {
			return err
		}
	}
	return err
}

// tellGone tells of deletions that took effect: what they name is not here any more.
func (st *stream) tellGone(ctx context.Context, batch []news) error {
	var ids []event.ID
	for _, n := range batch {
		if n.event != nil && n.event.Kind == event.KindDeletion {
			ids = append(ids, some(named(n.event, "e"))...)
		}
	}
	left, err := st.s.byID(ctx, ids)
	if err != nil {
		return fmt.Errorf("web: reading what was deleted: %w", err)
	}
	for _, id := range ids {
		if slices.ContainsFunc(left, func(e *event.Event) bool { return e.ID == id }) {
			continue
		}
		if err := st.send("gone", idNews{id.String()}); err != nil {
			return err
		}
	}
	return nil
}

func (st *stream) tellChanged(ctx context.Context, batch []news) error {
	ids, err := st.changed(ctx, batch)
	if err != nil {
		return err
	}
	if st.lost.Swap(false) {
		ids = append(ids, "")
	}
	for _, id := range ids {
		if err := st.send("change", idNews{id}); err != nil {
			return err
		}
	}
	return nil
}

// changed lists the posts that the batch touched, each once.
func (st *stream) changed(ctx context.Context, batch []news) ([]string, error) {
	var out []string
	add := func(id event.ID) {
		if hex := id.String(); !slices.Contains(out, hex) {
			out = append(out, hex)
		}
	}
	for _, n := range batch {
		if !n.change.Post.IsZero() {
			add(n.change.Post)
		}
		touched, err := st.touched(ctx, n)
		if err != nil {
			return nil, err
		}
		for _, id := range touched {
			add(id)
		}
	}
	return out, nil
}

// touched gives the posts that an event names (its sources, what it answers),
// or that show the blob that arrived.
func (st *stream) touched(ctx context.Context, n news) ([]event.ID, error) {
	if e := n.event; e != nil && e.Kind != event.KindDeletion && (st.visit.Owner || !e.IsProtected()) {
		return slices.Concat(some(named(e, "q")), some(named(e, "e")), some(named(e, "E"))), nil
	}
	if n.change.Blob.IsZero() {
		return nil, nil
	}
	posts, err := st.s.Events.Query(ctx, event.Filter{
		Kinds: readKinds, Tags: map[byte][]string{'x': {n.change.Blob.String()}}, Limit: liveBlobPost})
	if err != nil {
		return nil, fmt.Errorf("web: reading the posts of a blob: %w", err)
	}
	var out []event.ID
	for _, e := range posts {
		out = append(out, e.ID)
	}
	return out, nil
}

// some gives at most liveTargets ids.
func some(ids map[event.ID]bool) []event.ID {
	var out []event.ID
	for id := range ids {
		if len(out) < liveTargets {
			out = append(out, id)
		}
	}
	return out
}

// tellOwner tells what is the owner's alone: peers, the network, themselves.
func (st *stream) tellOwner(ctx context.Context, view *view, batch []news) error {
	me, nearby := false, false
	for _, n := range batch {
		me = me || n.change.Me || n.event != nil && (n.event.Kind == event.KindProfile || n.event.Kind == event.KindFollows)
		nearby = nearby || n.change.Nearby
		if n.change.Peer == nil {
			continue
		}
		if err := view.loadPeople(ctx, []event.PubKey{n.change.Peer.Person}); err != nil {
			return err
		}
		if err := st.send("peer", view.peer(*n.change.Peer)); err != nil {
			return err
		}
	}
	if nearby {
		if err := sendMade(ctx, st, "nearby", st.s.nearbyShape); err != nil {
			return err
		}
	}
	if !me {
		return nil
	}
	return sendMade(ctx, st, "me", func(ctx context.Context) (*meAnswer, error) { return st.s.meShape(ctx, true) })
}

func sendMade[T any](ctx context.Context, st *stream, name string, make func(context.Context) (T, error)) error {
	body, err := make(ctx)
	if err != nil {
		return err
	}
	return st.send(name, body)
}
