package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"time"

	"mural/event"
)

// bodyWait bounds how long a JSON body may take to arrive.
const bodyWait = 30 * time.Second

// visit is one call and who made it.
type visit struct {
	Visitor
	s *Server
	w http.ResponseWriter
	r *http.Request
}

func (v *visit) ctx() context.Context { return v.r.Context() }

// Problems that more than one call has.
var (
	errNoSuchCall  = &Problem{404, "no-such-call", "There is no such call.", "See docs/protocol/api.md."}
	errWrongMethod = &Problem{405, "wrong-method", "This call does not know that method.", "See the Allow header."}
	errOwnerOnly   = &Problem{401, "owner-only", "Only the owner of this node may do this.", "Open the link that `mural` printed, or type `mural open`."}
	errWrongHost   = &Problem{403, "wrong-host", "This node does not go by that name.", "Add the name to allowed_hosts in mural.toml."}
	errForeignPage = &Problem{403, "foreign-page", "A page of another site tried to change something here.", "Open the node's own page."}
	errWrongType   = &Problem{415, "wrong-content-type", "The body is not of a type that this call takes.", "Send application/json, or the file's own type for a file."}
	errNotFound    = &Problem{404, "not-found", "That is not here.", "It may arrive when a peer brings it."}
	errNoPerson    = &Problem{409, "no-person", "There is no person on this node yet.", "Type a name first: in the app, or with: mural name \"Ana\""}
	errInternal    = &Problem{500, "internal", "Something went wrong inside the node.", "The node's log says what; `mural doctor` may help."}
)

func badRequest(code, message, next string) error { return &Problem{400, code, message, next} }

func tooLarge(limit int64) error {
	return &Problem{413, "too-large", fmt.Sprintf("That is over the limit of %d bytes.", limit), "Make it smaller, or send it in parts."}
}

// answer writes v as JSON with status 200.
func (v *visit) answer(body any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("web: writing the answer: %w", err)
	}
	h := v.w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	v.w.WriteHeader(http.StatusOK)
	_, _ = v.w.Write(raw) // whoever asked may be gone; nothing to do about it
	return nil
}

func (v *visit) answerNothing() error {
	v.w.WriteHeader(http.StatusNoContent)
	return nil
}

// fail answers with the error shape. What is no *Problem is logged and shown as internal.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := s.problemOf(r, err)
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	type body struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Next    string `json:"next"`
	}
	_ = json.NewEncoder(w).Encode(map[string]body{"error": {p.Code, p.Message, p.Next}})
}

func (s *Server) problemOf(r *http.Request, err error) *Problem {
	var p *Problem
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &large):
		errors.As(tooLarge(large.Limit), &p)
		return p
	case errors.Is(err, fs.ErrNotExist):
		return errNotFound
	case r.Context().Err() != nil: // whoever asked went away
		return errInternal
	}
	s.Log.ErrorContext(r.Context(), "call failed", "method", r.Method, "path", r.URL.Path, "err", err)
	return errInternal
}

// body reads the JSON body into dst. Unknown fields are let through, so that
// a newer app can speak to an older node.
func (v *visit) body(dst any) error {
	// A deadline left standing would cut off the call itself, so it is lifted
	// again. A writer that knows no deadlines is a test's.
	control := http.NewResponseController(v.w)
	_ = control.SetReadDeadline(time.Now().Add(bodyWait))
	raw, err := io.ReadAll(v.r.Body)
	_ = control.SetReadDeadline(time.Time{})
	if err != nil {
		return fmt.Errorf("web: reading the body: %w", err)
	}
	if err := json.Unmarshal(raw, dst); err != nil {
		return badRequest("bad-json", "The body is not the JSON that this call takes.", "See docs/protocol/api.md.")
	}
	return nil
}

// me gives the person of this node or says that there is none.
func (s *Server) me() (event.PubKey, error) {
	pk, ok := s.Author.Person()
	if !ok {
		return pk, errNoPerson
	}
	return pk, nil
}
