package store

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"mural/event"
)

func FuzzDecode(f *testing.F) {
	c := newCodec()
	for _, e := range []*event.Event{
		{},
		{Kind: 1, CreatedAt: 1_700_000_000, Content: "salaam", Tags: event.Tags{{"e", strings.Repeat("0f", 32), ""}, {}, {"t", "ü"}}},
		{Kind: 65535, CreatedAt: MaxCreatedAt, Content: strings.Repeat("again ", 500)},
	} {
		f.Add(c.encode(e))
	}
	f.Add([]byte{formZstd})
	f.Add(append(bytes.Repeat([]byte{0}, 67), 0xff, 0xff, 0xff, 0xff, 0x7f))
	f.Fuzz(func(t *testing.T, body []byte) {
		var first, second event.Event
		if c.decode(&first, body) != nil {
			return
		}
		// What can be read means the same after it was written again.
		if err := c.decode(&second, c.encode(&first)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&first, &second, cmpopts.IgnoreUnexported(event.Event{})); diff != "" {
			t.Errorf("(-first +second):\n%s", diff)
		}
	})
}

func TestBodiesAreSmall(t *testing.T) {
	c := newCodec()
	hexes := event.Tags{{"e", strings.Repeat("0f", 32)}, {"p", strings.Repeat("1e", 32)}}
	for _, test := range []struct {
		what string
		e    event.Event
		max  int // bytes
	}{
		{"a reaction", event.Event{Kind: 7, CreatedAt: 1_700_000_000, Content: "+", Tags: hexes}, 64 + 2*32 + 20},
		{"a long text", event.Event{Kind: 1, Content: strings.Repeat("the same again and again, ", 100)}, 64 + 100},
	} {
		if n := len(c.encode(&test.e)); n > test.max {
			t.Errorf("%s takes %d bytes, not at most %d", test.what, n, test.max)
		}
	}
}

func TestADamagedBodyIsAnError(t *testing.T) {
	c := newCodec()
	body := c.encode(&event.Event{Kind: 1, Tags: event.Tags{{"t", "x"}}, Content: strings.Repeat("again ", 500)})
	for n := range len(body) {
		if err := c.decode(&event.Event{}, body[:n]); err == nil {
			t.Errorf("the first %d of %d bytes were read without error", n, len(body))
		}
	}
	body[0] = 9
	if err := c.decode(&event.Event{}, body); err == nil {
		t.Error("an unknown form was read without error")
	}
}
