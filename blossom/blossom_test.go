package blossom_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"mural/blob"
	"mural/blossom"
	"mural/event"
)

// place is what the files of these tests carry where they carry a location.
const place = "GPS 41.0082,28.9784"

// stripper is an importer that removes place from what it is given.
type stripper struct{ blobs *blob.Store }

func (s stripper) Import(ctx context.Context, r io.Reader, name string) (blob.Info, error) {
	raw, err := io.ReadAll(r)
	if err != nil {
		return blob.Info{}, err
	}
	if bytes.HasPrefix(raw, []byte("broken")) {
		return blob.Info{}, &blossom.Refusal{Status: 422, Reason: "The picture is broken."}
	}
	clean := bytes.ReplaceAll(raw, []byte(place), nil)
	return s.blobs.Put(ctx, bytes.NewReader(clean), blob.PutOptions{Type: "image/jpeg"})
}

// door is a running server with one person who may upload.
type door struct {
	t     *testing.T
	url   string
	blobs *blob.Store
	dir   string
	key   event.SecretKey
	now   time.Time
}

// newDoor serves a door on loopback; change may alter its configuration.
func newDoor(t *testing.T, change func(*door, *blossom.Config)) *door {
	t.Helper()
	d := &door{t: t, dir: t.TempDir(), key: newKey(t), now: time.Now()}
	var err error
	if d.blobs, err = blob.Open(d.dir, blob.Options{}); err != nil {
		t.Fatal(err)
	}
	c := blossom.Config{
		Blobs: d.blobs, Owners: d.blobs, Import: stripper{d.blobs},
		Allow: func(_ *http.Request, who event.PubKey, _ int64) error {
			if who != d.key.PubKey() {
				return errors.New("a stranger")
			}
			return nil
		},
		Location: func(in io.ReadSeeker) (bool, string, error) {
			raw, err := io.ReadAll(in)
			return bytes.Contains(raw, []byte(place)), "EXIF", err
		},
		Sniff: func(head []byte) (string, string) {
			if bytes.HasPrefix(head, []byte("\x89PNG")) {
				return "image/png", ".png"
			}
			return "", ""
		},
		Now: func() time.Time { return d.now },
	}
	if change != nil {
		change(d, &c)
	}
	server := httptest.NewServer(blossom.New(c))
	t.Cleanup(server.Close)
	d.url = server.URL
	return d
}

func newKey(t *testing.T) event.SecretKey {
	t.Helper()
	key, err := event.NewSecretKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// token makes a signed token of a verb, with these extra tags.
func (d *door) token(verb string, tags ...event.Tag) *event.Event {
	return &event.Event{
		Kind: event.KindBlobAuth, CreatedAt: d.now.Unix() - 1, Content: "Test",
		Tags: append(event.Tags{{"t", verb}, {"expiration", strconv.FormatInt(d.now.Unix()+600, 10)}}, tags...),
	}
}

func x(data []byte) event.Tag { return event.Tag{"x", blob.Sum(data).String()} }

// header signs a token and puts it in BUD-11's form.
func header(t *testing.T, key event.SecretKey, e *event.Event) string {
	t.Helper()
	if err := e.Sign(key); err != nil {
		t.Fatal(err)
	}
	return "Nostr " + base64.RawURLEncoding.EncodeToString(e.AppendJSON(nil))
}

type answer struct {
	*http.Response
	body []byte
}

// do sends one request; headers are pairs.
func (d *door) do(method, path string, body []byte, headers ...string) answer {
	d.t.Helper()
	req, err := http.NewRequest(method, d.url+path, bytes.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	if got := res.Header.Get("Access-Control-Allow-Origin"); got != "*" {
		d.t.Errorf("%s %s: BUD-01: Access-Control-Allow-Origin MUST be * on all responses, got %q", method, path, got)
	}
	if res.StatusCode >= 400 && res.StatusCode != 416 && res.Header.Get("X-Reason") == "" {
		d.t.Errorf("%s %s: %d without X-Reason", method, path, res.StatusCode)
	}
	return answer{res, raw}
}

func (d *door) want(a answer, status int) {
	d.t.Helper()
	if a.StatusCode != status {
		d.t.Fatalf("%s %s: got %d %q, want %d", a.Request.Method, a.Request.URL.Path, a.StatusCode, a.Header.Get("X-Reason"), status)
	}
}

// upload puts data with a good token.
func (d *door) upload(data []byte, headers ...string) answer {
	d.t.Helper()
	auth := header(d.t, d.key, d.token("upload", x(data)))
	return d.do("PUT", "/upload", data, append(headers, "Authorization", auth)...)
}

func (d *door) put(data []byte, mime string) blob.Hash {
	d.t.Helper()
	info, err := d.blobs.Put(context.Background(), bytes.NewReader(data), blob.PutOptions{Type: mime})
	if err != nil {
		d.t.Fatal(err)
	}
	return info.Hash
}

func descriptor(t *testing.T, a answer) (got blossom.Descriptor) {
	t.Helper()
	if err := json.Unmarshal(a.body, &got); err != nil {
		t.Fatalf("%q: %v", a.body, err)
	}
	return got
}

// BUD-02: "If the blob was newly stored, the endpoint MUST respond with 201
// Created and a Blob Descriptor", 200 OK for one that exists, and "the server
// MUST NOT modify the blob".
func TestUpload(t *testing.T) {
	d := newDoor(t, nil)
	data := bytes.Repeat([]byte("clip"), 100_000)
	first := d.upload(data, "Content-Type", "video/mp4")
	d.want(first, 201)
	got := descriptor(t, first)
	name := blob.Sum(data).String()
	want := blossom.Descriptor{
		URL: d.url + "/" + name + ".mp4", SHA256: blob.Sum(data),
		Size: int64(len(data)), Type: "video/mp4", Uploaded: got.Uploaded,
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got.Uploaded < d.now.Unix()-60 || got.Uploaded > d.now.Unix()+60 {
		t.Errorf("uploaded %d, now %d", got.Uploaded, d.now.Unix())
	}
	d.want(d.upload(data), 200)
	back := d.do("GET", "/"+name+".mp4", nil)
	d.want(back, 200)
	if !bytes.Equal(back.body, data) {
		t.Error("the bytes changed")
	}
}

// BUD-02: X-SHA-256 that does not match the body is 409 Conflict; nothing is stored.
func TestUploadThatIsNotWhatItSays(t *testing.T) {
	d := newDoor(t, nil)
	said, sent := []byte("said"), []byte("sent")
	auth := header(t, d.key, d.token("upload", x(said)))
	d.want(d.do("PUT", "/upload", sent, "Authorization", auth, "X-SHA-256", blob.Sum(said).String()), 409)
	d.want(d.do("PUT", "/upload", sent, "Authorization", auth), 401)
	d.want(d.do("PUT", "/upload", sent, "Authorization", auth, "X-SHA-256", blob.Sum(sent).String()), 401)
	d.want(d.do("PUT", "/upload", sent, "Authorization", auth, "X-SHA-256", "ABC"), 400)
	if count, _ := d.blobs.Usage(); count != 0 {
		t.Errorf("%d blobs stored", count)
	}
}

// The design: /upload "refuses a file that carries a location, with the
// reason"; /media strips, then stores.
func TestLocationIsRefusedByUploadAndRemovedByMedia(t *testing.T) {
	d := newDoor(t, nil)
	data := []byte("picture " + place + " end")
	refused := d.upload(data)
	d.want(refused, 422)
	if reason := refused.Header.Get("X-Reason"); !strings.Contains(reason, "location") || !strings.Contains(reason, "/media") {
		t.Errorf("reason %q", reason)
	}
	if _, err := d.blobs.Stat(blob.Sum(data)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stored all the same: %v", err)
	}
	auth := header(t, d.key, d.token("media", x(data)))
	taken := d.do("PUT", "/media", data, "Authorization", auth)
	d.want(taken, 201)
	got := descriptor(t, taken)
	clean := []byte("picture  end")
	if got.SHA256 != blob.Sum(clean) || got.Type != "image/jpeg" {
		t.Errorf("got %+v", got)
	}
	back := d.do("GET", "/"+got.SHA256.String(), nil)
	if !bytes.Equal(back.body, clean) {
		t.Errorf("served %q", back.body)
	}
}

// BUD-05: 422 where media is well-formed but cannot be processed; 401 with an upload token.
func TestMediaRefusals(t *testing.T) {
	d := newDoor(t, nil)
	data := []byte("broken picture")
	d.want(d.do("PUT", "/media", data, "Authorization", header(t, d.key, d.token("media", x(data)))), 422)
	d.want(d.do("PUT", "/media", data, "Authorization", header(t, d.key, d.token("upload", x(data)))), 401)
	other := header(t, d.key, d.token("media", x([]byte("other"))))
	d.want(d.do("PUT", "/media", []byte("fine"), "Authorization", other), 401)
	if count, _ := d.blobs.Usage(); count != 0 {
		t.Errorf("%d blobs stored", count)
	}
}

// The issue: strangers are refused; BUD-02: "403 Forbidden ... not allowed by server policy".
func TestStrangersDoNotUpload(t *testing.T) {
	d := newDoor(t, nil)
	data := []byte("spam")
	stranger := newKey(t)
	d.want(d.do("PUT", "/upload", data, "Authorization", header(t, stranger, d.token("upload", x(data)))), 403)
	d.want(d.do("PUT", "/upload", data), 401)
	if count, _ := d.blobs.Usage(); count != 0 {
		t.Errorf("%d blobs stored", count)
	}
}

// A node's Refusal is told as it stands: 429 for a quota (BUD-02).
func TestQuota(t *testing.T) {
	d := newDoor(t, func(_ *door, c *blossom.Config) {
		c.Allow = func(_ *http.Request, _ event.PubKey, size int64) error {
			if size > 3 {
				return &blossom.Refusal{Status: 429, Reason: "Your quota for today is used up."}
			}
			return nil
		}
	})
	d.want(d.upload([]byte("abc")), 201)
	a := d.upload([]byte("abcd"))
	d.want(a, 429)
	if got := a.Header.Get("X-Reason"); got != "Your quota for today is used up." {
		t.Errorf("reason %q", got)
	}
}

// BUD-02: 413 over the limit, 411 without a length.
func TestSizeLimits(t *testing.T) {
	d := newDoor(t, func(_ *door, c *blossom.Config) { c.MaxBytes = 10 })
	d.want(d.upload(make([]byte, 11)), 413)
	d.want(d.upload(make([]byte, 10)), 201)
	data := []byte("chunked")
	req, err := http.NewRequest("PUT", d.url+"/upload", io.MultiReader(bytes.NewReader(data)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", header(t, d.key, d.token("upload", x(data))))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 411 {
		t.Errorf("without Content-Length: got %d, want 411", res.StatusCode)
	}
}

// BUD-06: HEAD /upload "MUST use the X-SHA-256, X-Content-Type and X-Content-Length headers".
func TestUploadRequirements(t *testing.T) {
	d := newDoor(t, func(_ *door, c *blossom.Config) { c.MaxBytes = 1000 })
	data := []byte("data")
	sum := blob.Sum(data).String()
	for _, path := range []string{"/upload", "/media"} {
		auth := header(t, d.key, d.token(path[1:], x(data)))
		good := []string{"Authorization", auth, "X-SHA-256", sum, "X-Content-Length", "4", "X-Content-Type", "text/plain"}
		with := func(name, value string) []string { return append(append([]string{}, good...), name, value) }
		for _, c := range []struct {
			why     string
			headers []string
			want    int
		}{
			{"all is well", good, 200},
			{"malformed hash", with("X-SHA-256", "zz"), 400},
			{"no hash", with("X-SHA-256", ""), 400},
			{"no length", with("X-Content-Length", ""), 411},
			{"malformed length", with("X-Content-Length", "-4"), 400},
			{"too large", with("X-Content-Length", "1001"), 413},
			{"no token", with("Authorization", ""), 401},
			{"token for another blob", with("X-SHA-256", strings.Repeat("ab", 32)), 401},
			{"stranger", with("Authorization", header(t, newKey(t), d.token(path[1:], x(data)))), 403},
		} {
			a := d.do("HEAD", path, nil, c.headers...)
			if a.StatusCode != c.want {
				t.Errorf("HEAD %s, %s: got %d, want %d", path, c.why, a.StatusCode, c.want)
			}
		}
	}
}

// BUD-01: OPTIONS MUST carry these headers.
func TestPreflight(t *testing.T) {
	d := newDoor(t, nil)
	for _, path := range []string{"/upload", "/media", "/" + strings.Repeat("ab", 32)} {
		a := d.do("OPTIONS", path, nil, "Origin", "https://client.example", "Access-Control-Request-Method", "PUT")
		d.want(a, 204)
		if got := a.Header.Get("Access-Control-Allow-Headers"); got != "Authorization, *" {
			t.Errorf("%s: allow-headers %q", path, got)
		}
		if got := a.Header.Get("Access-Control-Allow-Methods"); got != "GET, HEAD, PUT, DELETE" {
			t.Errorf("%s: allow-methods %q", path, got)
		}
	}
}

func TestOwnsItsPathsAndNoOther(t *testing.T) {
	s := blossom.New(blossom.Config{})
	h := strings.Repeat("0a", 32)
	for path, want := range map[string]bool{
		"/upload": true, "/media": true, "/mirror": true, "/list/" + h: true, "/" + h: true, "/" + h + ".mp4": true,
		"/" + strings.ToUpper(h): true,
		"/":                      false, "/index.html": false, "/api/me": false, "/" + h[1:]: false, "/" + h + "0": false,
		"/" + h + "/x": false, "/" + h + ".a/b": false, "/uploads": false, "/list": false,
	} {
		if got := s.Owns(path); got != want {
			t.Errorf("Owns(%q) = %v", path, got)
		}
	}
}

// BUD-04 is out of scope and says so plainly; wrong methods are 405.
func TestWhatIsNotServed(t *testing.T) {
	d := newDoor(t, nil)
	d.want(d.do("PUT", "/mirror", nil), 404)
	d.want(d.do("POST", "/upload", nil), 405)
	d.want(d.do("PUT", "/"+strings.Repeat("ab", 32), nil), 405)
	d.want(d.do("GET", "/"+strings.Repeat("AB", 32), nil), 400)
	d.want(d.do("GET", "/"+strings.Repeat("ab", 32), nil), 404)
}
