package node

import (
	"encoding/json"

	"mural/event"
)

// profile is what the node itself reads of a kind 0 event; package web reads the rest.
type profile struct {
	Name    string `json:"name"`
	Picture string `json:"picture"`
}

func parseProfile(e *event.Event) profile {
	var p profile
	if e == nil || json.Unmarshal([]byte(e.Content), &p) != nil {
		return profile{}
	}
	return p
}

func profileRefs(e *event.Event) []blobRef {
	h := hashInURL(parseProfile(e).Picture)
	if h.IsZero() {
		return nil
	}
	return []blobRef{{Hash: h, Small: true}}
}
