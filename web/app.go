package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
)

// Bounds of the app's files.
const (
	maxAppFiles   = 2000
	maxAppBytes   = 32 << 20 // bytes of all files together
	minGzipBytes  = 1 << 10  // smaller files are not worth packing
	immutableLife = "public, max-age=31536000, immutable"
)

// app serves the built files of the app from memory: what was there at the
// start and nothing else, so there are no paths to climb and no listings.
type app struct{ files map[string]*appFile }

type appFile struct {
	kind string // MIME type
	etag string
	body []byte
	gz   func() []byte // packed form, nil where it is no smaller; made once
}

func newApp(files fs.FS) (*app, error) {
	a := &app{files: make(map[string]*appFile)}
	if files == nil {
		return a, nil
	}
	total := 0
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") {
			return err
		}
		body, err := fs.ReadFile(files, name)
		if total += len(body); err == nil && (total > maxAppBytes || len(a.files) == maxAppFiles) {
			err = fmt.Errorf("more than %d files or %d bytes", maxAppFiles, maxAppBytes)
		}
		a.files["/"+name] = newAppFile(name, body)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("web: reading the app: %w", err)
	}
	return a, nil
}

func newAppFile(name string, body []byte) *appFile {
	sum := sha256.Sum256(body)
	kind := appType(name)
	f := &appFile{kind: kind, etag: hex.EncodeToString(sum[:8]), body: body}
	f.gz = sync.OnceValue(func() []byte {
		if len(body) < minGzipBytes || !packs(kind) {
			return nil
		}
		return pack(body)
	})
	return f
}

// appType does not ask the machine's own table, which differs.
func appType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".json", ".map":
		return "application/json; charset=utf-8"
	case ".webmanifest":
		return "application/manifest+json"
	case ".svg":
		return "image/svg+xml"
	case ".txt", ".md":
		return "text/plain; charset=utf-8"
	case ".woff2":
		return "font/woff2"
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}

func packs(kind string) bool {
	return strings.HasPrefix(kind, "text/") || strings.Contains(kind, "json") || strings.Contains(kind, "svg")
}

func pack(body []byte) []byte {
	var out bytes.Buffer
	z, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // the level is a valid one
	_, _ = z.Write(body)                                    // a buffer takes everything
	if z.Close() != nil || out.Len() >= len(body) {
		return nil
	}
	return out.Bytes()
}

// find gives the file of a path; a path without an extension is a screen of
// the app and gets index.html.
func (a *app) find(p string) *appFile {
	if f := a.files[p]; f != nil {
		return f
	}
	if path.Ext(p) != "" {
		return nil
	}
	return a.files["/index.html"]
}

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	f := a.find(r.URL.Path)
	if f == nil || changes(r.Method) {
		h.Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"error":{"code":"not-found","message":"There is no such page.","next":"Open / instead."}}`+"\n")
		return
	}
	h.Set("Content-Type", f.kind)
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "no-cache")
	if r.URL.Query().Get("v") == f.etag {
		h.Set("Cache-Control", immutableLife)
	}
	body, tag := f.body, f.etag
	if gz := f.packed(r); gz != nil {
		h.Set("Content-Encoding", "gzip")
		body, tag = gz, tag+"-gz"
	}
	h.Set("ETag", `"`+tag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// packed gives the packed form if the browser takes it and asks for no range.
func (f *appFile) packed(r *http.Request) []byte {
	if r.Header.Get("Range") != "" || !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		return nil
	}
	return f.gz()
}
