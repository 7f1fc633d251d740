package store

import (
	"encoding/json"
	"strings"

	"mural/event"
)

// maxText bounds the bytes of one event that are indexed.
const maxText = 64 << 10

// document is what search sees of an event.
type document struct{ title, body []atom }

// isSearchable says whether events of a kind have words for everybody.
func isSearchable(k event.Kind) bool {
	switch k {
	case event.KindProfile, event.KindNote, event.KindComment, event.KindArticle, event.KindVoice, event.KindVoiceComment,
		event.KindPicture, event.KindVideo, event.KindShortVideo, event.KindAddressableVideo, event.KindAddressableShortVideo:
		return true
	}
	return false
}

// documentOf takes the words out of an event, no more than maxText bytes of them.
func documentOf(e *event.Event) document {
	title, body := wordsOf(e)
	title = title[:min(len(title), maxText)]
	body = body[:min(len(body), maxText-len(title))]
	return document{atomsOf(withoutLinks(title)), atomsOf(withoutLinks(body))}
}

// wordsOf gives the words that name an event and those that are in it.
func wordsOf(e *event.Event) (title, body string) {
	switch e.Kind {
	case event.KindProfile:
		return profileWords(e.Content)
	case event.KindArticle:
		return e.Tags.First("title").Value(1), e.Tags.First("summary").Value(1) + "\n" + e.Content
	case event.KindVoice, event.KindVoiceComment:
		return "", alts(e) // their content is a link
	case event.KindNote, event.KindComment:
		return "", e.Content + "\n" + alts(e)
	}
	if !isSearchable(e.Kind) {
		return "", ""
	}
	return e.Tags.First("title").Value(1), e.Content + "\n" + alts(e)
}

func profileWords(content string) (title, body string) {
	var p struct {
		Name    any `json:"name"`
		Display any `json:"display_name"`
		About   any `json:"about"`
	}
	if json.Unmarshal([]byte(content), &p) != nil {
		return "", ""
	}
	word := func(v any) string { s, _ := v.(string); return s } // people write anything there
	return word(p.Name) + "\n" + word(p.Display), word(p.About)
}

// alts gives the descriptions of an event (NIP-31) and of the media in it (NIP-92).
func alts(e *event.Event) string {
	var b strings.Builder
	for _, tag := range e.Tags {
		if len(tag) > 1 && tag[0] == "alt" {
			b.WriteString("\n" + tag[1])
		}
		if len(tag) == 0 || tag[0] != "imeta" {
			continue
		}
		for _, field := range tag[1:] {
			if alt, ok := strings.CutPrefix(field, "alt "); ok {
				b.WriteString("\n" + alt)
			}
		}
	}
	return b.String()
}

// withoutLinks drops addresses: their hashes would fill the index, and nobody looks for them by words.
func withoutLinks(s string) string {
	if !strings.Contains(s, "://") && !strings.Contains(s, "nostr:") {
		return s
	}
	var b strings.Builder
	for _, field := range strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\n' || r == '\t' || r == '\r' }) {
		if !isLink(field) {
			b.WriteString(field)
			b.WriteByte(' ')
		}
	}
	return b.String()
}

func isLink(field string) bool {
	for _, scheme := range []string{"http://", "https://", "ws://", "wss://", "nostr:"} {
		if strings.HasPrefix(field, scheme) {
			return true
		}
	}
	return false
}

// text gives the tokens of atoms as the index takes them, each once.
func text(atoms []atom) string {
	var b strings.Builder
	seen := make(map[string]bool, len(atoms))
	for _, token := range tokens(atoms) {
		if !seen[token] {
			seen[token] = true
			b.WriteString(token)
			b.WriteByte(' ')
		}
	}
	return b.String()
}
