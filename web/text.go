package web

import (
	"strings"
	"unicode"

	"mural/event"
)

// Bounds of what is read from a text.
const (
	maxMentions = 20  // people named in one text
	maxHashtags = 30  // of one post
	maxTagBytes = 100 // of one hashtag
)

// cleanText gives what a person wrote: the content without control characters,
// without the addresses of media that are shown beside it, and without a
// trailing reference to the post that layer shows.
func cleanText(content string, shown []imeta, of event.ID) string {
	text := dropControls(content)
	text = dropWords(text, func(word string) bool { return showsMedia(word, shown) })
	if !of.IsZero() {
		text = dropTrailingRef(text, of)
	}
	return squeeze(strings.TrimSpace(text))
}

// dropControls removes control characters but newline and tab, and the old marks
// that force the direction of what follows, which can fake text.
func dropControls(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r), r >= 0x202A && r <= 0x202E:
			return -1
		}
		return r
	}, s)
}

func showsMedia(word string, shown []imeta) bool {
	if len(word) > maxURLBytes || !strings.Contains(word, ":") {
		return false
	}
	for _, m := range shown {
		if word == m.URL {
			return true
		}
	}
	linked, ok := linkedMedia(word)
	if !ok {
		return false
	}
	for _, m := range shown {
		if linked.Hash == m.Hash {
			return true
		}
	}
	return false
}

// dropWords removes words (runs without white space); white space stays.
func dropWords(s string, drop func(string) bool) string {
	var out strings.Builder
	for len(s) > 0 {
		n := strings.IndexFunc(s, unicode.IsSpace)
		if n < 0 {
			n = len(s)
		}
		if word := s[:n]; word == "" || !drop(word) {
			out.WriteString(word)
		}
		s = s[n:]
		n = strings.IndexFunc(s, func(r rune) bool { return !unicode.IsSpace(r) })
		if n < 0 {
			n = len(s)
		}
		out.WriteString(s[:n])
		s = s[n:]
	}
	return out.String()
}

// dropTrailingRef removes a nostr: reference to the post at the very end (NIP-18).
func dropTrailingRef(s string, of event.ID) string {
	trimmed := strings.TrimRightFunc(s, unicode.IsSpace)
	start := strings.LastIndexFunc(trimmed, unicode.IsSpace) + 1
	word := trimmed[start:]
	if !strings.HasPrefix(word, "nostr:") {
		return s
	}
	id, err := eventRef(strings.TrimPrefix(word, "nostr:"))
	if err != nil || id != of {
		return s
	}
	return trimmed[:start]
}

// squeeze leaves at most one empty line between paragraphs and no spaces at line ends.
func squeeze(s string) string {
	lines := strings.Split(s, "\n")
	out := lines[:0]
	empty := 0
	for _, line := range lines {
		line = strings.TrimRightFunc(line, unicode.IsSpace)
		if empty++; line != "" {
			empty = 0
		}
		if empty <= 1 {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}

// mentioned lists the people that a text names as nostr:npub… or nostr:nprofile… (NIP-27).
func mentioned(text string) []event.PubKey {
	var out []event.PubKey
	seen := make(map[event.PubKey]bool)
	for len(out) < maxMentions {
		_, rest, ok := strings.Cut(text, "nostr:np")
		if !ok {
			break
		}
		word := rest[:wordEnd(rest)]
		text = rest
		if pk, err := personRef("np" + word); err == nil && !seen[pk] {
			seen[pk] = true
			out = append(out, pk)
		}
	}
	return out
}

// wordEnd gives the length of the bech32 word that s starts with.
func wordEnd(s string) int {
	n := strings.IndexFunc(s, func(r rune) bool { return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9') })
	if n < 0 {
		return len(s)
	}
	return n
}

// hashtagsIn lists the #words of a text, in lower case.
func hashtagsIn(text string) []string {
	var out []string
	seen := make(map[string]bool)
	for _, word := range strings.Fields(text) {
		tag, ok := hashtag(word)
		if !ok || seen[tag] {
			continue
		}
		seen[tag] = true
		if out = append(out, tag); len(out) == maxHashtags {
			break
		}
	}
	return out
}

func hashtag(word string) (string, bool) {
	if !strings.HasPrefix(word, "#") {
		return "", false
	}
	body := word[1:]
	if n := strings.IndexFunc(body, func(r rune) bool { return !tagRune(r) }); n >= 0 {
		body = body[:n]
	}
	if len(body) > maxTagBytes || strings.IndexFunc(body, unicode.IsLetter) < 0 {
		return "", false
	}
	return strings.ToLower(body), true
}

func tagRune(r rune) bool {
	return r == '_' || r == '-' || unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}

// firstLine gives the first line with words in it, at most n bytes.
func firstLine(text string, n int) string {
	for line := range strings.Lines(text) {
		if line = oneLine(line); line != "" {
			return cut(line, n)
		}
	}
	return ""
}
