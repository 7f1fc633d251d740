package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image"
	"image/jpeg"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"

	"mural/blob"
	"mural/media"
	"mural/web"
)

func jpegBytes(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := jpeg.Encode(&out, image.NewGray(image.Rect(0, 0, 64, 64)), nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestFilesThatAreNotTakenInAreProblemsForPeople(t *testing.T) {
	n, _ := alone(t)
	newPerson(t, n)
	whole := jpegBytes(t)
	rows := []struct {
		name   string
		data   []byte
		status int
	}{
		{"nothing", nil, 415},
		{"a page", []byte("<!doctype html><script>alert(1)</script>"), 415},
		{"a drawing that may run scripts", []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>`), 415},
		{"a program", append([]byte("MZ\x90\x00"), make([]byte, 200)...), 415},
		{"a program of Linux", append([]byte("\x7fELF"), make([]byte, 200)...), 415},
		{"text", []byte("hello"), 415},
		{"an archive", append([]byte("PK\x03\x04"), make([]byte, 100)...), 415},
		{"a picture cut short", whole[:len(whole)/3], 415},
		{"the head of a picture", whole[:3], 415},
		{"the head of a PNG", picture(1)[:20], 415},
	}
	for _, row := range rows {
		_, err := n.Import(context.Background(), bytes.NewReader(row.data), row.name, true)
		var p *web.Problem
		if !errors.As(err, &p) || p.Status != row.status || p.Next == "" {
			t.Errorf("%s: got %v, want a problem %d", row.name, err, row.status)
		}
	}
	if count, _ := n.blobs.Usage(); count != 0 {
		t.Errorf("%d blobs of refused files are stored", count)
	}
	left, err := os.ReadDir(n.home.path("tmp"))
	if err != nil || len(left) != 0 {
		t.Errorf("%d temporary files are left (%v)", len(left), err)
	}
	for err, want := range map[error]int{blob.ErrTooLarge: 413, media.ErrTooLarge: 413, blob.ErrFull: 507, media.ErrMalformed: 415} {
		problem(t, intake(err), want)
	}
	if err := intake(io.ErrClosedPipe); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("another error became %v", err)
	}
}

// endless is a file that never ends.
type endless struct{ left int64 }

func (e *endless) Read(b []byte) (int, error) {
	if e.left <= 0 {
		return 0, errors.New("the connection broke")
	}
	e.left -= int64(len(b))
	return len(b), nil
}

func TestUploadThatBreaksLeavesNothing(t *testing.T) {
	n, _ := alone(t)
	if _, err := n.Import(context.Background(), &endless{left: 1 << 20}, "", false); err == nil {
		t.Error("a broken upload was taken in")
	}
	if left, _ := os.ReadDir(n.home.path("tmp")); len(left) != 0 {
		t.Errorf("%d temporary files are left", len(left))
	}
}

func TestImportDescribesAndKeepsTheOriginalOnlyIfAsked(t *testing.T) {
	ctx := context.Background()
	n, _ := alone(t)
	newPerson(t, n)
	m, err := n.Import(ctx, bytes.NewReader(jpegBytes(t)), "a.jpg", false)
	if err != nil {
		t.Fatal(err)
	}
	if m.Type != "image/jpeg" || m.Width != 64 || m.Height != 64 || m.BlurHash == "" || m.Chunks.IsZero() || m.Size == 0 {
		t.Errorf("described as %+v", m)
	}
	originals := func() int {
		all, _ := os.ReadDir(n.home.path("originals"))
		return len(all)
	}
	if originals() != 0 {
		t.Error("an original was kept that nobody asked for")
	}
	if _, err := n.Import(ctx, bytes.NewReader(picture(3)), "b.png", true); err != nil || originals() == 0 {
		t.Errorf("the original was not kept (%v)", err)
	}
	again, err := n.Describe(ctx, m.Hash)
	if err != nil || again.BlurHash != m.BlurHash {
		t.Errorf("described anew as %+v (%v)", again, err)
	}
	if _, err := n.Describe(ctx, web.Hash{1}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is not here is described with %v", err)
	}
	f, kind, err := n.Thumb(ctx, m.Hash, 32)
	if err != nil || !strings.HasPrefix(kind, "image/") {
		t.Fatalf("thumbnail: %q, %v", kind, err)
	}
	f.Close()
	if _, _, err := n.Thumb(ctx, web.Hash{1}, 32); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a thumbnail of what is not here: %v", err)
	}
}

func TestDescriptionWithAMissingPosterIsMadeAnew(t *testing.T) {
	ctx := context.Background()
	n, _ := alone(t)
	h := imports(t, n, picture(1))
	cache := n.home.path("cache", h.String()+".json")
	lost := web.Hash(blob.Sum([]byte("lost")))
	b, err := json.Marshal(web.Media{Hash: web.Hash(h), Poster: lost})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cache, b, 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := n.Describe(ctx, web.Hash(h))
	if err != nil || m.Poster == lost || m.Width == 0 {
		t.Errorf("described as %+v (%v), want it anew", m, err)
	}
}
