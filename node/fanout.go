package node

import (
	"slices"
	"sync"

	"mural/event"
)

// Fanout hands each accepted event to the subscriptions that want it.
//
// Every filter stands on one shelf, under the narrowest of its conditions: an
// id, a tag value, an author or a kind. An event is compared only with what
// stands under its own id, tags, author and kind, so that publishing to ten
// thousand subscriptions costs about as much as the event has readers.
//
// The zero value is empty and ready. Fanout is safe for concurrent use.
type Fanout struct {
	mu      sync.Mutex // guards all below, never held while an event is delivered
	turn    uint64     // of Publish: marks what was looked at in this one
	ids     shelf[event.ID]
	authors shelf[event.PubKey]
	tags    shelf[tagValue]
	kinds   shelf[event.Kind]
	rest    bucket // filters without any such condition
	open    int
}

// tagValue is what a tag condition asks for.
type tagValue struct {
	letter byte
	value  string
}

// subscriber is one call of Subscribe.
type subscriber struct {
	deliver func(*event.Event)
	matched uint64 // turn in which it was last matched
	closed  bool
	watches []*watch
}

// watch is one filter of a subscriber. The condition it stands under is left
// out of the filter: whoever finds it there has met that condition.
type watch struct {
	of     *subscriber
	filter event.Filter
	tried  uint64 // turn in which it was last compared
	places []place
}

// place is where a watch stands.
type place struct {
	in *bucket
	at int
}

// bucket holds the watches that stand under one value.
type bucket struct {
	entries []entry
	turn    uint64 // in which it was last gone through
	empty   func() // takes the bucket off its shelf
}

// entry is a watch and the number of its place here.
type entry struct {
	watch *watch
	place int
}

type shelf[K comparable] map[K]*bucket

// Subscribe calls deliver for every event published from now on that matches
// one of the filters, once per event. deliver must not block. It may be called
// from several goroutines at once, in no stated order, and once more while
// cancel is called. Limit and Search are ignored. cancel may be called again.
func (f *Fanout) Subscribe(filters []event.Filter, deliver func(*event.Event)) (cancel func()) {
	s := &subscriber{deliver: deliver}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, filter := range filters {
		if w := f.put(s, filter); w != nil {
			s.watches = append(s.watches, w)
		}
	}
	f.open++
	return func() { f.cancel(s) }
}

// Len gives the number of open subscriptions.
func (f *Fanout) Len() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open
}

// Publish delivers e to every subscription that wants it, on this goroutine.
func (f *Fanout) Publish(e *event.Event) {
	for _, s := range f.readers(e) {
		s.deliver(e)
	}
}

// readers finds the subscribers that want e.
func (f *Fanout) readers(e *event.Event) []*subscriber {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.turn++
	search := search{event: e, turn: f.turn}
	search.bucket(f.ids[e.ID])
	search.bucket(f.authors[e.PubKey])
	search.bucket(f.kinds[e.Kind])
	search.bucket(&f.rest)
	if len(f.tags) > 0 {
		for _, tag := range e.Tags {
			if len(tag) > 1 && len(tag[0]) == 1 {
				search.bucket(f.tags[tagValue{tag[0][0], tag[1]}])
			}
		}
	}
	return search.found
}

type search struct {
	event *event.Event
	turn  uint64
	found []*subscriber
}

func (s *search) bucket(b *bucket) {
	if b == nil || b.turn == s.turn {
		return // an event may carry the same tag two thousand times
	}
	b.turn = s.turn
	for _, entry := range b.entries {
		w := entry.watch
		if w.tried == s.turn || w.of.matched == s.turn {
			continue
		}
		w.tried = s.turn
		if w.filter.Match(s.event) {
			w.of.matched = s.turn
			s.found = append(s.found, w.of)
		}
	}
}

// put stands one filter under the condition with the fewest values. It gives
// nil for a filter that nothing can match.
func (f *Fanout) put(s *subscriber, filter event.Filter) *watch {
	w := &watch{of: s, filter: filter}
	letter, values, cost := narrowestTag(filter)
	switch {
	case impossible(filter):
		return nil
	case filter.IDs != nil:
		w.filter.IDs = nil
		putAll(&f.ids, w, filter.IDs)
	case values != nil && (filter.Authors == nil || cost <= len(filter.Authors)):
		w.filter.Tags = without(filter.Tags, letter)
		putAll(&f.tags, w, values)
	case filter.Authors != nil:
		w.filter.Authors = nil
		putAll(&f.authors, w, filter.Authors)
	case filter.Kinds != nil:
		w.filter.Kinds = nil
		putAll(&f.kinds, w, filter.Kinds)
	default:
		f.rest.add(w)
	}
	return w
}

// impossible: an empty list of wanted values matches no event (NIP-01).
func impossible(f event.Filter) bool {
	none := f.IDs != nil && len(f.IDs) == 0 || f.Authors != nil && len(f.Authors) == 0 || f.Kinds != nil && len(f.Kinds) == 0
	for _, values := range f.Tags {
		none = none || len(values) == 0
	}
	return none
}

func narrowestTag(f event.Filter) (letter byte, keys []tagValue, cost int) {
	for l, values := range f.Tags {
		if keys != nil && (len(values) > cost || len(values) == cost && l > letter) {
			continue
		}
		letter, cost, keys = l, len(values), make([]tagValue, len(values))
		for i, v := range values {
			keys[i] = tagValue{l, v}
		}
	}
	return letter, keys, cost
}

func without(tags map[byte][]string, letter byte) map[byte][]string {
	if len(tags) == 1 {
		return nil
	}
	out := make(map[byte][]string, len(tags)-1)
	for l, values := range tags {
		if l != letter {
			out[l] = values
		}
	}
	return out
}

// putAll stands w under each of the keys, once.
func putAll[K comparable](s *shelf[K], w *watch, keys []K) {
	if *s == nil {
		*s = make(shelf[K])
	}
	w.places = make([]place, 0, len(keys))
	for _, key := range keys {
		b := (*s)[key]
		if b == nil {
			b = &bucket{empty: func() { delete(*s, key) }}
			(*s)[key] = b
		}
		if !b.has(w) {
			b.add(w)
		}
	}
}

// has says whether w was the last to be added: keys of one filter come in a row.
func (b *bucket) has(w *watch) bool {
	return len(b.entries) > 0 && b.entries[len(b.entries)-1].watch == w
}

func (b *bucket) add(w *watch) {
	b.entries = append(b.entries, entry{watch: w, place: len(w.places)})
	w.places = append(w.places, place{in: b, at: len(b.entries) - 1})
}

// remove takes out the entry at i; the last one takes its place.
func (b *bucket) remove(i int) {
	last := len(b.entries) - 1
	moved := b.entries[last]
	b.entries[i] = moved
	moved.watch.places[moved.place].at = i
	b.entries[last] = entry{}
	b.entries = b.entries[:last]
	switch {
	case last == 0 && b.empty != nil:
		b.empty()
	case cap(b.entries) > 64 && last < cap(b.entries)/4:
		b.entries = slices.Clip(slices.Clone(b.entries))
	}
}

func (f *Fanout) cancel(s *subscriber) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	f.open--
	for _, w := range s.watches {
		for _, p := range w.places {
			p.in.remove(p.at)
		}
	}
	s.watches = nil
}
