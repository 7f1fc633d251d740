package web

import (
	"context"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// The policy of every page: nothing from elsewhere, no inline script, no frame.
const contentPolicy = "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob: data:; " +
	"connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

type visitorKey struct{}

func visitorOf(r *http.Request) Visitor {
	v, _ := r.Context().Value(visitorKey{}).(Visitor)
	return v
}

// guard is passed by every request: headers of safety, the Host rule (DNS
// rebinding), the Origin rule (a foreign page may change nothing).
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		safetyHeaders(w.Header())
		v := s.Gate.Identify(r)
		if !v.HostOK {
			s.fail(w, r, errWrongHost)
			return
		}
		foreign := isForeign(r)
		if foreign && changes(r.Method) {
			s.fail(w, r, errForeignPage)
			return
		}
		// SameSite does not tell ports apart: a page on another port of
		// localhost gets the cookie sent along, so it is judged here.
		v.Owner = v.Owner && !foreign
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), visitorKey{}, v)))
	})
}

func safetyHeaders(h http.Header) {
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(self), microphone=(self), geolocation=()")
}

// changes says whether a request of this method may change something.
func changes(method string) bool {
	return method != http.MethodGet && method != http.MethodHead
}

// isForeign says that a page of another origin made the request.
func isForeign(r *http.Request) bool {
	if o := r.Header.Get("Origin"); o != "" {
		return !isOwnOrigin(o, r)
	}
	site := r.Header.Get("Sec-Fetch-Site")
	if site == "" || site == "none" || site == "same-origin" {
		return false
	}
	// A link from elsewhere that opens the app is no request by that page.
	return r.Header.Get("Sec-Fetch-Mode") != "navigate" || changes(r.Method)
}

func isOwnOrigin(origin string, r *http.Request) bool {
	u, err := url.Parse(origin)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && strings.EqualFold(u.Host, r.Host)
}

// checkContentType refuses what a plain HTML form of a foreign page could
// send, and anything but JSON where JSON is meant.
func checkContentType(r *http.Request, binary bool) error {
	header := r.Header.Get("Content-Type")
	if header == "" {
		if r.ContentLength == 0 || binary {
			return nil
		}
		return errWrongType
	}
	mediaType, _, err := mime.ParseMediaType(header)
	if err != nil {
		return errWrongType
	}
	switch mediaType {
	case "text/plain", "multipart/form-data", "application/x-www-form-urlencoded":
		return errWrongType
	}
	if !binary && mediaType != "application/json" {
		return errWrongType
	}
	return nil
}
