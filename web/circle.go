package web

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"mural/event"
)

// Bounds of the circle, in people.
const (
	maxFollows = 2000 // of one person
	maxCircle  = 4000 // me, whom I follow, whom they follow
)

// circle is the people of the home mural: me, whom I follow (ring 1), whom
// they follow (ring 2), each with the person through whom I reach them.
// It is not changed after it was made.
type circle struct {
	me      event.PubKey
	people  []event.PubKey                // me first, then ring 1, then ring 2
	follows map[event.PubKey]bool         // ring 1
	via     map[event.PubKey]event.PubKey // ring 2 -> somebody in ring 1
}

func (c *circle) has(pk event.PubKey) bool {
	_, second := c.via[pk]
	return second || c.follows[pk] || c.isMe(pk)
}

func (c *circle) isMe(pk event.PubKey) bool { return !c.me.IsZero() && pk == c.me }

// circles keeps the newest circle until a follow list in it changes.
type circles struct {
	mu   sync.Mutex // guards all below
	last *circle
	turn int // counts what made last stale, so that a slow read does not overwrite
}

func (c *circles) get() (*circle, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last, c.turn
}

func (c *circles) put(made *circle, turn int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if turn == c.turn {
		c.last = made
	}
}

// forget drops the circle. author zero: whatever it is.
func (c *circles) forget(author event.PubKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last == nil || author.IsZero() || c.last.isMe(author) || c.last.follows[author] {
		c.last = nil
		c.turn++
	}
}

// watchFollows drops the circle when a follow list comes in.
func (s *Server) watchFollows() (cancel func()) {
	lists := []event.Filter{{Kinds: []event.Kind{event.KindFollows}}}
	return s.Events.Subscribe(lists, func(e *event.Event) { s.circles.forget(e.PubKey) })
}

// circle gives the people of the home mural. Without a person it is empty.
func (s *Server) circle(ctx context.Context) (*circle, error) {
	me, _ := s.Author.Person()
	last, turn := s.circles.get()
	if last != nil && last.me == me {
		return last, nil
	}
	made, err := s.readCircle(ctx, me)
	if err != nil {
		return nil, fmt.Errorf("web: reading follow lists: %w", err)
	}
	s.circles.put(made, turn)
	return made, nil
}

func (s *Server) readCircle(ctx context.Context, me event.PubKey) (*circle, error) {
	c := &circle{me: me, follows: map[event.PubKey]bool{}, via: map[event.PubKey]event.PubKey{}}
	if me.IsZero() {
		return c, nil
	}
	c.people = append(c.people, me)
	mine, err := s.followLists(ctx, []event.PubKey{me})
	if err != nil {
		return nil, err
	}
	first := mine[me]
	for _, pk := range first {
		if pk != me && !c.follows[pk] {
			c.follows[pk] = true
			c.people = append(c.people, pk)
		}
	}
	theirs, err := s.followLists(ctx, first)
	if err != nil {
		return nil, err
	}
	for _, between := range first { // in my order, so that the path is a stable one
		c.addSecond(between, theirs[between])
	}
	return c, nil
}

func (c *circle) addSecond(between event.PubKey, follows []event.PubKey) {
	for _, pk := range follows {
		if len(c.people) >= maxCircle {
			return
		}
		if !c.has(pk) {
			c.via[pk] = between
			c.people = append(c.people, pk)
		}
	}
}

// followLists reads the newest kind 3 of each author.
func (s *Server) followLists(ctx context.Context, authors []event.PubKey) (map[event.PubKey][]event.PubKey, error) {
	out := make(map[event.PubKey][]event.PubKey)
	if len(authors) == 0 {
		return out, nil
	}
	lists, err := s.Events.Query(ctx, byAuthors(authors, event.Filter{Kinds: []event.Kind{event.KindFollows}})...)
	if err != nil {
		return nil, err
	}
	for _, e := range lists { // newest first
		if _, have := out[e.PubKey]; !have {
			out[e.PubKey] = followed(e)
		}
	}
	return out, nil
}

// followed lists the p tags of a kind 3 event (NIP-02).
func followed(e *event.Event) []event.PubKey {
	out := []event.PubKey{}
	for _, t := range e.Tags {
		if t.Value(0) != "p" {
			continue
		}
		pk, err := event.ParsePubKey(t.Value(1))
		if err == nil {
			out = append(out, pk)
		}
		if len(out) == maxFollows {
			break
		}
	}
	return out
}

// byAuthors splits a filter so that none asks for more authors than a filter
// may hold. A filter without a limit asks for one event per author.
func byAuthors(authors []event.PubKey, f event.Filter) []event.Filter {
	var out []event.Filter
	for chunk := range slices.Chunk(authors, event.MaxFilterValues) {
		g := f
		g.Authors = chunk
		if g.Limit == 0 {
			g.Limit = len(chunk)
		}
		out = append(out, g)
	}
	return out
}
