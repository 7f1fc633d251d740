package event

import (
	"fmt"
	"slices"
	"strconv"
)

// Match says whether the event meets every condition of the filter. Limit and
// Search are not conditions on one event and are ignored.
func (f *Filter) Match(e *Event) bool {
	if f.IDs != nil && !slices.Contains(f.IDs, e.ID) {
		return false
	}
	if f.Kinds != nil && !slices.Contains(f.Kinds, e.Kind) {
		return false
	}
	if e.CreatedAt < f.Since || (f.Until != 0 && e.CreatedAt > f.Until) {
		return false
	}
	if f.Authors != nil && !slices.Contains(f.Authors, e.PubKey) {
		return false
	}
	for letter, values := range f.Tags {
		if !e.Tags.hasAny(letter, values) {
			return false
		}
	}
	return true
}

// hasAny says whether a tag of that single-letter name has one of the values first.
func (t Tags) hasAny(letter byte, values []string) bool {
	for _, tag := range t {
		if len(tag) > 1 && len(tag[0]) == 1 && tag[0][0] == letter && slices.Contains(values, tag[1]) {
			return true
		}
	}
	return false
}

// ParseFilter reads one filter (NIP-01, NIP-50) in one pass.
//
// Conditions that this package does not know are refused, not ignored, as
// strfry does: to ignore one would answer a wider question than was asked. So
// are tag conditions of more than one letter, ids and authors that are not 64
// lower-case hex digits (prefixes left NIP-01 in 2023), and a key given twice.
// An empty list stays an empty list and matches nothing. "limit":0 becomes -1.
// "until":0 or less becomes a filter that matches nothing.
// Errors wrap ErrMalformed or ErrTooLarge.
func ParseFilter(raw []byte) (Filter, error) {
	if len(raw) > MaxFilterBytes {
		return Filter{}, fmt.Errorf("%w: filter of %d bytes, not at most %d", ErrTooLarge, len(raw), MaxFilterBytes)
	}
	p := &filterParser{scanner: scanner{s: string(raw)}, seen: map[string]bool{}}
	if err := p.object(p.field); err != nil {
		return Filter{}, fmt.Errorf("filter: %w", err)
	}
	if err := p.end(); err != nil {
		return Filter{}, fmt.Errorf("filter: %w", err)
	}
	if p.ended {
		p.f.IDs = []ID{}
	}
	return p.f, nil
}

type filterParser struct {
	scanner
	f     Filter
	seen  map[string]bool // bounded: unknown keys end the parse
	ended bool            // until lies before every event
}

func (p *filterParser) field(key string) (err error) {
	if p.seen[key] {
		return p.fail("condition %q twice", key)
	}
	p.seen[key] = true
	switch key {
	case "ids":
		p.f.IDs, err = readList(p, key, func() (id ID, err error) { return id, p.hex(id[:], "id") })
	case "authors":
		p.f.Authors, err = readList(p, key, func() (pk PubKey, err error) { return pk, p.hex(pk[:], "author") })
	case "kinds":
		p.f.Kinds, err = readList(p, key, func() (Kind, error) {
			n, err := p.uint(1<<16 - 1)
			return Kind(n), err
		})
	case "since":
		p.f.Since, err = p.time()
		p.f.Since = max(p.f.Since, 0)
	case "until":
		p.f.Until, err = p.time()
		p.ended = p.f.Until <= 0
		p.f.Until = max(p.f.Until, 0)
	case "limit":
		err = p.limit()
	case "search":
		p.f.Search, err = p.str()
	default:
		err = p.tag(key)
	}
	return err
}

// time reads seconds; clients that subtract from small clocks send negative ones.
func (p *filterParser) time() (int64, error) {
	sign := int64(1)
	if p.take('-') {
		sign = -1
		if p.i < len(p.s) && (p.s[p.i] < '1' || p.s[p.i] > '9') {
			return 0, p.fail("no plain integer")
		}
	}
	n, err := p.uint(maxCreatedAt)
	return sign * int64(n), err
}

func (p *filterParser) limit() error {
	n, err := p.uint(1<<31 - 1)
	if p.f.Limit = int(n); n == 0 {
		p.f.Limit = -1
	}
	return err
}

func (p *filterParser) tag(key string) error {
	if len(key) != 2 || key[0] != '#' || !isLetter(key[1]) {
		return p.fail("unknown condition %q", key)
	}
	if len(p.f.Tags) == MaxFilterTagKeys {
		return fmt.Errorf("%w: more than %d tag conditions", ErrTooLarge, MaxFilterTagKeys)
	}
	values, err := readList(p, key, p.str)
	if p.f.Tags == nil {
		p.f.Tags = map[byte][]string{}
	}
	p.f.Tags[key[1]] = values
	return err
}

func isLetter(c byte) bool { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') }

func readList[T any](p *filterParser, key string, read func() (T, error)) ([]T, error) {
	list := []T{}
	err := p.array(func() error {
		if len(list) == MaxFilterValues {
			return fmt.Errorf("%w: more than %d values of %q", ErrTooLarge, MaxFilterValues, key)
		}
		v, err := read()
		list = append(list, v)
		return err
	})
	return list, err
}

// MarshalJSON writes the filter as NIP-01 has it, tag conditions in order of their letters.
func (f Filter) MarshalJSON() ([]byte, error) {
	w := filterWriter{[]byte{'{'}}
	writeList(&w, "ids", f.IDs, func(b []byte, id ID) []byte { return AppendString(b, id.String()) })
	writeList(&w, "authors", f.Authors, func(b []byte, pk PubKey) []byte { return AppendString(b, pk.String()) })
	writeList(&w, "kinds", f.Kinds, func(b []byte, k Kind) []byte { return strconv.AppendUint(b, uint64(k), 10) })
	letters := make([]byte, 0, len(f.Tags))
	for letter := range f.Tags {
		letters = append(letters, letter)
	}
	slices.Sort(letters)
	for _, letter := range letters {
		values := f.Tags[letter]
		if values == nil {
			values = []string{}
		}
		writeList(&w, "#"+string(letter), values, AppendString)
	}
	if f.Since != 0 {
		w.int("since", f.Since)
	}
	if f.Until != 0 {
		w.int("until", f.Until)
	}
	if f.Limit != 0 {
		w.int("limit", int64(max(f.Limit, 0)))
	}
	if f.Search != "" {
		w.key("search")
		w.b = AppendString(w.b, f.Search)
	}
	return append(w.b, '}'), nil
}

// UnmarshalJSON reads what ParseFilter reads.
func (f *Filter) UnmarshalJSON(raw []byte) (err error) {
	*f, err = ParseFilter(raw)
	return err
}

type filterWriter struct{ b []byte }

func (w *filterWriter) key(name string) {
	if len(w.b) > 1 {
		w.b = append(w.b, ',')
	}
	w.b = append(AppendString(w.b, name), ':')
}

func (w *filterWriter) int(name string, n int64) {
	w.key(name)
	w.b = strconv.AppendInt(w.b, n, 10)
}

func writeList[T any](w *filterWriter, name string, list []T, item func([]byte, T) []byte) {
	if list == nil {
		return
	}
	w.key(name)
	w.b = append(w.b, '[')
	for i, v := range list {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.b = item(w.b, v)
	}
	w.b = append(w.b, ']')
}
