package event

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// signed makes an event by a fresh key.
func signed(t testing.TB, e Event) *Event {
	t.Helper()
	k, err := NewSecretKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Sign(k); err != nil {
		t.Fatal(err)
	}
	return &e
}

// golden is one line of testdata/events.jsonl, made by a program that shares
// no code with this one (Python's json and hashlib, textbook BIP-340).
type golden struct {
	Name  string
	Event string // as this package must write it
	ASCII string // the same, every character beyond ASCII escaped, with white space
	ID    string
}

func goldens(t testing.TB) (list []golden) {
	t.Helper()
	f, err := os.Open("testdata/events.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var g golden
		if err := json.Unmarshal(lines.Bytes(), &g); err != nil {
			t.Fatal(err)
		}
		list = append(list, g)
	}
	if len(list) == 0 {
		t.Fatal("no golden events")
	}
	return list
}

func TestGoldenEventsReadAndWriteTheSame(t *testing.T) {
	for _, g := range goldens(t) {
		t.Run(g.Name, func(t *testing.T) {
			e, err := Parse([]byte(g.Event))
			if err != nil {
				t.Fatal(err)
			}
			if err := e.Verify(); err != nil {
				t.Errorf("verify: %v", err)
			}
			if got := e.ComputeID().String(); got != g.ID {
				t.Errorf("id: got %s, want %s", got, g.ID)
			}
			if got := string(e.AppendJSON(nil)); got != g.Event {
				t.Errorf("written: got %s\nwant %s", got, g.Event)
			}
			escaped, err := Parse([]byte(g.ASCII))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(e, escaped, cmpopts.IgnoreUnexported(Event{})); d != "" {
				t.Errorf("escaped form reads differently:\n%s", d)
			}
			if !bytes.Equal(escaped.Raw(), []byte(g.ASCII)) {
				t.Errorf("raw: got %s, want the bytes that were parsed", escaped.Raw())
			}
		})
	}
}

func TestRawIsACopyOfItsOwn(t *testing.T) {
	g := []byte(goldens(t)[0].Event)
	e, err := Parse(g)
	if err != nil {
		t.Fatal(err)
	}
	clear(g)
	if err := e.Verify(); err != nil || e.Raw()[0] != '{' {
		t.Errorf("the event changed with the caller's bytes: %v", err)
	}
}

func TestUnsignedFieldsDoNotTravelOn(t *testing.T) {
	g := goldens(t)[0]
	with := strings.Replace(g.Event, `{`, `{"seen_on":["x",{"a":[null,true,-1.5e3]}],`, 1)
	e, err := Parse([]byte(with))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(e.Raw()); got != g.Event {
		t.Errorf("got %s, want %s", got, g.Event)
	}
}

func TestParseRefuses(t *testing.T) {
	good := goldens(t)[0].Event
	replace := func(old, new string) string {
		t.Helper()
		if !strings.Contains(good, old) {
			t.Fatalf("%q is not in the event", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	id := `"id":"493d2f6e1c44bd18aa5a8b6a16adb35e0a0b571397471f3d3f34f5b998d0151f"`
	content, kind, created, tags := `"content":"hello"`, `"kind":1`, `"created_at":1700000000`, `"tags":[]`
	deep := strings.Repeat("[", 10000)
	cases := []struct{ name, raw string }{
		{"nothing", ""},
		{"white space", "  "},
		{"no object", "[]"},
		{"cut off", good[:len(good)-1]},
		{"trailing bytes", good + "x"},
		{"two events", good + good},
		{"trailing comma", good[:len(good)-1] + ",}"},
		{"field twice", replace(content, content+`,"content":"hello"`)},
		{"field twice by an escape", replace(content, content+`,"\u0063ontent":"hello"`)},
		{"field missing", replace(content+",", "")},
		{"null field", replace(content, `"content":null`)},
		{"upper-case id", replace(id, strings.ToUpper(id))},
		{"upper-case hex", replace("493d2f6e", "493D2F6E")},
		{"id too short", replace(`151f"`, `151"`)},
		{"id too long", replace(`151f"`, `151f00"`)},
		{"id not hex", replace("493d2f6e", "493g2f6e")},
		{"id a number", replace(id, `"id":1`)},
		{"kind a string", replace(kind, `"kind":"1"`)},
		{"kind 1e3", replace(kind, `"kind":1e3`)},
		{"kind 1.0", replace(kind, `"kind":1.0`)},
		{"kind -0", replace(kind, `"kind":-0`)},
		{"kind +1", replace(kind, `"kind":+1`)},
		{"kind 01", replace(kind, `"kind":01`)},
		{"kind 65536", replace(kind, `"kind":65536`)},
		{"kind far too large", replace(kind, `"kind":18446744073709551617`)},
		{"created_at negative", replace(created, `"created_at":-1`)},
		{"created_at beyond 2^53", replace(created, `"created_at":9007199254740992`)},
		{"created_at a fraction", replace(created, `"created_at":1700000000.5`)},
		{"tags an object", replace(tags, `"tags":{}`)},
		{"tag a string", replace(tags, `"tags":["e"]`)},
		{"tag value a number", replace(tags, `"tags":[["e",1]]`)},
		{"tag value null", replace(tags, `"tags":[["e",null]]`)},
		{"tag value an array", replace(tags, `"tags":[["e",["x"]]]`)},
		{"tag empty", replace(tags, `"tags":[[]]`)},
		{"tags with a trailing comma", replace(tags, `"tags":[["e"],]`)},
		{"raw control character", replace("hello", "hel\nlo")},
		{"raw NUL", replace("hello", "hel\x00lo")},
		{"invalid UTF-8", replace("hello", "hel\xfflo")},
		{"overlong UTF-8", replace("hello", "hel\xc0\xaflo")},
		{"raw surrogate", replace("hello", "hel\xed\xa0\x80lo")},
		{"escaped high surrogate alone", replace("hello", `hel\ud83clo`)},
		{"escaped low surrogate alone", replace("hello", `hel\udf0dlo`)},
		{"surrogates in the wrong order", replace("hello", `\udf0d\ud83c`)},
		{"high surrogate at the end", replace("hello", `hello\ud83c`)},
		{"high surrogate before another escape", replace("hello", `hello\ud83c\n`)},
		{"unknown escape", replace("hello", `hel\xlo`)},
		{"escape cut off", replace("hello", `hello\u12`)},
		{"escape with a bad digit", replace("hello", `hello\u12g4`)},
		{"string without an end", good[:len(good)-3]},
		{"deep nesting in tags", replace(tags, `"tags":`+deep)},
		{"deep nesting in an unknown field", replace(tags, `"x":`+deep)},
		{"unknown field with a bad number", replace(tags, `"x":01,`+tags)},
		{"unknown field with a bad word", replace(tags, `"x":nul,`+tags)},
		{"byte order mark", "\ufeff" + good},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if e, err := Parse([]byte(c.raw)); !errors.Is(err, ErrMalformed) {
				t.Errorf("got %v, %v; want ErrMalformed\n%s", e, err, c.raw)
			}
		})
	}
}

func TestParseLimits(t *testing.T) {
	good := goldens(t)[0].Event
	tags := func(n int, tag string) string {
		return strings.Replace(good, `"tags":[]`, `"tags":[`+strings.TrimSuffix(strings.Repeat(tag+",", n), ",")+`]`, 1)
	}
	values := func(n int) string {
		return tags(1, `[`+strings.TrimSuffix(strings.Repeat(`"",`, n), ",")+`]`)
	}
	cases := []struct {
		name, raw string
		want      error
	}{
		{"as many tags as may be", tags(MaxTags, `["e"]`), nil},
		{"one tag too many", tags(MaxTags+1, `["e"]`), ErrTooLarge},
		{"as many values as may be", values(MaxTagValues), nil},
		{"one value too many", values(MaxTagValues + 1), ErrTooLarge},
		{"as many bytes as may be", good + strings.Repeat(" ", MaxEventBytes-len(good)), nil},
		{"one byte too many", good + strings.Repeat(" ", MaxEventBytes-len(good)+1), ErrTooLarge},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Parse([]byte(c.raw)); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestSignRefusesWhatParseWouldRefuse(t *testing.T) {
	k, _ := NewSecretKey(rand.Reader)
	cases := []struct {
		name string
		e    Event
		k    SecretKey
		want error
	}{
		{"no key", Event{}, SecretKey{}, ErrMalformed},
		{"key over n", Event{}, SecretKey(bytes.Repeat([]byte{0xff}, 32)), ErrMalformed},
		{"invalid UTF-8", Event{Content: "\xff"}, k, ErrMalformed},
		{"surrogate in a tag", Event{Tags: Tags{{"t", "\xed\xa0\x80"}}}, k, ErrMalformed},
		{"empty tag", Event{Tags: Tags{{}}}, k, ErrMalformed},
		{"before 1970", Event{CreatedAt: -1}, k, ErrMalformed},
		{"too many tags", Event{Tags: make(Tags, MaxTags+1)}, k, ErrTooLarge},
		{"too many values", Event{Tags: Tags{make(Tag, MaxTagValues+1)}}, k, ErrTooLarge},
		{"too many bytes", Event{Content: strings.Repeat("x", MaxEventBytes)}, k, ErrTooLarge},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if err := c.e.Sign(c.k); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestTagsDoNotGrowIntoEachOther(t *testing.T) {
	e, err := Parse(signed(t, Event{Tags: Tags{{"a", "1"}, {"b", "2"}}}).Raw())
	if err != nil {
		t.Fatal(err)
	}
	_ = append(e.Tags[0], "grown")
	if e.Tags[1][0] != "b" {
		t.Errorf("second tag is now %q", e.Tags[1])
	}
}

func TestEventTravelsThroughEncodingJSON(t *testing.T) {
	e := signed(t, Event{Content: "<&>", Tags: Tags{{"t", "x"}}})
	b, err := json.Marshal(map[string]*Event{"event": e})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]*Event
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if err := got["event"].Verify(); err != nil {
		t.Error(err)
	}
}

func TestSecretKeyDoesNotShowItself(t *testing.T) {
	k, _ := NewSecretKey(rand.Reader)
	b, _ := json.Marshal(k)
	for _, got := range []string{k.String(), k.GoString(), string(b), errText(Decode(EncodeNSec(k) + "q"))} {
		if strings.Contains(got, k.Hex()[:8]) || strings.Contains(got, "nsec1") {
			t.Errorf("%q shows the key", got)
		}
	}
}

func errText(_ any, err error) string { return err.Error() }

// FuzzParse checks that what Parse accepts, encoding/json reads the same way,
// and that writing and reading again changes nothing.
func FuzzParse(f *testing.F) {
	for _, g := range goldens(f) {
		f.Add([]byte(g.Event))
		f.Add([]byte(g.ASCII))
	}
	for _, s := range []string{`{}`, `{"id":"`, `{"tags":[["\ud83c\udf0d"]]}`, `{"x":[[[[1e5]]]]}`, `{"content":"\ud800"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := Parse(raw)
		if err != nil {
			return
		}
		again, err := Parse(e.AppendJSON(nil))
		if err != nil {
			t.Fatalf("written event is refused: %v", err)
		}
		if d := cmp.Diff(e, again, cmpopts.IgnoreUnexported(Event{})); d != "" {
			t.Fatal(d)
		}
		if again.ComputeID() != e.ComputeID() {
			t.Fatal("id changed")
		}
		var j struct {
			ID, PubKey, Sig, Content string
			CreatedAt                int64 `json:"created_at"`
			Kind                     uint16
			Tags                     Tags
		}
		if e.raw == nil {
			return // encoding/json takes unknown fields for known ones where only case differs
		}
		if err := json.Unmarshal(raw, &j); err != nil {
			t.Fatalf("encoding/json refuses: %v", err)
		}
		want := Event{CreatedAt: j.CreatedAt, Kind: Kind(j.Kind), Tags: j.Tags, Content: j.Content}
		got := Event{CreatedAt: e.CreatedAt, Kind: e.Kind, Tags: e.Tags, Content: e.Content}
		if d := cmp.Diff(got, want, cmpopts.IgnoreUnexported(Event{})); d != "" {
			t.Fatal(d)
		}
		if e.ID.String() != j.ID || e.PubKey.String() != j.PubKey || e.Sig.String() != j.Sig {
			t.Fatal("hex fields differ")
		}
	})
}
