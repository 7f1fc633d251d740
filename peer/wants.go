package peer

import (
	"maps"
	"slices"

	"mural/event"
)

// widen prepares filters for the wire: every filter brings the deletions of
// what it asks for, and values beyond event.MaxFilterValues are spread over
// several filters. At most maxWantFilters remain; dropped says how many did not fit.
func widen(fs []event.Filter) (out []event.Filter, dropped int) {
	for _, f := range fs {
		for _, w := range append([]event.Filter{f}, deletionsOf(f)...) {
			out = append(out, split(w)...)
		}
	}
	if len(out) > maxWantFilters {
		dropped = len(out) - maxWantFilters
		out = out[:maxWantFilters]
	}
	return out, dropped
}

// deletionsOf gives the filter of the deletion requests (NIP-09) that may
// concern what f asks for, unless f asks for them anyway.
func deletionsOf(f event.Filter) []event.Filter {
	if f.Kinds == nil && f.IDs == nil && len(f.Tags) == 0 || len(f.Kinds) > 0 && slices.Contains(f.Kinds, event.KindDeletion) && len(f.Tags) == 0 {
		return nil
	}
	d := event.Filter{Kinds: []event.Kind{event.KindDeletion}, Authors: f.Authors, Since: f.Since, Limit: f.Limit}
	if f.IDs != nil && f.Authors == nil {
		d.Tags = map[byte][]string{'e': idStrings(f.IDs)}
	}
	return []event.Filter{d}
}

func idStrings(ids []event.ID) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = id.String()
	}
	return out
}

// split gives filters that together ask for what f asks for, none with more
// values than event.MaxFilterValues in one place.
func split(f event.Filter) []event.Filter {
	if n := event.MaxFilterValues; len(f.Authors) > n {
		return spread(f.Authors, func(p []event.PubKey) event.Filter { g := f; g.Authors = p; return g })
	}
	if len(f.IDs) > event.MaxFilterValues {
		return spread(f.IDs, func(p []event.ID) event.Filter { g := f; g.IDs = p; return g })
	}
	if len(f.Kinds) > event.MaxFilterValues {
		return spread(f.Kinds, func(p []event.Kind) event.Filter { g := f; g.Kinds = p; return g })
	}
	for letter, values := range f.Tags {
		if len(values) > event.MaxFilterValues {
			return spread(values, func(p []string) event.Filter {
				g := f
				g.Tags = maps.Clone(f.Tags)
				g.Tags[letter] = p
				return g
			})
		}
	}
	return []event.Filter{f}
}

func spread[T any](values []T, with func([]T) event.Filter) (out []event.Filter) {
	for part := range slices.Chunk(values, event.MaxFilterValues) {
		out = append(out, split(with(part))...)
	}
	return out
}

func matchesAny(fs []event.Filter, e *event.Event) bool {
	for i := range fs {
		if fs[i].Match(e) {
			return true
		}
	}
	return false
}
