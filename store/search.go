package store

import (
	"cmp"
	"context"
	"math"
	"slices"

	"mural/event"
)

// Searches (NIP-50). What people type is words, "quoted phrases" and
// -exclusions; all words have to be there, in any order, the last one may be
// the beginning of a longer one. Letters are compared without case and accents,
// Chinese, Japanese, Korean, Thai, Lao, Khmer and Burmese character by
// character. See words.go for what a word is and document.go for where it is
// looked for.

// Bounds of the work that one search may make.
const (
	commonWord  = 2000    // matches from which on the last word is taken as it stands
	rareWord    = 10_000  // matches beyond which a word counts as common as any
	minHits     = 16      // matches read from the index at once where other conditions jump far
	maxHits     = 16_384  // and where they do not
	maxRanked   = 1000    // newest matches among which the best are looked for
	maxTried    = 3000    // newest candidates after which a full answer is good enough
	maxTitles   = 250     // newest matches in titles that are looked at besides
	rankedBytes = 2 << 20 // of their content: a thousand long articles would take seconds
)

func searches(filters []event.Filter) bool {
	return slices.ContainsFunc(filters, func(f event.Filter) bool { return f.Search != "" })
}

// look is read, for a search after the index has caught up.
func (s *Store) look(ctx context.Context, filters []event.Filter, f func(*conn) error) error {
	if searches(filters) {
		if err := s.writer.catchUp(ctx); err != nil {
			return err
		}
	}
	return s.read(ctx, f)
}

// parse reads a search and settles whether its last word is taken as a beginning.
func (c *conn) parse(search string) (*wanted, error) {
	want := parseSearch(search)
	if want == nil || len(want.all) == 0 {
		return want, nil
	}
	last := &want.all[len(want.all)-1]
	if !last.prefix {
		return want, nil
	}
	whole := term{atoms: last.atoms[len(last.atoms)-1:]}
	n, err := c.matchesUpTo(expression([]term{whole}), commonWord)
	last.prefix = n < commonWord
	return want, err
}

// weigh gives each term its weight of BM25, the rarer the heavier.
func (c *conn) weigh(want *wanted) error {
	if len(want.all) < 2 {
		return nil // one weight for all documents changes nothing
	}
	total, err := c.upto()
	if err != nil {
		return err
	}
	for i, t := range want.all {
		n, err := c.matchesUpTo(expression([]term{t}), rareWord)
		if err != nil {
			return err
		}
		want.weight[i] = math.Log(1 + (max(float64(total-n), 0)+0.5)/(float64(n)+0.5))
	}
	return nil
}

func (c *conn) matchesUpTo(expression string, most int64) (n int64, err error) {
	q, err := c.query("SELECT count(*) FROM (SELECT 1 FROM search WHERE search MATCH ? LIMIT ?)")
	if err != nil {
		return 0, err
	}
	err = q.text(1, expression).int(2, most).rows(func() error { n = q.ColumnInt64(0); return nil })
	return n, err
}

// hits are the matches of a search in the index, as the list of a cursor.
type hits struct {
	expression string
	below      int64 // slots from here on were read
	read       int   // of them at the last time
	shared     map[int64]bool
}

func newHits(want *wanted) *hits {
	if len(want.all) == 0 {
		return &hits{} // finds nothing
	}
	want.shared = map[int64]bool{}
	h := &hits{expression: expression(want.all), below: math.MaxInt64, shared: want.shared}
	if want.titles {
		h.expression = "title : (" + h.expression + ")"
	}
	return h
}

// fillHits is fill for the matches of a search.
func (cur *cursor) fillHits(c *conn, pos entry, low int64, piece int) error {
	// Where other lists jump over most of what was read, it is better to seek.
	if cur.passed*4 < cur.hits.read {
		piece = minHits
	}
	cur.next, cur.passed = min(8*piece, maxHits), 0
	cur.buf, cur.last = cur.buf[:0], false
	for len(cur.buf) == 0 && !cur.last {
		slots, err := c.slots(cur.hits, pos, low, piece)
		if err != nil {
			return err
		}
		cur.last, cur.hits.read = len(slots) < piece, len(slots)
		for _, slot := range slots {
			cur.hits.below = slot
			if err := cur.appendSlot(c, slot, pos, low); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *conn) slots(h *hits, pos entry, low int64, most int) (slots []int64, err error) {
	top := min(slotOf(pos.r), h.below-1)
	if h.expression == "" || top < slotOf(low) {
		return nil, nil
	}
	q, err := c.query("SELECT rowid FROM search WHERE search MATCH ? AND rowid<=? AND rowid>=? ORDER BY rowid DESC LIMIT ?")
	if err != nil {
		return nil, err
	}
	err = q.text(1, h.expression).int(2, top).int(3, slotOf(low)).int(4, int64(most)).rows(func() error {
		slots = append(slots, q.ColumnInt64(0))
		return nil
	})
	return slots, err
}

// appendSlot adds the visible events of a slot that come after pos.
func (cur *cursor) appendSlot(c *conn, slot int64, pos entry, low int64) error {
	q, err := c.query("SELECT r, n FROM timeline WHERE r>=? AND r<? ORDER BY r DESC, n DESC")
	if err != nil {
		return err
	}
	rows := 0
	return q.bind(slot<<slotShift, (slot+1)<<slotShift).rows(func() error {
		if rows++; rows > 1 {
			cur.hits.shared[slot] = true
		}
		if e := (entry{q.ColumnInt64(0), q.ColumnInt64(1)}); pos.before(e) && e.r >= low {
			cur.buf = append(cur.buf, e)
		}
		return nil
	})
}

// fitting is a match with how well it fits.
type fitting struct {
	*event.Event
	score float64
}

// best gives the matches of one filter that fit best, the best first and the
// newer first of those that fit about equally well. It looks for them among the
// newest maxRanked matches, or fewer where most of maxTried candidates are none,
// and the newest maxTitles in titles.
func (s *Store) best(ctx context.Context, c *conn, f *event.Filter, limit int) ([]*event.Event, error) {
	m, err := s.matcher(c, f)
	if err != nil {
		return nil, err
	}
	if m.want == nil {
		return s.newest(ctx, c, f, limit)
	}
	if err := c.weigh(m.want); err != nil {
		return nil, err
	}
	found := map[event.ID]fitting{}
	// A phrase of common words may stand in few of those that have them all.
	m.enough = func() bool { return m.tried >= maxTried && len(found) >= limit }
	if err := m.fit(ctx, max(limit, maxRanked), found); err != nil {
		return nil, err
	}
	if len(found) >= maxRanked {
		m.want.titles, m.tried = true, 0
		if err := m.fit(ctx, maxTitles, found); err != nil {
			return nil, err
		}
	}
	return ordered(found, limit), nil
}

// fit scores the newest matches.
func (m *matcher) fit(ctx context.Context, most int, into map[event.ID]fitting) error {
	bytes := 0
	return m.run(ctx, most, func(r record) (bool, error) {
		into[r.ID] = fitting{r.Event, m.want.score(m.words)}
		bytes += len(r.Content)
		most--
		return most > 0 && bytes < rankedBytes, nil
	})
}

func ordered(found map[event.ID]fitting, limit int) []*event.Event {
	list := make([]fitting, 0, len(found))
	for _, one := range found {
		list = append(list, one)
	}
	slices.SortFunc(list, func(a, b fitting) int {
		return cmp.Or(cmp.Compare(b.score, a.score), compare(a.Event, b.Event))
	})
	out := make([]*event.Event, min(len(list), limit))
	for i := range out {
		out[i] = list[i].Event
	}
	return out
}

// once keeps the first of each event.
func once(found []*event.Event) []*event.Event {
	seen := make(map[event.ID]bool, len(found))
	return slices.DeleteFunc(found, func(e *event.Event) bool {
		was := seen[e.ID]
		seen[e.ID] = true
		return was
	})
}
