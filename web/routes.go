package web

import (
	"net/http"
	"slices"
	"strings"
)

// access says who may make a call.
type access uint8

const (
	anybody access = iota // whoever reaches the port
	owner                 // only with the owner's session or token
)

// Bounds of request bodies, in bytes.
const (
	maxJSONBody = 1 << 20  // a text of maxTextBytes may be written with \u escapes
	maxTextBody = 64 << 10 // text of one post
)

// call is one entry of docs/protocol/api.md.
type call struct {
	method string
	path   string
	who    access
	binary bool // the body is a file, bounded by the node's blob limit
	do     func(*visit) error
}

func (s *Server) calls() []call {
	return []call{
		{"POST", "/api/session", anybody, false, s.signIn},
		{"DELETE", "/api/session", anybody, false, s.signOut},
		{"GET", "/api/me", anybody, false, s.getMe},
		{"POST", "/api/person", owner, false, s.postPerson},
		{"POST", "/api/backup", owner, false, s.postBackup},
		{"GET", "/api/feed", anybody, false, s.getFeed},
		{"GET", "/api/posts/{id}", anybody, false, s.getPost},
		{"GET", "/api/people", anybody, false, s.getPeople},
		{"GET", "/api/people/{who}", anybody, false, s.getPerson},
		{"GET", "/api/thumb/{hash}", anybody, false, s.getThumb},
		{"POST", "/api/import", owner, true, s.postImport},
		{"POST", "/api/posts", owner, false, s.postPost},
		{"POST", "/api/posts/{id}/repost", owner, false, s.postRepost},
		{"DELETE", "/api/posts/{id}", owner, false, s.deletePost},
		{"PUT", "/api/people/{who}/follow", owner, false, s.putFollow},
		{"DELETE", "/api/people/{who}/follow", owner, false, s.deleteFollow},
		{"GET", "/api/nearby", owner, false, s.getNearby},
		{"POST", "/api/nearby", owner, false, s.postNearby},
		{"GET", "/api/peers", owner, false, s.getPeers},
		{"POST", "/api/invite", owner, false, s.postInvite},
		{"POST", "/api/join", owner, false, s.postJoin},
		{"GET", "/api/node", owner, false, s.getNode},
		{"POST", "/api/origins", owner, false, s.postOrigins},
		{"GET", "/api/blobs/{hash}", owner, false, s.getBlob},
		{"GET", "/api/live", anybody, false, s.getLive},
	}
}

// routes joins calls of one path under one handler, so that a wrong method is
// answered in the API's own error shape.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	paths := make(map[string][]call)
	for _, c := range s.calls() {
		paths[c.path] = append(paths[c.path], c)
	}
	for path, calls := range paths {
		mux.Handle(path, s.path(calls))
	}
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) { s.fail(w, r, errNoSuchCall) })
	mux.Handle("/", s.app)
	return mux
}

func (s *Server) path(calls []call) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		i := slices.IndexFunc(calls, func(c call) bool { return c.method == method })
		if i < 0 {
			w.Header().Set("Allow", allowed(calls))
			s.fail(w, r, errWrongMethod)
			return
		}
		s.serve(w, r, calls[i])
	})
}

func allowed(calls []call) string {
	var methods []string
	for _, c := range calls {
		methods = append(methods, c.method)
	}
	return strings.Join(methods, ", ")
}

// serve makes the call after the rules of who may call what.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, c call) {
	v := &visit{s: s, w: w, r: r, Visitor: visitorOf(r)}
	err := s.mayCall(v, c)
	if err == nil {
		err = c.do(v)
	}
	if err != nil {
		s.fail(w, r, err)
	}
}

func (s *Server) mayCall(v *visit, c call) error {
	if c.who == owner && !v.Owner {
		return errOwnerOnly
	}
	if !changes(v.r.Method) {
		return nil
	}
	limit := int64(maxJSONBody)
	if c.binary {
		limit = s.Node.Self().MaxBlobBytes
	}
	if v.r.ContentLength > limit {
		return tooLarge(limit)
	}
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, limit)
	return checkContentType(v.r, c.binary)
}
