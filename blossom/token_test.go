package blossom_test

import (
	"encoding/base64"
	"strconv"
	"strings"
	"testing"

	"mural/blossom"
	"mural/event"
)

// BUD-11, validation: each rule broken once.
func TestTokens(t *testing.T) {
	d := newDoor(t, func(_ *door, c *blossom.Config) {
		c.IsMe = func(domain string) bool { return domain == "me.example.com" }
	})
	data := []byte("token")
	at := func(seconds int64) string { return strconv.FormatInt(d.now.Unix()+seconds, 10) }
	for _, c := range []struct {
		why  string
		want int
		edit func(*event.Event)
	}{
		{"good", 201, func(*event.Event) {}},
		{"wrong kind", 401, func(e *event.Event) { e.Kind = 1 }},
		{"created in the future", 401, func(e *event.Event) { e.CreatedAt = d.now.Unix() + 3600 }},
		{"no expiration", 401, func(e *event.Event) { e.Tags = event.Tags{{"t", "upload"}, x(data)} }},
		{"expired", 401, func(e *event.Event) { e.Tags[1][1] = at(-1) }},
		{"expiration that is no number", 401, func(e *event.Event) { e.Tags[1][1] = "soon" }},
		{"no verb", 401, func(e *event.Event) { e.Tags = e.Tags[1:] }},
		{"another verb", 401, func(e *event.Event) { e.Tags[0][1] = "get" }},
		{"another server", 401, func(e *event.Event) { e.Tags = append(e.Tags, event.Tag{"server", "other.example.com"}) }},
		{"this server among others", 200, func(e *event.Event) {
			e.Tags = append(e.Tags, event.Tag{"server", "other.example.com"}, event.Tag{"server", "me.example.com"})
		}},
		{"this server by its URL", 200, func(e *event.Event) {
			e.Tags = append(e.Tags, event.Tag{"server", "https://Me.example.com:4880/upload"})
		}},
		{"a URL that only mentions this server", 401, func(e *event.Event) {
			e.Tags = append(e.Tags, event.Tag{"server", "https://other.example.com/me.example.com"})
		}},
		{"another as the user of this server", 200, func(e *event.Event) {
			e.Tags = append(e.Tags, event.Tag{"server", "https://other@me.example.com"})
		}},
		{"no x tag", 401, func(e *event.Event) { e.Tags = e.Tags[:2] }},
		{"several x tags", 200, func(e *event.Event) { e.Tags = append(e.Tags, x([]byte("else"))) }},
	} {
		e := d.token("upload", x(data))
		c.edit(e)
		a := d.do("PUT", "/upload", data, "Authorization", header(t, d.key, e))
		if a.StatusCode != c.want {
			t.Errorf("%s: got %d %q, want %d", c.why, a.StatusCode, a.Header.Get("X-Reason"), c.want)
		}
	}
	forged := d.token("upload", x(data))
	if err := forged.Sign(newKey(t)); err != nil {
		t.Fatal(err)
	}
	forged.PubKey = d.key.PubKey()
	raw := base64.RawURLEncoding.EncodeToString(forged.AppendJSON(nil))
	d.want(d.do("PUT", "/upload", data, "Authorization", "Nostr "+raw), 401)
	std := header(t, d.key, d.token("upload", x(data)))
	padded, err := base64.RawURLEncoding.DecodeString(std[6:])
	if err != nil {
		t.Fatal(err)
	}
	d.want(d.do("PUT", "/upload", data, "Authorization", "nostr "+base64.StdEncoding.EncodeToString(padded)), 200)
	for _, bad := range []string{"Basic abc", "Nostr", "Nostr !!!", "Nostr e30", "Nostr " + strings.Repeat("A", 70<<10)} {
		d.want(d.do("PUT", "/upload", data, "Authorization", bad), 401)
	}
}
