package store

import "math"

// An entry of a list: an event's rank and number. Lists are read from the
// largest rank down, which is newest first.
type entry struct{ r, n int64 }

func (a entry) before(b entry) bool { return a.r > b.r || (a.r == b.r && a.n > b.n) }

// window is the span of ranks that a filter asks for.
type window struct{ low, high int64 } // low <= r < high

// cursor reads one list in pieces, so that any number of lists share one
// prepared statement.
type cursor struct {
	h, k int64 // the list of postings
	time bool  // the timeline instead
	hits *hits // the matches of a search instead

	passed int // times that the cursor went forward since it was filled
	next   int // entries to read next
	buf    []entry
	last   bool // buf is the end of the list
}

// maxPiece bounds the entries that a cursor holds.
const maxPiece = 512

// fill reads the next piece, of entries that come after pos. A list of which
// more is wanted is worth a larger piece each time.
func (cur *cursor) fill(c *conn, pos entry, low int64) error {
	piece := cur.next
	cur.next = min(4*piece, maxPiece)
	if cur.hits != nil {
		return cur.fillHits(c, pos, low, piece)
	}
	sql := "SELECT r, n FROM posting WHERE h=?5 AND k=?6 AND (r, n)<(?1, ?2) AND r>=?3 ORDER BY r DESC, n DESC LIMIT ?4"
	if cur.time {
		sql = "SELECT r, n FROM timeline WHERE (r, n)<(?1, ?2) AND r>=?3 ORDER BY r DESC, n DESC LIMIT ?4"
	}
	q, err := c.query(sql)
	if err != nil {
		return err
	}
	q.bind(pos.r, pos.n, low, int64(piece))
	if !cur.time {
		q.int(5, cur.h).int(6, cur.k)
	}
	cur.buf = cur.buf[:0]
	err = q.rows(func() error {
		cur.buf = append(cur.buf, entry{q.ColumnInt64(0), q.ColumnInt64(1)})
		return nil
	})
	cur.last = len(cur.buf) < piece
	return err
}

// union merges the lists of one condition (any of these authors) into one
// descending order, each entry once. It is a heap of cursors by their heads.
type union struct {
	c    *conn
	low  int64
	heap []*cursor
}

// open reads the first piece of every list.
func (c *conn) open(lists []*cursor, w window, piece int) (*union, error) {
	u := &union{c: c, low: w.low, heap: lists[:0:0]}
	for _, cur := range lists {
		cur.next = piece
		if err := cur.fill(c, entry{w.high, math.MinInt64}, w.low); err != nil {
			return nil, err
		}
		if len(cur.buf) > 0 {
			u.heap = append(u.heap, cur)
		}
	}
	for i := len(u.heap)/2 - 1; i >= 0; i-- {
		u.sink(i)
	}
	return u, nil
}

// head gives the next entry; false at the end.
func (u *union) head() (entry, bool) {
	if len(u.heap) == 0 {
		return entry{}, false
	}
	return u.heap[0].buf[0], true
}

// drop goes past an entry in every list that has it.
func (u *union) drop(e entry) error { return u.skip(entry{e.r, e.n - 1}) }

// skip goes forward to the first entry that is not before e.
func (u *union) skip(e entry) error {
	for len(u.heap) > 0 && u.heap[0].buf[0].before(e) {
		if err := u.advance(u.heap[0], e); err != nil {
			return err
		}
		if len(u.heap[0].buf) == 0 {
			end := len(u.heap) - 1
			u.heap[0], u.heap = u.heap[end], u.heap[:end]
		}
		u.sink(0)
	}
	return nil
}

// advance leaves the cursor at its first entry that is not before e, or empty at its end.
func (u *union) advance(cur *cursor, e entry) error {
	i := 0
	for i < len(cur.buf) && cur.buf[i].before(e) {
		i++
	}
	cur.passed++
	if i < len(cur.buf) {
		cur.buf = cur.buf[i:]
		return nil
	}
	if cur.last {
		cur.buf = nil
		return nil
	}
	return cur.fill(u.c, entry{e.r, addOne(e.n)}, u.low)
}

func addOne(n int64) int64 {
	if n == math.MaxInt64 {
		return n
	}
	return n + 1
}

func (u *union) sink(i int) {
	for {
		first := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(u.heap); child++ {
			if u.heap[child].buf[0].before(u.heap[first].buf[0]) {
				first = child
			}
		}
		if first == i {
			return
		}
		u.heap[i], u.heap[first] = u.heap[first], u.heap[i]
		i = first
	}
}
