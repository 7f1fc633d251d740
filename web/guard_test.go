package web

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"mural/event"
)

func TestWhoMayComeIn(t *testing.T) {
	w := newWorld(t).withAna()
	own := w.server.URL
	bearer := []string{"Authorization", "Bearer " + ownerToken}
	cookie := []string{"Cookie", "mural_test=" + ownerToken}
	write := map[string]string{"text": "hello"}
	rows := []struct {
		name    string
		method  string
		path    string
		body    any
		headers []string
		want    int
	}{
		{"the owner's token writes", "POST", "/api/posts", write, bearer, 200},
		{"the owner's cookie writes", "POST", "/api/posts", write, cookie, 200},
		{"the own page writes", "POST", "/api/posts", write, append([]string{"Origin", own}, cookie...), 200},
		{"a guest does not", "POST", "/api/posts", write, nil, 401},
		{"a wrong token does not", "POST", "/api/posts", write, []string{"Authorization", "Bearer x"}, 401},
		{"a foreign page does not, cookie or not", "POST", "/api/posts", write, append([]string{"Origin", "https://evil.example"}, cookie...), 403},
		{"nor from another port of localhost", "POST", "/api/posts", write, append([]string{"Origin", "http://127.0.0.1:1"}, cookie...), 403},
		{"nor from a sandbox", "POST", "/api/posts", write, append([]string{"Origin", "null"}, cookie...), 403},
		{"nor without Origin but with Sec-Fetch-Site", "POST", "/api/posts", write, append([]string{"Sec-Fetch-Site", "cross-site"}, cookie...), 403},
		{"nor by a form", "POST", "/api/posts", []byte(`{"text":"x"}`), append([]string{"Content-Type", "text/plain"}, cookie...), 415},
		{"nor by a multipart form", "POST", "/api/import?name=a.jpg", []byte("media"), append([]string{"Content-Type", "multipart/form-data; boundary=x"}, cookie...), 415},
		{"a body without a type", "POST", "/api/posts", []byte(`{"text":"x"}`), bearer, 415},
		{"a file with its own type", "POST", "/api/import?name=a.jpg", []byte("media x"), append([]string{"Content-Type", "image/jpeg"}, bearer...), 200},
		{"a file without a type", "POST", "/api/import?name=a.jpg", []byte("media x"), bearer, 200},
		{"a file that is no media", "POST", "/api/import?name=a.exe", []byte("MZ"), bearer, 415},
		{"a foreign page reads as a guest", "GET", "/api/node", nil, append([]string{"Origin", "https://evil.example"}, cookie...), 401},
		{"a foreign image tag is a guest's", "GET", "/api/blobs/" + strings.Repeat("00", 32) + "?fetch=1", nil, append([]string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "no-cors"}, cookie...), 401},
		{"another name for this address (rebinding)", "GET", "/api/feed", nil, append([]string{"Host", "evil.example"}, cookie...), 403},
		{"rebinding does not read the app either", "GET", "/", nil, []string{"Host", "evil.example:4880"}, 403},
		{"a guest reads the feed", "GET", "/api/feed", nil, nil, 200},
		{"a link from elsewhere opens the app", "GET", "/", nil, []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}, 200},
		{"no such call", "GET", "/api/nothing", nil, nil, 404},
		{"wrong method", "PUT", "/api/feed", map[string]string{}, bearer, 405},
		{"HEAD reads", "HEAD", "/api/feed", nil, nil, 200},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) { w.call(r.method, r.path, r.body, r.want, r.headers...) })
	}
}

func TestGuestsGetNothingOfTheOwners(t *testing.T) {
	w := newWorld(t).withAna()
	for _, c := range w.door.calls() {
		if c.who != owner {
			continue
		}
		path := strings.NewReplacer("{id}", strings.Repeat("00", 32), "{who}", ben.pk.String(), "{hash}", strings.Repeat("00", 32)).Replace(c.path)
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			raw := w.guest(c.method, path, nil, 401)
			if got := decodeJSON[map[string]map[string]string](t, raw)["error"]; got["code"] != "owner-only" || got["message"] == "" || got["next"] == "" {
				t.Errorf("error body: %s", raw)
			}
		})
	}
}

func TestPrivateKindsAreShownToNobody(t *testing.T) {
	w := newWorld(t).withAna()
	for _, kind := range []event.Kind{4, 13, 14, 15, 1059, 24133, 30078, 10000, 14880, 3, 0, 22242} {
		e := w.says(ana, kind, "secret", event.Tag{"d", "x"})
		w.guest("GET", "/api/posts/"+e.ID.String(), nil, 404)
		w.owner("GET", "/api/posts/"+e.ID.String(), nil, 404)
	}
	if raw := string(w.guest("GET", "/api/feed", nil, 200)); strings.Contains(raw, "secret") {
		t.Errorf("the feed shows it: %s", raw)
	}
}

func TestProtectedPostsAreForTheOwnerAlone(t *testing.T) {
	w := newWorld(t).withAna()
	e := w.says(ana, event.KindNote, "members only", event.Tag{"-"})
	quote := w.says(ana, event.KindNote, "on top", event.Tag{"q", e.ID.String()})
	w.says(ana, event.KindRepost, "", event.Tag{"e", e.ID.String()})
	w.owner("GET", "/api/posts/"+e.ID.String(), nil, 200)
	w.guest("GET", "/api/posts/"+e.ID.String(), nil, 404)
	for _, path := range []string{"/api/feed", "/api/posts/" + quote.ID.String(), "/api/people/" + ana.pk.String()} {
		if raw := string(w.guest("GET", path, nil, 200)); strings.Contains(raw, "members only") {
			t.Errorf("%s shows it to a guest: %s", path, raw)
		}
	}
}

func TestAddressesOfPeersStayInside(t *testing.T) {
	w := newWorld(t).withAna()
	w.net.peers = []Peer{{ID: "12D3Kooben", Person: ben.pk, Nearby: true, Addresses: []string{"/ip4/192.168.1.9/tcp/1"}}}
	w.net.devices = []Device{{Peer: "12D3Kooben"}}
	w.follows(ana, ben)
	e := w.says(ben, event.KindNote, "hello")
	w.net.kept[e.ID] = Kept{Keepers: []Keeper{{Peer: "12D3Kooben", Person: ben.pk}}}
	for _, path := range []string{"/api/me", "/api/feed", "/api/posts/" + e.ID.String(), "/api/people", "/api/people/" + ben.pk.String()} {
		if raw := string(w.guest("GET", path, nil, 200)); strings.Contains(raw, "12D3Koo") || strings.Contains(raw, "192.168") {
			t.Errorf("%s tells a guest of peers: %s", path, raw)
		}
	}
}

func TestBodiesAreBounded(t *testing.T) {
	w := newWorld(t).withAna()
	w.owner("POST", "/api/posts", map[string]string{"text": strings.Repeat("x", maxJSONBody)}, 413)
	big := append([]byte("media "), make([]byte, 1<<20)...)
	w.owner("POST", "/api/import?name=a.jpg", big, 413)
	// Without a Content-Length the reader itself must stop.
	req, _ := http.NewRequest("POST", w.server.URL+"/api/import?name=a.jpg", io.MultiReader(strings.NewReader("media "), strings.NewReader(string(big))))
	req.Header.Set("Authorization", "Bearer "+ownerToken)
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if raw, _ := io.ReadAll(res.Body); res.StatusCode != 413 || !strings.Contains(string(raw), "too-large") {
		t.Errorf("a stream over the limit: got %d %s", res.StatusCode, raw)
	}
}

func TestSession(t *testing.T) {
	w := newWorld(t)
	w.guest("POST", "/api/session", map[string]string{"token": "wrong"}, 401)
	w.guest("POST", "/api/session", map[string]string{"token": strings.Repeat("x", maxTokenBytes+1)}, 401)
	w.guest("POST", "/api/session", map[string]string{"token": "link-token"}, 204)
	w.call("POST", "/api/session", map[string]string{"token": "link-token"}, 403, "Origin", "https://evil.example")
	w.call("DELETE", "/api/session", nil, 204, "Cookie", "mural_test="+ownerToken)
}

func TestTheAppsFiles(t *testing.T) {
	w := newWorld(t)
	get := func(path string, headers ...string) *http.Response {
		req, _ := http.NewRequest("GET", w.server.URL+path, nil)
		for i := 0; i < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { res.Body.Close() })
		return res
	}
	for path, want := range map[string]int{
		"/": 200, "/post/abc": 200, "/app.js": 200, "/icons/a.svg": 200, "/icons/": 200, "/missing.js": 404,
		"/.secret": 404, "/..%2fweb.go": 404, "/%2e%2e/etc/passwd.txt": 404,
	} {
		if got := get(path).StatusCode; got != want {
			t.Errorf("%s: got %d, want %d", path, got, want)
		}
	}
	res := get("/", "Accept-Encoding", "gzip")
	if got := res.Header.Get("Content-Security-Policy"); !strings.Contains(got, "default-src 'self'") || !strings.Contains(got, "frame-ancestors 'none'") || strings.Contains(got, "unsafe") {
		t.Errorf("policy: %s", got)
	}
	if body, _ := io.ReadAll(get("/icons/").Body); string(body) != "<!doctype html>" {
		t.Errorf("a folder shows %q, want the app", body)
	}
	js := get("/app.js", "Accept-Encoding", "gzip")
	if js.Header.Get("Content-Encoding") != "gzip" || js.Header.Get("Cache-Control") != "no-cache" {
		t.Errorf("app.js: %v", js.Header)
	}
	etag := js.Header.Get("Etag")
	if again := get("/app.js", "Accept-Encoding", "gzip", "If-None-Match", etag); again.StatusCode != 304 {
		t.Errorf("with its ETag %s: got %d, want 304", etag, again.StatusCode)
	}
	hash := strings.TrimSuffix(strings.Trim(etag, `"`), "-gz")
	if got := get("/app.js?v=" + hash).Header.Get("Cache-Control"); got != immutableLife {
		t.Errorf("under its hash: %s", got)
	}
	w.call("POST", "/app.js", nil, 404)
}
