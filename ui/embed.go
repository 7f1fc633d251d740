// Package ui holds the app: TypeScript in src, and in dist what the node
// serves. See docs/adr/0004-app-stack.md for why dist is committed.
package ui

import (
	"embed"
	"io/fs"
)

//go:generate go run ./build

//go:embed dist
var dist embed.FS

// FS returns the files of the app with index.html at the root. Their names are
// stable (app.js, app.css, ...), so whoever serves them needs an ETag.
func FS() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // "dist" is a valid path, so this cannot happen
	}
	return sub
}
