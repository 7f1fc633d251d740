package blossom_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"mural/blob"
	"mural/blossom"
)

// BUD-01: the extension is accepted and says nothing; the type is the blob's,
// application/octet-stream where it is unknown; HEAD has the same headers.
func TestGetAndHead(t *testing.T) {
	d := newDoor(t, nil)
	data := bytes.Repeat([]byte("0123456789"), 60_000) // three chunks
	known := d.put(data, "video/mp4")
	unknown := d.put([]byte("what is it"), "")
	sniffed := d.put([]byte("\x89PNG..."), "application/octet-stream")
	for _, c := range []struct {
		path, mime string
	}{
		{"/" + known.String(), "video/mp4"},
		{"/" + known.String() + ".mp4", "video/mp4"},
		{"/" + known.String() + ".pdf", "video/mp4"},
		{"/" + unknown.String() + ".png", "application/octet-stream"},
		{"/" + sniffed.String(), "image/png"},
	} {
		get, head := d.do("GET", c.path, nil), d.do("HEAD", c.path, nil)
		d.want(get, 200)
		d.want(head, 200)
		if len(head.body) != 0 {
			t.Errorf("%s: HEAD has a body", c.path)
		}
		for _, name := range []string{"Content-Type", "Content-Length", "Accept-Ranges", "ETag", "Cache-Control"} {
			if g, h := get.Header.Get(name), head.Header.Get(name); g != h || g == "" {
				t.Errorf("%s: %s is %q for GET, %q for HEAD", c.path, name, g, h)
			}
		}
		if got := get.Header.Get("Content-Type"); got != c.mime {
			t.Errorf("%s: Content-Type %q, want %q", c.path, got, c.mime)
		}
		if got := get.Header.Get("Content-Length"); got != strconv.Itoa(len(get.body)) {
			t.Errorf("%s: Content-Length %s for %d bytes", c.path, got, len(get.body))
		}
	}
	etag := d.do("HEAD", "/"+known.String(), nil).Header.Get("ETag")
	d.want(d.do("GET", "/"+known.String(), nil, "If-None-Match", etag), 304)
}

// BUD-01: servers should support range requests (RFC 9110 §14): 206 and 416.
func TestRangesWithCurl(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not installed: ranges are tested with Go's client only, in TestRanges")
	}
	d := newDoor(t, nil)
	data := pattern(3*blob.ChunkSize + 11)
	url := d.url + "/" + d.put(data, "video/mp4").String() + ".mp4"
	n := len(data)
	for spec, want := range map[string][]byte{
		"0-0":  data[:1],
		"0-99": data[:100],
		fmt.Sprint(blob.ChunkSize-1, "-", blob.ChunkSize): data[blob.ChunkSize-1 : blob.ChunkSize+1],
		fmt.Sprint(n-5, "-"):                              data[n-5:],
		"-7":                                              data[n-7:],
		fmt.Sprint("0-", n+100):                           data,
	} {
		spec = strings.ReplaceAll(spec, " ", "")
		out := filepath.Join(t.TempDir(), "out")
		code, err := exec.Command("curl", "-s", "-r", spec, "-o", out, "-w", "%{http_code}", url).Output()
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(out)
		if err != nil || string(code) != "206" || !bytes.Equal(got, want) {
			t.Errorf("curl -r %s: %s, %d bytes, %v; want 206 and %d bytes", spec, code, len(got), err, len(want))
		}
	}
	code, err := exec.Command("curl", "-s", "-r", fmt.Sprintf("%d-", n), "-o", os.DevNull, "-w", "%{http_code}", url).Output()
	if err != nil || string(code) != "416" {
		t.Errorf("a range behind the end: %s, %v; want 416", code, err)
	}
	// curl -C -: an interrupted download goes on.
	half := filepath.Join(t.TempDir(), "half")
	if err := os.WriteFile(half, data[:n/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("curl", "-s", "-C", "-", "-o", half, url).Run(); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(half); err != nil || !bytes.Equal(got, data) {
		t.Errorf("resumed download: %d bytes, %v", len(got), err)
	}
}

// pattern gives n bytes that differ from place to place.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8*13 + i>>16)
	}
	return b
}

func TestRanges(t *testing.T) {
	d := newDoor(t, nil)
	data := pattern(1000)
	path := "/" + d.put(data, "video/mp4").String()
	a := d.do("GET", path, nil, "Range", "bytes=10-19")
	d.want(a, 206)
	if got := a.Header.Get("Content-Range"); got != "bytes 10-19/1000" || !bytes.Equal(a.body, data[10:20]) {
		t.Errorf("Content-Range %q, %d bytes", got, len(a.body))
	}
	a = d.do("GET", path, nil, "Range", "bytes=1000-")
	d.want(a, 416)
	if got := a.Header.Get("Content-Range"); got != "bytes */1000" {
		t.Errorf("416 with Content-Range %q", got)
	}
	a = d.do("GET", path, nil, "Range", "bytes=10-19", "If-Range", `"other"`)
	d.want(a, 200)
	a = d.do("GET", path, nil, "Range", "bytes=0-1,5-6")
	if a.StatusCode != 200 && a.StatusCode != 206 {
		t.Errorf("several ranges: %d", a.StatusCode)
	}
}

// A stranger's page must not run on this origin: HTML, SVG and what else is
// active is a sandboxed download; pictures and clips are shown.
func TestActiveTypesAreHarmless(t *testing.T) {
	d := newDoor(t, nil)
	for mime, active := range map[string]bool{
		"text/html": true, "text/html; charset=utf-8": true, "image/svg+xml": true, "application/xhtml+xml": true,
		"text/xml": true, "application/pdf": true, "text/javascript": true, "application/wasm": true, "multipart/x-mixed-replace": true,
		"": true, "nonsense": true, "text/html\r\nX: y": true,
		"image/png": false, "video/mp4": false, "audio/mpeg": false, "text/plain": false,
	} {
		a := d.do("GET", "/"+d.put([]byte("<script>alert(1)</script>"+mime), mime).String(), nil)
		d.want(a, 200)
		if csp := a.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "sandbox;") || strings.Contains(csp, "allow-") || strings.Contains(csp, "script-src") {
			t.Errorf("%s: CSP %q", mime, csp)
		}
		if got := a.Header.Get("X-Content-Type-Options"); got != "nosniff" {
			t.Errorf("%s: X-Content-Type-Options %q", mime, got)
		}
		if got := strings.HasPrefix(a.Header.Get("Content-Disposition"), "attachment"); got != active {
			t.Errorf("%s: Content-Disposition %q", mime, a.Header.Get("Content-Disposition"))
		}
	}
}

// A blob that is not here is asked for; HEAD and the excluded ask nobody.
func TestFetch(t *testing.T) {
	data := []byte("with a peer")
	asked := 0
	d := newDoor(t, func(d *door, c *blossom.Config) {
		c.Fetch = func(ctx context.Context, h blob.Hash) error {
			asked++
			if h != blob.Sum(data) {
				return errors.New("nobody has it")
			}
			_, err := d.blobs.Put(ctx, bytes.NewReader(data), blob.PutOptions{Want: &h})
			return err
		}
		c.MayFetch = func(r *http.Request) bool { return r.Header.Get("X-Stranger") == "" }
	})
	path := "/" + blob.Sum(data).String()
	d.want(d.do("HEAD", path, nil), 404)
	d.want(d.do("GET", path, nil, "X-Stranger", "1"), 404)
	if asked != 0 {
		t.Errorf("peers were asked %d times", asked)
	}
	a := d.do("GET", path, nil)
	d.want(a, 200)
	if !bytes.Equal(a.body, data) {
		t.Errorf("got %q", a.body)
	}
	d.want(d.do("GET", "/"+strings.Repeat("ab", 32), nil), 404)
	if asked != 2 {
		t.Errorf("peers were asked %d times, want 2", asked)
	}
}

// A file that went bad on the disk is fetched again instead of being served.
func TestDamagedBlobIsFetchedAgain(t *testing.T) {
	data := pattern(1000)
	d := newDoor(t, func(d *door, c *blossom.Config) {
		c.Fetch = func(ctx context.Context, h blob.Hash) error {
			_, err := d.blobs.Put(ctx, bytes.NewReader(data), blob.PutOptions{Want: &h})
			return err
		}
	})
	name := d.put(data, "video/mp4").String()
	file := filepath.Join(d.dir, "blobs", name[:2], name[2:4], name)
	if err := os.WriteFile(file, append([]byte("bad"), data[3:]...), 0o600); err != nil {
		t.Fatal(err)
	}
	a := d.do("GET", "/"+name, nil)
	d.want(a, 200)
	if !bytes.Equal(a.body, data) {
		t.Error("damaged bytes were served")
	}
	if got := a.Header.Get("Content-Type"); got != "video/mp4" {
		t.Errorf("the type was lost: %q", got)
	}
}

// Damage behind the beginning ends the download short; no bad byte goes out.
func TestDamageInTheMiddleCutsTheDownload(t *testing.T) {
	d := newDoor(t, nil)
	data := pattern(3 * blob.ChunkSize)
	name := d.put(data, "video/mp4").String()
	bad := bytes.Clone(data)
	bad[2*blob.ChunkSize+1] ^= 1
	if err := os.WriteFile(filepath.Join(d.dir, "blobs", name[:2], name[2:4], name), bad, 0o600); err != nil {
		t.Fatal(err)
	}
	res, err := http.Get(d.url + "/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var got bytes.Buffer
	if _, err := got.ReadFrom(res.Body); err == nil {
		t.Error("the download ended as if it were whole")
	}
	if !bytes.HasPrefix(data, got.Bytes()) || got.Len() > 2*blob.ChunkSize {
		t.Errorf("%d bytes went out", got.Len())
	}
}
