// Command mock serves the app with made-up people, so that a screen can be
// worked on without a node. It speaks the calls of docs/protocol/api.md as far
// as the app uses them, checks nothing and forgets everything. It is for
// development and browser tests only.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"mural/ui"
	"mural/ui/bundle"
)

// policy is the strictest that the app must work under.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func main() {
	addr := flag.String("addr", "127.0.0.1:4899", "address to listen on")
	fresh := flag.Bool("fresh", false, "start before onboarding, with an empty wall")
	guest := flag.Bool("guest", false, "serve as to a stranger")
	src := flag.String("src", "", "the ui folder: build the app anew on every load of the page")
	trickle := flag.Duration("trickle", 0, "a stroke comes in this often; 0 is never")
	flag.Parse()

	w := newWorld(time.Now(), *fresh, *guest)
	mux := http.NewServeMux()
	w.routes(mux)
	mux.Handle("/", app(*src, w))
	if *trickle > 0 {
		go w.trickle(*trickle)
	}
	fmt.Printf("http://%s/#k=mock\n", *addr)
	log.Fatal(http.ListenAndServe(*addr, policed(mux)))
}

func policed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Security-Policy", policy)
		rw.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(rw, r)
	})
}

// app serves the embedded files or, for development, what the sources build now.
func app(src string, w *world) http.Handler {
	embedded := http.FileServerFS(ui.FS())
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		name := filepath.Base(r.URL.Path)
		if w.serveBlob(rw, r, name) {
			return
		}
		if src == "" {
			embedded.ServeHTTP(rw, r)
			return
		}
		if r.URL.Path == "/" {
			name = "index.html"
		}
		files, err := bundle.Build(src)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			http.Error(rw, err.Error(), http.StatusInternalServerError)
			return
		}
		b, ok := files[name]
		if !ok {
			http.NotFound(rw, r)
			return
		}
		rw.Header().Set("Content-Type", contentType(name))
		_, _ = rw.Write(b) // the browser went away
	})
}

func contentType(name string) string {
	return map[string]string{
		".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
		".svg": "image/svg+xml", ".webmanifest": "application/manifest+json",
	}[filepath.Ext(name)]
}

func drain(r *http.Request) []byte {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return nil
	}
	return b
}
