package store

import (
	"math"
	"slices"
	"strings"
	"unicode"
)

// Bounds of one search. What is beyond them is not looked at.
const (
	maxSearch = 1024 // bytes of what somebody typed
	maxTerms  = 16   // words and phrases
	minPrefix = 3    // characters from which on the last word may be the beginning of one
)

// term is a word, or several atoms in a row.
type term struct {
	atoms  []atom
	prefix bool // the last atom may be the beginning of a word
}

// wanted is what somebody looks for: documents that have all of the terms and
// none of the excluded ones.
type wanted struct {
	all, none []term
	weight    []float64      // of each of all: how rare it is
	shared    map[int64]bool // slots that hold more than one event: the index cannot tell which of them matches
	titles    bool           // all of them in the title
}

// parseSearch reads words, "quoted phrases" and -exclusions (NIP-50). Any string
// is a search. Extensions (key:value) are not known here and are left out. Nil
// means that nothing is asked; a search of which no word is left finds nothing.
func parseSearch(s string) *wanted {
	var w wanted
	asked := false
	s = quotes.Replace(strings.ToValidUTF8(s[:min(len(s), maxSearch)], " "))
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		var f field
		f, s = nextField(s)
		if f.isExtension() {
			continue
		}
		asked = true
		w.add(f)
	}
	if !asked {
		return nil
	}
	w.openEnd()
	return &w
}

var quotes = strings.NewReplacer("“", `"`, "”", `"`, "„", `"`, "«", `"`, "»", `"`, "「", `"`, "」", `"`)

// field is one piece of a search as it was typed.
type field struct {
	text           string
	excluded, open bool // open: nothing says that its last word is whole
	quoted         bool
}

// nextField takes the first field from a search that does not begin with a space.
func nextField(s string) (f field, rest string) {
	if len(s) > 1 && s[0] == '-' && s[1] != '-' && s[1] != ' ' {
		f.excluded, s = true, s[1:]
	}
	if s[0] == '"' {
		f.quoted = true
		inside, rest, closed := strings.Cut(s[1:], `"`)
		f.text, f.open = inside, !closed
		return f, rest
	}
	end := strings.IndexFunc(s, func(r rune) bool { return r == '"' || unicode.IsSpace(r) })
	if end < 0 {
		end = len(s)
	}
	f.text, f.open = s[:end], true
	return f, s[end:]
}

// isExtension spots key:value of NIP-50, such as include:spam.
func (f field) isExtension() bool {
	key, value, ok := strings.Cut(f.text, ":")
	if !ok || f.quoted || key == "" || value == "" || strings.HasPrefix(value, "//") || key == "nostr" {
		return false
	}
	return strings.Trim(key, "abcdefghijklmnopqrstuvwxyz_") == ""
}

func (w *wanted) add(f field) {
	t := term{atoms: atomsOf(f.text), prefix: f.open && !f.excluded}
	if len(t.atoms) == 0 || len(w.all)+len(w.none) >= maxTerms {
		return
	}
	if f.excluded {
		w.none = append(w.none, t)
		return
	}
	w.all = append(w.all, t)
}

// openEnd leaves only the last word open, where it is long enough.
func (w *wanted) openEnd() {
	for i := range w.all {
		t := &w.all[i]
		last := t.atoms[len(t.atoms)-1]
		t.prefix = t.prefix && i == len(w.all)-1 && !last.unit && len([]rune(last.text)) >= minPrefix
	}
	w.weight = slices.Repeat([]float64{1}, len(w.all))
}

// isPlain says whether the index alone can tell what matches.
func (w *wanted) isPlain() bool {
	return len(w.none) == 0 && !slices.ContainsFunc(w.all, func(t term) bool { return len(t.atoms) > 1 })
}

// expression gives the terms in the language of FTS5. It asks for every token
// of them, so what it finds may have them in another order. Tokens hold letters,
// digits, marks and emoji only, so none can end its quotes.
func expression(terms []term) string {
	var parts []string
	for _, t := range terms {
		for i, a := range t.atoms {
			last := i == len(t.atoms)-1
			switch {
			case a.joined && i > 0:
				parts = append(parts, `"`+t.atoms[i-1].text+a.text+`"`)
			case a.unit && !last && t.atoms[i+1].joined: // the pair says more
			case last && t.prefix:
				parts = append(parts, `"`+a.text+`" *`)
			default:
				parts = append(parts, `"`+a.text+`"`)
			}
		}
	}
	return strings.Join(parts, " AND ")
}

// matches says whether the document is looked for.
func (w *wanted) matches(d document) bool {
	has := func(t term) bool { return count(d.title, t) > 0 || count(d.body, t) > 0 }
	return len(w.all) > 0 && !slices.ContainsFunc(w.none, has) &&
		!slices.ContainsFunc(w.all, func(t term) bool { return !has(t) })
}

// count says how often a term stands in a text; the beginning of a longer word counts half.
func count(text []atom, t term) (n float64) {
	for i := range len(text) - len(t.atoms) + 1 {
		switch whole, begins := t.standsAt(text[i:]); {
		case whole:
			n++
		case begins:
			n += 0.5
		}
	}
	return n
}

func (t term) standsAt(text []atom) (whole, begins bool) {
	last := len(t.atoms) - 1
	for i, a := range t.atoms {
		if i > 0 && a.joined && !text[i].joined {
			return false, false
		}
		if text[i].text != a.text {
			return false, i == last && t.prefix && strings.HasPrefix(text[i].text, a.text)
		}
	}
	return true, false
}

// The constants of BM25 (Robertson and Zaragoza 2009), and what a word in the
// title is worth against one in the text.
const (
	bm25K       = 1.2
	bm25B       = 0.75
	titleWeight = 10
	usualLength = 40 // atoms of an event, about
)

// score says how well a document fits (BM25), in steps so coarse that of those
// that fit about equally well the newer comes first.
func (w *wanted) score(d document) float64 {
	length := 1 - bm25B + bm25B*float64(len(d.title)+len(d.body))/usualLength
	var sum float64
	for i, t := range w.all {
		n := titleWeight*count(d.title, t) + count(d.body, t)
		sum += w.weight[i] * n * (bm25K + 1) / (n + bm25K*length)
	}
	return math.Round(sum * 10)
}
