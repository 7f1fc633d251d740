package blossom_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"mural/blob"
	"mural/blossom"
	"mural/event"
)

// BUD-12: DELETE needs a delete token with the blob's x tag; several owners keep a blob alive.
func TestDelete(t *testing.T) {
	other := newKey(t)
	d := newDoor(t, func(_ *door, c *blossom.Config) {
		c.Allow = func(*http.Request, event.PubKey, int64) error { return nil }
	})
	data := []byte("shared")
	path := "/" + blob.Sum(data).String()
	d.want(d.upload(data), 201)
	d.want(d.do("PUT", "/upload", data, "Authorization", header(t, other, d.token("upload", x(data)))), 200)

	d.want(d.do("DELETE", path, nil), 401)
	d.want(d.do("DELETE", path, nil, "Authorization", header(t, d.key, d.token("upload", x(data)))), 401)
	d.want(d.do("DELETE", path, nil, "Authorization", header(t, d.key, d.token("delete", x([]byte("else"))))), 401)
	d.want(d.do("DELETE", path, nil, "Authorization", header(t, newKey(t), d.token("delete", x(data)))), 403)

	d.want(d.do("DELETE", path, nil, "Authorization", header(t, d.key, d.token("delete", x(data)))), 204)
	d.want(d.do("HEAD", path, nil), 200)
	d.want(d.do("DELETE", path, nil, "Authorization", header(t, other, d.token("delete", x(data)))), 204)
	d.want(d.do("HEAD", path, nil), 404)
	d.want(d.do("DELETE", path, nil, "Authorization", header(t, other, d.token("delete", x(data)))), 404)
}

// BUD-12: "Multiple x tags MUST NOT be interpreted as the user requesting to delete multiple blobs."
func TestDeleteTakesOnlyTheNamedBlob(t *testing.T) {
	d := newDoor(t, nil)
	one, two := []byte("one"), []byte("two")
	d.want(d.upload(one), 201)
	d.want(d.upload(two), 201)
	auth := header(t, d.key, d.token("delete", x(one), x(two)))
	d.want(d.do("DELETE", "/"+blob.Sum(one).String(), nil, "Authorization", auth), 204)
	d.want(d.do("HEAD", "/"+blob.Sum(two).String(), nil), 200)
}

// BUD-12: sorted by uploaded, newest first; cursor is the last hash of the page before.
func TestList(t *testing.T) {
	d := newDoor(t, nil)
	who := d.key.PubKey().String()
	list := func(query string) []blossom.Descriptor {
		t.Helper()
		a := d.do("GET", "/list/"+who+query, nil, "Authorization", header(t, d.key, d.token("list")))
		d.want(a, 200)
		var got []blossom.Descriptor
		if err := json.Unmarshal(a.body, &got); err != nil || got == nil {
			t.Fatalf("%q: %v", a.body, err)
		}
		return got
	}
	if got := list(""); len(got) != 0 {
		t.Errorf("empty list: %v", got)
	}
	for _, s := range []string{"a", "b", "c", "d", "e"} {
		d.want(d.upload([]byte(s), "Content-Type", "text/plain"), 201)
	}
	all := list("")
	var paged []blossom.Descriptor
	for cursor := ""; ; {
		part := list("?limit=2" + cursor)
		if len(part) == 0 {
			break
		}
		paged = append(paged, part...)
		cursor = "&cursor=" + part[len(part)-1].SHA256.String()
	}
	if len(all) != 5 || len(paged) != 5 {
		t.Fatalf("%d in all, %d in pages", len(all), len(paged))
	}
	for i := range all {
		if all[i] != paged[i] {
			t.Errorf("place %d: %v and %v", i, all[i], paged[i])
		}
		if i > 0 && all[i].Uploaded > all[i-1].Uploaded {
			t.Error("not newest first")
		}
	}
	stranger := newKey(t)
	d.want(d.do("GET", "/list/"+who, nil), 401)
	d.want(d.do("GET", "/list/"+who, nil, "Authorization", header(t, stranger, d.token("list"))), 403)
	d.want(d.do("GET", "/list/xyz", nil), 400)
	d.want(d.do("GET", "/list/"+who+"?limit=x", nil), 400)
	d.want(d.do("GET", "/list/"+who+"?cursor=x", nil), 400)
}
