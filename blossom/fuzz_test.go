package blossom

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"mural/blob"
	"mural/event"
)

// seedToken gives a signed upload token and its JSON.
func seedToken(f *testing.F) (*event.Event, string) {
	f.Helper()
	key, err := event.ParseSecretKey(strings.Repeat("01", 32))
	if err != nil {
		f.Fatal(err)
	}
	e := &event.Event{
		Kind: event.KindBlobAuth, CreatedAt: 1_700_000_000, Content: "Upload",
		Tags: event.Tags{{"t", "upload"}, {"expiration", "1700000600"}, {"x", strings.Repeat("ab", 32)}},
	}
	if err := e.Sign(key); err != nil {
		f.Fatal(err)
	}
	return e, string(e.AppendJSON(nil))
}

// FuzzAuth: whatever the header, a request is let in only by a token that
// verifies, is of kind 24242, is in its time, and has the verb.
func FuzzAuth(f *testing.F) {
	good, raw := seedToken(f)
	f.Add("Nostr " + base64.RawURLEncoding.EncodeToString([]byte(raw)))
	f.Add("nostr " + base64.StdEncoding.EncodeToString([]byte(raw)))
	f.Add("Nostr " + base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(raw, hex.EncodeToString(good.Sig[:8]), "0000000000000000", 1))))
	f.Add("Nostr " + base64.RawURLEncoding.EncodeToString([]byte(`{"tags":[[]]}`)))
	f.Add("Nostr " + base64.RawURLEncoding.EncodeToString([]byte(`{"tags":[["t"],["expiration"],["x"],["server"]]}`)))
	f.Add("Nostr ====")
	f.Add("Basic dXNlcjpwYXNz")
	f.Add("")
	s := New(Config{Now: func() time.Time { return time.Unix(1_700_000_100, 0) }})
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequest(http.MethodPut, "/upload", nil)
		r.Header["Authorization"] = []string{header}
		token, err := s.authorize(r, verbUpload)
		if err != nil {
			if refusalOf(err).Status != http.StatusUnauthorized {
				t.Fatalf("refused with %v", err)
			}
			return
		}
		expires, ok := token.Expiration()
		if token.Verify() != nil || token.Kind != event.KindBlobAuth || !ok || expires <= 1_700_000_100 || !hasTag(token, "t", verbUpload) {
			t.Fatalf("let in by %s", token.Raw())
		}
	})
}

// FuzzAnnounced: what HEAD /upload reads (BUD-06).
func FuzzAnnounced(f *testing.F) {
	f.Add(strings.Repeat("ab", 32), "123", "image/png")
	f.Add("", "", "")
	f.Add("zz", "-1", "text/html\r\nX: y")
	f.Add(strings.Repeat("AB", 32), "99999999999999999999", ";;;")
	f.Fuzz(func(t *testing.T, sum, length, mime string) {
		r := httptest.NewRequest(http.MethodHead, "/upload", nil)
		r.Header["X-Sha-256"], r.Header["X-Content-Length"], r.Header["X-Content-Type"] = []string{sum}, []string{length}, []string{mime}
		a, err := parseAnnounced(r)
		if err == nil && (a.size < 0 || a.hash.String() != sum) {
			t.Fatalf("read %+v", a)
		}
		if strings.ContainsAny(a.mime, "\r\n\x00") || len(a.mime) > 2*blob.MaxTypeBytes {
			t.Fatalf("media type %q", a.mime)
		}
	})
}

// FuzzPaths: a path is owned or not, and names a blob or gives a 4xx.
func FuzzPaths(f *testing.F) {
	for _, p := range []string{"/", "/upload", "/" + strings.Repeat("ab", 32) + ".png", "/" + strings.Repeat("AB", 32), "/list/x", "//", "/../etc"} {
		f.Add(p, "limit=2&cursor="+strings.Repeat("ab", 32))
	}
	s := New(Config{})
	f.Fuzz(func(t *testing.T, path, query string) {
		s.Owns(path)
		if h, err := parsePath(path); err == nil && !strings.HasPrefix(path, "/"+h.String()) {
			t.Fatalf("%q names %s", path, h)
		} else if err != nil && refusalOf(err).Status >= 500 {
			t.Fatalf("%q: %v", path, err)
		}
		_, _ = parseListPath(path)
		q, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		if p, err := parsePage(q); err == nil && (p.limit < 0 || p.limit > MaxListLimit) {
			t.Fatalf("%q: limit %d", query, p.limit)
		}
	})
}
