package web

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"mural/event"
)

// Bounds of what a profile may claim, in bytes. Longer values are cut.
const (
	maxNameBytes  = 100
	maxAboutBytes = 4 << 10
)

// profile is what kind 0 says of a person.
type profile struct {
	Name    string
	About   string
	Picture Hash // zero: none, or one that lies on somebody's server, which we do not load
}

// readProfile reads the content of a kind 0 event. Bad JSON is an empty profile.
func readProfile(e *event.Event) profile {
	var c struct {
		Name        any `json:"name"`
		DisplayName any `json:"display_name"`
		About       any `json:"about"`
		Picture     any `json:"picture"`
	}
	if json.Unmarshal([]byte(e.Content), &c) != nil {
		return profile{}
	}
	text := func(v any, limit int) string {
		s, _ := v.(string)
		return cut(strings.TrimSpace(dropControls(s)), limit)
	}
	p := profile{Name: oneLine(text(c.Name, maxNameBytes)), About: text(c.About, maxAboutBytes)}
	if p.Name == "" {
		p.Name = oneLine(text(c.DisplayName, maxNameBytes))
	}
	if url, ok := c.Picture.(string); ok {
		p.Picture, _ = hashInURL(url)
	}
	return p
}

// shortNPub is how a person without a name is called.
func shortNPub(pk event.PubKey) string {
	s := event.EncodeNPub(pk)
	return s[:10] + "…" + s[len(s)-4:]
}

func neventOf(e *event.Event) string {
	return event.EncodeNEvent(event.NEvent{ID: e.ID, Author: e.PubKey, Kind: e.Kind, HasKind: true})
}

// eventRef reads an event id as hex, note1… or nevent1…
func eventRef(s string) (event.ID, error) {
	if id, err := event.ParseID(s); err == nil {
		return id, nil
	}
	switch ref := decode(s).(type) {
	case event.ID:
		return ref, nil
	case event.NEvent:
		return ref.ID, nil
	}
	return event.ID{}, badRequest("bad-id", "That is no event id.", "Give 64 hex digits, note1… or nevent1….")
}

// personRef reads a person's key as hex, npub1… or nprofile1…
func personRef(s string) (event.PubKey, error) {
	if pk, err := event.ParsePubKey(s); err == nil {
		return pk, nil
	}
	switch ref := decode(s).(type) {
	case event.PubKey:
		return ref, nil
	case event.NProfile:
		return ref.PubKey, nil
	}
	return event.PubKey{}, badRequest("bad-key", "That is no person's key.", "Give 64 hex digits or npub1….")
}

// maxRefBytes bounds one NIP-19 word.
const maxRefBytes = 1000

// decode gives nil for what is no NIP-19 word.
func decode(s string) any {
	if len(s) > maxRefBytes {
		return nil
	}
	ref, err := event.Decode(s)
	if err != nil {
		return nil
	}
	return ref
}

// cut shortens s to at most n bytes on a rune boundary.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
