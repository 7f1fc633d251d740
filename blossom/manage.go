package blossom

import (
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"mural/blob"
)

// delete serves DELETE /<sha256> (BUD-12): the caller no longer owns the blob,
// and it goes when nobody does. Only one blob, however many x tags there are.
func (s *Server) delete(w http.ResponseWriter, r *http.Request) error {
	h, err := parsePath(r.URL.Path)
	if err != nil {
		return err
	}
	token, err := s.authorize(r, verbDelete)
	if err != nil {
		return err
	}
	if !covers(token, h) {
		return notCovered()
	}
	left, err := s.Owners.DropOwner(r.Context(), h, token.PubKey)
	if errors.Is(err, fs.ErrNotExist) {
		return s.notYours(h)
	}
	if err != nil {
		return err
	}
	if left == 0 {
		if err := s.Blobs.Delete(h); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) notYours(h blob.Hash) error {
	if _, err := s.Blobs.Stat(h); err != nil {
		return err
	}
	return refuse(http.StatusForbidden, "Only who uploaded a blob can delete it.")
}

// list serves GET /list/<pubkey> (BUD-12), to that person alone: what was
// uploaded and not yet posted is nobody else's business.
func (s *Server) list(w http.ResponseWriter, r *http.Request) error {
	who, err := parseListPath(r.URL.Path)
	if err != nil {
		return err
	}
	page, err := parsePage(r.URL.Query())
	if err != nil {
		return err
	}
	token, err := s.authorize(r, verbList)
	if err != nil {
		return err
	}
	if token.PubKey != who {
		return refuse(http.StatusForbidden, "Everybody can list only their own uploads.")
	}
	uploads, err := s.Owners.Uploads(r.Context(), who)
	if err != nil {
		return err
	}
	descriptors, err := s.describeAll(r, uploads, page)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, descriptors)
}

// page is which part of a list is asked for.
type page struct {
	cursor       blob.Hash // the last of the page before; zero = from the beginning
	limit        int
	since, until int64 // Unix seconds; deprecated by BUD-12, understood
}

func parsePage(q url.Values) (p page, err error) {
	p.limit = DefaultListLimit
	if v := q.Get("cursor"); v != "" {
		if p.cursor, err = blob.ParseHash(v); err != nil {
			return p, refuse(http.StatusBadRequest, "cursor must be the SHA-256 of the last blob of the page before.")
		}
	}
	numbers := map[string]func(int64){
		"limit": func(n int64) { p.limit = int(min(n, MaxListLimit)) },
		"since": func(n int64) { p.since = n },
		"until": func(n int64) { p.until = n },
	}
	for name, set := range numbers {
		v := q.Get(name)
		if v == "" {
			continue
		}
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < 0 {
			return p, refuse(http.StatusBadRequest, name+" must be a number.")
		}
		set(n)
	}
	return p, nil
}

// describeAll gives the descriptors of one page. Blobs that are not here are left out.
func (s *Server) describeAll(r *http.Request, uploads []blob.Upload, p page) ([]Descriptor, error) {
	if !p.cursor.IsZero() {
		at := slices.IndexFunc(uploads, func(u blob.Upload) bool { return u.Hash == p.cursor })
		if at < 0 {
			return nil, refuse(http.StatusBadRequest, "cursor names no blob of this list; begin again without it.")
		}
		uploads = uploads[at+1:]
	}
	descriptors := []Descriptor{} // BUD-12: a JSON array, also of nothing
	for _, u := range uploads {
		if len(descriptors) >= p.limit {
			break
		}
		if !p.holds(u.At) {
			continue
		}
		info, err := s.Blobs.Stat(u.Hash)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		info.At = u.At
		descriptors = append(descriptors, s.descriptor(r, info))
	}
	return descriptors, nil
}

func (p page) holds(at time.Time) bool {
	return at.Unix() >= p.since && (p.until == 0 || at.Unix() <= p.until)
}
