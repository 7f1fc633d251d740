package web

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// fetchWait bounds how long GET /api/blobs/…?fetch=1 waits for peers.
const fetchWait = 30 * time.Second

// maxFileName bounds the name that a browser gives a file, in bytes.
const maxFileName = 255

func (s *Server) postImport(v *visit) error {
	q := v.r.URL.Query()
	name := cut(oneLine(dropControls(q.Get("name"))), maxFileName)
	m, err := s.Library.Import(v.ctx(), v.r.Body, name, q.Get("keep_original") == "1")
	if err != nil {
		return err
	}
	view := &view{s: s, owner: v.Owner, have: map[Hash]Have{}}
	shape := view.oneMedia(v.ctx(), imeta{Media: m, Alt: cut(q.Get("alt"), maxAltBytes), Ext: extOfType(m.Type)})
	stripped := m.Stripped
	if stripped == nil {
		stripped = []string{}
	}
	return v.answer(struct {
		mediaShape
		Stripped []string `json:"stripped"`
	}{shape, stripped})
}

func (v *visit) hash() (Hash, error) {
	h, err := ParseHash(v.r.PathValue("hash"))
	if err != nil {
		return h, badRequest("bad-hash", "That is no blob hash.", "Give 64 hex digits.")
	}
	return h, nil
}

func (s *Server) getThumb(v *visit) error {
	h, err := v.hash()
	if err != nil {
		return err
	}
	width, err := thumbWidthOf(v.r.URL.Query().Get("w"))
	if err != nil {
		return err
	}
	f, kind, err := s.Library.Thumb(v.ctx(), h, width)
	if err != nil {
		return fmt.Errorf("web: thumbnail of %s: %w", h, err)
	}
	defer f.Close()
	head := v.w.Header()
	head.Set("Content-Type", kind)
	head.Set("Cache-Control", immutableLife)
	head.Set("ETag", `"`+h.String()+"-"+strconv.Itoa(width)+`"`)
	http.ServeContent(v.w, v.r, "", time.Time{}, f)
	return nil
}

func thumbWidthOf(s string) (int, error) {
	switch s {
	case "320":
		return 320, nil
	case "", "640":
		return 640, nil
	case "1280":
		return 1280, nil
	}
	return 0, badRequest("bad-width", "Pictures are made 320, 640 or 1280 pixels wide.", "Use w=640.")
}

func (s *Server) getBlob(v *visit) error {
	h, err := v.hash()
	if err != nil {
		return err
	}
	have := s.Blobs.Have(v.ctx(), h)
	if !have.Whole && v.r.URL.Query().Get("fetch") == "1" {
		ctx, cancel := context.WithTimeout(v.ctx(), fetchWait)
		defer cancel()
		have, err = s.Blobs.Fetch(ctx, h)
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("web: fetching %s: %w", h, err)
		}
	}
	return v.answer(struct {
		SHA256 string `json:"sha256"`
		Have   string `json:"have"`
		Bytes  int64  `json:"have_bytes"`
		Size   int64  `json:"size"`
	}{h.String(), have.word(), have.Bytes, have.Size})
}
