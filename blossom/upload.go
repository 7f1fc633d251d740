package blossom

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	"mural/blob"
	"mural/event"
)

// announced is what a request says of the bytes that come, or will come.
type announced struct {
	who  event.PubKey
	hash blob.Hash // zero = not said beforehand
	size int64
	mime string
}

// upload serves PUT /upload (BUD-02). It stores the very bytes, or nothing: a
// file that carries a place is refused, because it may not be changed here.
func (s *Server) upload(w http.ResponseWriter, r *http.Request) error {
	a, body, err := s.takeBody(w, r, verbUpload)
	if err != nil {
		return err
	}
	existed := false
	info, err := s.Blobs.Put(r.Context(), body, blob.PutOptions{
		MaxBytes: s.MaxBytes,
		Type:     s.declaredOrSniffed(a.mime, body),
		Check: func(whole io.ReadSeeker, info blob.Info) error {
			_, err := s.Blobs.Stat(info.Hash)
			existed = err == nil
			return s.refuseLocation(whole)
		},
	})
	if err != nil {
		return err
	}
	return s.created(w, r, a, info, existed)
}

// declaredOrSniffed gives the type to store; what the bytes look like counts
// only where nothing was declared.
func (s *Server) declaredOrSniffed(declared string, body *bufio.Reader) string {
	if declared != unknownType || s.Sniff == nil {
		return declared
	}
	head, _ := body.Peek(sniffBytes) // an error comes again when it is read
	found, _ := s.Sniff(head)
	return cleanType(found)
}

// refuseLocation keeps a place from going out unnoticed.
func (s *Server) refuseLocation(whole io.ReadSeeker) error {
	if s.Location == nil {
		return refuse(http.StatusForbidden, "This node cannot check files for a location; PUT it to /media.")
	}
	found, what, err := s.Location(whole)
	if err != nil {
		return refuse(http.StatusUnprocessableEntity, "The file could not be checked for a location; PUT it to /media, which removes what can be removed.")
	}
	if found {
		return refuse(http.StatusUnprocessableEntity,
			"The file carries a location ("+what+") and /upload may not change it. PUT it to /media, which removes it.")
	}
	return nil
}

// media serves PUT /media (BUD-05): metadata is removed, then it is stored.
func (s *Server) media(w http.ResponseWriter, r *http.Request) error {
	a, body, err := s.takeBody(w, r, verbMedia)
	if err != nil {
		return err
	}
	info, err := s.Import.Import(r.Context(), body, "upload."+extension(a.mime))
	if err != nil {
		return err
	}
	return s.created(w, r, a, info, false)
}

// created notes the owner and answers with the descriptor: 201, or 200 for a
// blob that was here (BUD-02).
func (s *Server) created(w http.ResponseWriter, r *http.Request, a announced, info blob.Info, existed bool) error {
	if err := s.Owners.AddOwner(r.Context(), info.Hash, a.who); err != nil {
		return err
	}
	status := http.StatusCreated
	if existed {
		status = http.StatusOK
	}
	return writeJSON(w, status, s.descriptor(r, info))
}

// takeBody checks who uploads and what was announced, before a byte of it is read.
func (s *Server) takeBody(w http.ResponseWriter, r *http.Request, verb string) (announced, *bufio.Reader, error) {
	token, err := s.authorize(r, verb)
	if err != nil {
		return announced{}, nil, err
	}
	a := announced{who: token.PubKey, size: r.ContentLength, mime: cleanType(r.Header.Get("Content-Type"))}
	if a.hash, err = parseSumHeader(r); err != nil {
		return a, nil, err
	}
	if a.size < 0 {
		return a, nil, refuse(http.StatusLengthRequired, "Say the size in a Content-Length header.")
	}
	if err := s.admit(r, token, a); err != nil {
		return a, nil, err
	}
	return a, bufio.NewReaderSize(newBody(w, r, token, a.hash), sniffBytes), nil
}

// admit decides on what was announced: the token's x tags, the size, the node's word.
func (s *Server) admit(r *http.Request, token *event.Event, a announced) error {
	if token.Tags.First("x") == nil || !a.hash.IsZero() && !covers(token, a.hash) {
		return notCovered()
	}
	if a.size > s.MaxBytes {
		return refuse(http.StatusRequestEntityTooLarge, "This node takes files of at most "+strconv.FormatInt(s.MaxBytes, 10)+" bytes.")
	}
	err := s.Allow(r, a.who, a.size)
	var told *Refusal
	if err != nil && !errors.As(err, &told) {
		s.Log.DebugContext(r.Context(), "upload not allowed", "who", a.who, "err", err)
		return refuse(http.StatusForbidden, "This node does not take uploads from this key.")
	}
	return err
}

// parseSumHeader reads X-SHA-256; zero where it is not there.
func parseSumHeader(r *http.Request) (h blob.Hash, err error) {
	v := r.Header.Get("X-SHA-256")
	if v == "" {
		return h, nil
	}
	if h, err = blob.ParseHash(v); err != nil {
		return h, refuse(http.StatusBadRequest, "X-SHA-256 must be 64 lower-case hex digits.")
	}
	return h, nil
}

// mayUpload serves HEAD /upload (BUD-06).
func (s *Server) mayUpload(w http.ResponseWriter, r *http.Request) error {
	return s.preflight(w, r, verbUpload)
}

// mayMedia serves HEAD /media (BUD-05).
func (s *Server) mayMedia(w http.ResponseWriter, r *http.Request) error {
	return s.preflight(w, r, verbMedia)
}

// preflight says whether a PUT with these X- headers would be taken.
func (s *Server) preflight(w http.ResponseWriter, r *http.Request, verb string) error {
	a, err := parseAnnounced(r)
	if err != nil {
		return err
	}
	token, err := s.authorize(r, verb)
	if err != nil {
		return err
	}
	a.who = token.PubKey
	if err := s.admit(r, token, a); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// parseAnnounced reads BUD-06's headers.
func parseAnnounced(r *http.Request) (a announced, err error) {
	if a.hash, err = parseSumHeader(r); err != nil {
		return a, err
	}
	if a.hash.IsZero() {
		return a, refuse(http.StatusBadRequest, "Say the SHA-256 in an X-SHA-256 header.")
	}
	length := r.Header.Get("X-Content-Length")
	if length == "" {
		return a, refuse(http.StatusLengthRequired, "Say the size in an X-Content-Length header.")
	}
	if a.size, err = strconv.ParseInt(length, 10, 64); err != nil || a.size < 0 {
		return a, refuse(http.StatusBadRequest, "X-Content-Length must be a number of bytes.")
	}
	a.mime = cleanType(r.Header.Get("X-Content-Type"))
	return a, nil
}

// Descriptor is BUD-02's blob descriptor.
type Descriptor struct {
	URL      string    `json:"url"`
	SHA256   blob.Hash `json:"sha256"`
	Size     int64     `json:"size"`     // bytes
	Type     string    `json:"type"`     // media type
	Uploaded int64     `json:"uploaded"` // Unix seconds
}

func (s *Server) descriptor(r *http.Request, info blob.Info) Descriptor {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	mime := cleanType(info.Type)
	return Descriptor{
		URL:      scheme + "://" + r.Host + "/" + info.Hash.String() + "." + extension(mime),
		SHA256:   info.Hash,
		Size:     info.Size,
		Type:     mime,
		Uploaded: info.At.Unix(),
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(raw) // the caller may be gone
	return nil
}
