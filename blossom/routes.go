package blossom

import (
	"net/http"
	"strings"
	"time"

	"mural/blob"
	"mural/event"
)

const hexDigits = 2 * blob.HashBytes

// Owns says whether a path is this door's: a blob, /upload, /media, /list/ or
// /mirror (which is not served, and says so).
func (s *Server) Owns(path string) bool {
	switch path {
	case "/upload", "/media", "/mirror":
		return true
	}
	return strings.HasPrefix(path, "/list/") || looksLikeBlob(path)
}

// looksLikeBlob takes upper-case hex too, so that it gets a reason instead of a page.
func looksLikeBlob(path string) bool {
	if len(path) < 1+hexDigits || path[0] != '/' || strings.Contains(path[1:], "/") {
		return false
	}
	for _, c := range []byte(path[1 : 1+hexDigits]) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return false
		}
	}
	rest := path[1+hexDigits:]
	return rest == "" || rest[0] == '.'
}

// parsePath gives the blob that a path names. BUD-01: any file extension is
// accepted and says nothing.
func parsePath(path string) (blob.Hash, error) {
	if !looksLikeBlob(path) {
		return blob.Hash{}, refuse(http.StatusNotFound, "There is nothing at this address.")
	}
	h, err := blob.ParseHash(path[1 : 1+hexDigits])
	if err != nil {
		return h, refuse(http.StatusBadRequest, "A blob is named by 64 lower-case hex digits.")
	}
	return h, nil
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	allowEveryOrigin(w.Header())
	if r.Method == http.MethodOptions {
		answerPreflight(w)
		return
	}
	control := http.NewResponseController(w)
	defer control.SetWriteDeadline(time.Time{}) // the connection may carry other answers next
	w = &patientWriter{w, control}
	if err := s.route(w, r); err != nil {
		s.tell(w, r, err)
	}
}

func (s *Server) route(w http.ResponseWriter, r *http.Request) error {
	switch path := r.URL.Path; {
	case path == "/upload":
		return byMethod(w, r, methods{http.MethodPut: s.upload, http.MethodHead: s.mayUpload})
	case path == "/media" && s.Import != nil:
		return byMethod(w, r, methods{http.MethodPut: s.media, http.MethodHead: s.mayMedia})
	case strings.HasPrefix(path, "/list/"):
		return byMethod(w, r, methods{http.MethodGet: s.list})
	case looksLikeBlob(path):
		return byMethod(w, r, methods{http.MethodGet: s.get, http.MethodHead: s.get, http.MethodDelete: s.delete})
	}
	return refuse(http.StatusNotFound, "There is nothing at this address.")
}

type methods map[string]func(http.ResponseWriter, *http.Request) error

func byMethod(w http.ResponseWriter, r *http.Request, m methods) error {
	if serve := m[r.Method]; serve != nil {
		return serve(w, r)
	}
	for method := range m {
		w.Header().Add("Allow", method)
	}
	return refuse(http.StatusMethodNotAllowed, "This address does not take "+clip(r.Method, 20)+".")
}

// allowEveryOrigin lets any page read the answer. BUD-01: "Servers MUST set the
// Access-Control-Allow-Origin: * header on all responses".
func allowEveryOrigin(h http.Header) {
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "X-Reason, Content-Length, Content-Range, Accept-Ranges, ETag")
}

// answerPreflight: BUD-01 names these headers for OPTIONS.
func answerPreflight(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Access-Control-Allow-Headers", "Authorization, *")
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, PUT, DELETE")
	h.Set("Access-Control-Max-Age", "86400")
	w.WriteHeader(http.StatusNoContent)
}

// parseListPath gives the person of /list/<pubkey>.
func parseListPath(path string) (event.PubKey, error) {
	who, err := event.ParsePubKey(strings.TrimPrefix(path, "/list/"))
	if err != nil {
		return who, refuse(http.StatusBadRequest, "A person is named by 64 lower-case hex digits.")
	}
	return who, nil
}
