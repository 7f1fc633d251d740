package blossom

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"time"

	"mural/blob"
)

// get serves GET and HEAD of a blob (BUD-01), ranges included (RFC 9110 §14).
// The first byte is read before anything is said, so that a damaged file is
// fetched again rather than cut short where it can be.
func (s *Server) get(w http.ResponseWriter, r *http.Request) error {
	h, err := parsePath(r.URL.Path)
	if err != nil {
		return err
	}
	f, err := s.openOrFetch(r, h)
	if err != nil {
		return err
	}
	defer f.Close()
	mime, err := s.typeOf(f)
	if err != nil {
		return err
	}
	describe(w.Header(), h, mime)
	http.ServeContent(w, r, "", time.Time{}, f)
	return nil
}

// openOrFetch opens a blob whose first byte can be read; if it cannot, peers
// are asked. HEAD asks whether it is here, and asks nobody else.
func (s *Server) openOrFetch(r *http.Request, h blob.Hash) (*blob.File, error) {
	f, err := s.openReadable(r.Context(), h)
	absent := errors.Is(err, fs.ErrNotExist) || errors.Is(err, blob.ErrDamaged)
	if !absent || s.Fetch == nil || r.Method != http.MethodGet {
		return f, err
	}
	if s.MayFetch != nil && !s.MayFetch(r) {
		return nil, err
	}
	if !s.fetch(r.Context(), h) {
		return nil, err
	}
	return s.openReadable(r.Context(), h)
}

func (s *Server) openReadable(ctx context.Context, h blob.Hash) (*blob.File, error) {
	f, err := s.Blobs.Open(ctx, h)
	if err != nil {
		return nil, err
	}
	if f.Info().Size == 0 {
		return f, nil
	}
	if _, err := f.ReadAt(make([]byte, 1), 0); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// fetch asks peers and waits, if there is a place to wait. It says whether the blob may be here now.
func (s *Server) fetch(ctx context.Context, h blob.Hash) bool {
	select {
	case s.fetches <- struct{}{}:
		defer func() { <-s.fetches }()
	default:
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, s.FetchWait)
	defer cancel()
	if err := s.Fetch(ctx, h); err != nil {
		s.Log.DebugContext(ctx, "blob not found with peers", "blob", h, "err", err)
		return false
	}
	return true
}
