package web

import (
	"io/fs"
	"log/slog"
	"time"
)

// Config holds what the door needs. Every contract must be set; one value may
// satisfy several of them.
type Config struct {
	Events      Events
	Author      Author
	Library     Library
	Blobs       Blobs
	Keeping     Keeping
	Neighbours  Neighbours
	Invitations Invitations
	Watcher     Watcher
	Node        Node
	Gate        Gate

	App      fs.FS            // the built app: index.html and what it loads (ui.Dist)
	BlobBase string           // base of blob links in posts, e.g. "http://localhost:4880"
	Log      *slog.Logger     // nil = discard
	Now      func() time.Time // nil = time.Now
}

// clip shortens s to at most n bytes for messages, on a rune boundary.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n] + "…"
}
