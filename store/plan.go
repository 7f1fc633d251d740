package store

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"mural/event"
)

const (
	maxLists    = 20_000 // lists that one filter may merge
	fewLists    = 4      // a second condition of so few lists is worth seeking in
	fewKinds    = 8      // more kinds than these are looked up per list instead of tried
	searchLists = 512    // lists that are worth opening beside a search
	minPiece    = 4      // entries read at once from one of many lists
	onePiece    = 64     // entries read at once where no limit says less
	allKinds    = 1 << 16
)

// condition is one condition of a filter as the lists any of which may hold the event.
type condition []*cursor

// plan says from which lists the candidates for a filter come: those that stand
// in a list of every condition. It need not hold all conditions of the filter,
// for the candidates are matched in the end; ids are not its business.
func (c *conn) plan(f *event.Filter, want *wanted) ([]condition, error) {
	if want != nil {
		return c.planSearch(f, want)
	}
	return c.planLists(f)
}

// planSearch reads the matches of the search, and seeks in other lists where
// those are few enough to be opened.
func (c *conn) planSearch(f *event.Filter, want *wanted) ([]condition, error) {
	all := []condition{{{hits: newHits(want)}}}
	if len(f.Tags) == 0 && f.Authors == nil && f.Kinds == nil {
		return all, nil
	}
	others, err := c.planLists(f)
	for _, other := range others {
		if len(other) <= searchLists {
			all = append(all, other)
		}
	}
	return all, err
}

func (c *conn) planLists(f *event.Filter) ([]condition, error) {
	if len(f.Tags) == 0 && f.Authors == nil {
		return []condition{kindLists(f.Kinds)}, nil
	}
	var all []condition
	for _, letter := range slices.Sorted(maps.Keys(f.Tags)) {
		hashes := make([]int64, len(f.Tags[letter]))
		for i, value := range f.Tags[letter] {
			hashes[i] = hash(letter, value)
		}
		if err := c.addCondition(&all, hashes, f.Kinds); err != nil {
			return nil, err
		}
	}
	if f.Authors != nil && (len(all) == 0 || len(f.Authors) <= fewLists) {
		hashes := make([]int64, len(f.Authors))
		for i, author := range f.Authors {
			hashes[i] = authorHash(author)
		}
		if err := c.addCondition(&all, hashes, f.Kinds); err != nil {
			return nil, err
		}
	}
	return worthReading(all), nil
}

// worthReading keeps the condition with the fewest lists to read from, and the
// others of few lists to seek in.
func worthReading(all []condition) []condition {
	slices.SortStableFunc(all, func(a, b condition) int { return len(a) - len(b) })
	keep := 1
	for keep < len(all) && len(all[keep-1]) <= fewLists {
		keep++
	}
	return all[:keep]
}

func kindLists(kinds []event.Kind) condition {
	if kinds == nil {
		return condition{{time: true}}
	}
	var out condition
	for _, k := range unique(kinds) {
		out = append(out, &cursor{h: kindList, k: int64(k)})
	}
	return out
}

// addCondition adds the lists with these hashes, of these kinds, nil meaning of any.
func (c *conn) addCondition(all *[]condition, hashes []int64, kinds []event.Kind) error {
	out := condition{}
	wanted := unique(kinds)
	for _, h := range unique(hashes) {
		present := wanted
		if kinds == nil || len(wanted) > fewKinds {
			var err error
			if present, err = c.kindsOf(h, kinds, wanted); err != nil {
				return err
			}
		}
		for _, k := range present {
			out = append(out, &cursor{h: h, k: int64(k)})
		}
		if len(out) > maxLists {
			return fmt.Errorf("%w: it takes more than %d lists", ErrBroad, maxLists)
		}
	}
	*all = append(*all, out)
	return nil
}

// kindsOf gives the wanted kinds that a hash has lists of, going from one to the
// next without reading them; all kinds where kinds is nil.
func (c *conn) kindsOf(h int64, kinds, wanted []event.Kind) (out []event.Kind, err error) {
	for next := int64(0); next < allKinds; {
		k, err := c.number("SELECT coalesce(min(k), 65536) FROM posting WHERE h=? AND k>=?", h, next)
		if err != nil || k >= allKinds {
			return out, err
		}
		if _, want := slices.BinarySearch(wanted, event.Kind(k)); want || kinds == nil {
			out = append(out, event.Kind(k))
		}
		next = k + 1
	}
	return out, nil
}

func unique[T int64 | event.Kind](list []T) []T {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

// windowOf turns since and until, both inclusive, into ranks. False when nothing lies between.
func windowOf(f *event.Filter) (window, bool) {
	w := window{0, math.MaxInt64}
	if f.Since > MaxCreatedAt || f.Until < 0 {
		return w, false
	}
	if f.Since > 0 {
		w.low = rankFrom(f.Since)
	}
	if f.Until != 0 && f.Until < MaxCreatedAt {
		w.high = rankFrom(f.Until + 1)
	}
	return w, w.low < w.high
}

// matchesNothing spots the filters that have an empty list of something.
func matchesNothing(f *event.Filter) bool {
	for _, values := range f.Tags {
		if len(values) == 0 {
			return true
		}
	}
	return (f.IDs != nil && len(f.IDs) == 0) ||
		(f.Authors != nil && len(f.Authors) == 0) ||
		(f.Kinds != nil && len(f.Kinds) == 0)
}

// pieceFor says how much to read first from each of n lists to find limit entries.
func pieceFor(limit, n int) int {
	if limit == 0 {
		return maxPiece
	}
	if n <= 1 {
		return min(limit+1, onePiece)
	}
	return max(minPiece, min(2*limit/n, onePiece))
}
