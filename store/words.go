package store

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxWord is the longest word in characters that is indexed. Longer ones are
// hashes and keys, which are looked up by other means.
const maxWord = 40

// atom is a word, or one character of a script that writes without spaces.
type atom struct {
	text   string
	unit   bool // one such character, with its marks
	joined bool // nothing stands between this unit and the one before
}

// splitter cuts text into atoms as a reader sees them: without case, without
// the accents of alphabets, without the vowel signs of Arabic and Hebrew.
type splitter struct {
	out    []atom
	word   []byte
	runes  int  // in word
	base   rune // last letter, which marks belong to
	joined bool // the last atom is a unit and nothing came since
}

// atomsOf gives the atoms of a text in their order.
func atomsOf(text string) []atom {
	s := splitter{out: make([]atom, 0, len(text)/6+1)}
	for _, r := range norm.NFKD.String(text) {
		s.add(r)
	}
	s.flush()
	return s.out
}

func (s *splitter) add(r rune) {
	switch {
	case r < utf8.RuneSelf:
		s.addASCII(r)
	case isIgnored(r):
	case r == utf8.RuneError:
		s.flush()
	case unicode.Is(unicode.M, r):
		s.mark(r)
	case isApostrophe(r):
		s.apostrophe()
	case isUnit(r):
		s.unit(r)
	case unicode.IsDigit(r):
		s.letter(digit(r))
	case unicode.IsLetter(r) || unicode.IsNumber(r):
		s.letter(unicode.ToLower(r))
	case unicode.Is(unicode.So, r): // emoji are words
		s.flush()
		s.letter(r)
		s.flush()
	default:
		s.flush()
	}
}

func (s *splitter) addASCII(r rune) {
	switch {
	case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
		s.letter(r)
	case r >= 'A' && r <= 'Z':
		s.letter(r + 'a' - 'A')
	case r == '\'':
		s.apostrophe()
	default:
		s.flush()
	}
}

// sameLetter are letters that people type one for the other and that Unicode does not take apart.
var sameLetter = map[rune]string{
	'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'ł': "l", 'đ': "d", 'ð': "d", 'þ': "th", 'ı': "i", 'ς': "σ",
	'ٱ': "ا", 'ى': "ي", 'ی': "ي", 'ې': "ي", 'ے': "ي", 'ک': "ك", 'ة': "ه", 'ہ': "ه", 'ە': "ه",
}

func (s *splitter) letter(r rune) {
	s.joined = false
	s.base = r
	s.runes++
	if s.runes > maxWord {
		return
	}
	if r < utf8.RuneSelf {
		s.word = append(s.word, byte(r))
		return
	}
	if same, ok := sameLetter[r]; ok {
		s.word = append(s.word, same...)
		return
	}
	s.word = utf8.AppendRune(s.word, r)
}

// mark keeps the marks that make another letter, and drops those that say how it sounds.
func (s *splitter) mark(r rune) {
	switch {
	case s.runes > 0 && s.runes <= maxWord && keepsMark(s.base, r):
		s.word = utf8.AppendRune(s.word, r)
	case s.runes == 0 && s.joined && keepsMark(s.base, r):
		s.out[len(s.out)-1].text += string(r)
	}
}

func keepsMark(base, mark rune) bool {
	const breve, diaeresis = '\u0306', '\u0308'
	switch {
	case unicode.Is(unicode.Cyrillic, base): // й and ї are letters, ё is an е, the rest is stress
		return mark == breve || (mark == diaeresis && base != 'е')
	case unicode.Is(unicode.Latin, base), unicode.Is(unicode.Greek, base), unicode.Is(unicode.Arabic, base), unicode.Is(unicode.Hebrew, base):
		return false
	}
	return unicode.IsLetter(base)
}

// apostrophe: п'ять is one word, l'eau is two.
func (s *splitter) apostrophe() {
	if s.runes == 0 || !unicode.Is(unicode.Cyrillic, s.base) {
		s.flush()
	}
}

func isApostrophe(r rune) bool { return r == '\u2019' || r == '\u02bc' || r == '\u2018' }

// isIgnored: joiners, direction marks, soft hyphens; the stretching of Arabic; how an emoji is drawn.
func isIgnored(r rune) bool {
	const tatweel = '\u0640'
	return unicode.Is(unicode.Cf, r) || r == tatweel || (r >= 0xfe00 && r <= 0xfe0f) || (r >= 0x1f3fb && r <= 0x1f3ff)
}

var unspaced = []*unicode.RangeTable{
	unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Bopomofo, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar,
}

// isUnit says whether the character belongs to a script that writes words
// together, or, as Korean, hangs endings on them.
func isUnit(r rune) bool { return r >= 0x0e00 && unicode.IsLetter(r) && unicode.IsOneOf(unspaced, r) }

func (s *splitter) unit(r rune) {
	// NFKD has taken Hangul apart: vowels and finals follow their initial.
	if s.joined && s.runes == 0 && r >= 0x1160 && r <= 0x11ff {
		s.out[len(s.out)-1].text += string(r)
		return
	}
	joined := s.joined && s.runes == 0
	s.flush()
	s.out = append(s.out, atom{string(r), true, joined})
	s.base, s.joined = r, true
}

// flush ends a word, and what stood together.
func (s *splitter) flush() {
	if s.runes > 0 && s.runes <= maxWord {
		s.out = append(s.out, atom{text: string(s.word)})
	}
	s.word, s.runes, s.joined, s.base = s.word[:0], 0, false, 0
}

// digit gives the ASCII digit of the same value. Decimal digits stand in rows of ten.
func digit(r rune) rune {
	for _, row := range unicode.Nd.R16 {
		if r <= rune(row.Hi) {
			return '0' + (r-rune(row.Lo))%10
		}
	}
	for _, row := range unicode.Nd.R32 {
		if r <= rune(row.Hi) {
			return '0' + (r-rune(row.Lo))%10
		}
	}
	return r
}

// tokens gives what stands in the index for atoms: each of them, and each pair
// of characters that stand together, so that short words of Chinese are found
// without a dictionary.
func tokens(atoms []atom) []string {
	out := make([]string, 0, len(atoms))
	for i, a := range atoms {
		out = append(out, a.text)
		if a.joined && i > 0 {
			out = append(out, atoms[i-1].text+a.text)
		}
	}
	return out
}
