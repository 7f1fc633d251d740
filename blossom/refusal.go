package blossom

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"

	"mural/blob"
)

// Refusal is an error that is told to the caller as it stands.
type Refusal struct {
	Status int    // HTTP status, 400 or above
	Reason string // a sentence for people, with the next step where there is one
}

func (r *Refusal) Error() string { return r.Reason }

func refuse(status int, reason string) *Refusal { return &Refusal{status, reason} }

// refusalOf says what an error means to the caller. What has no meaning to
// them is a plain 500, so that no path or key of this machine gets out.
func refusalOf(err error) *Refusal {
	var r *Refusal
	switch {
	case errors.As(err, &r):
		return r
	case errors.Is(err, blob.ErrTooLarge):
		return refuse(http.StatusRequestEntityTooLarge, "The file is larger than this node takes.")
	case errors.Is(err, blob.ErrMismatch):
		return refuse(http.StatusConflict, "The bytes do not have the SHA-256 that was announced.")
	case errors.Is(err, blob.ErrFull):
		return refuse(http.StatusInsufficientStorage, "The disk of this node is full.")
	case errors.Is(err, blob.ErrDamaged):
		return refuse(http.StatusServiceUnavailable, "The file was damaged on this node's disk and is being fetched again.")
	case errors.Is(err, fs.ErrNotExist):
		return refuse(http.StatusNotFound, "This node does not have that blob.")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return refuse(http.StatusBadRequest, "The body ended before its Content-Length.")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return refuse(http.StatusRequestTimeout, "Nothing came for too long.")
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return refuse(http.StatusServiceUnavailable, "It took too long.")
	}
	return refuse(http.StatusInternalServerError, "Something went wrong on this node.")
}

// tell answers with an error: BUD-01's X-Reason, and the same as the body.
func (s *Server) tell(w http.ResponseWriter, r *http.Request, err error) {
	refusal := refusalOf(err)
	if refusal.Status >= 500 {
		s.Log.WarnContext(r.Context(), "blossom request failed", "method", r.Method, "path", clip(r.URL.Path, 100), "err", err)
	}
	reason := headerText(refusal.Reason)
	h := w.Header()
	for _, name := range []string{"ETag", "Cache-Control", "Content-Disposition"} {
		h.Del(name)
	}
	h.Set("X-Reason", reason)
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	if refusal.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Nostr")
	}
	w.WriteHeader(refusal.Status)
	_, _ = w.Write([]byte(reason + "\n")) // the caller may be gone
}

// headerText makes one line of printable ASCII.
func headerText(s string) string {
	return strings.Map(func(c rune) rune {
		if c < 0x20 || c > 0x7e {
			return ' '
		}
		return c
	}, clip(s, MaxReasonBytes))
}

func clip(s string, n int) string { return s[:min(n, len(s))] }
