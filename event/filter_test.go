package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	hexA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	hexB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

func TestParseFilter(t *testing.T) {
	a, _ := ParseID(hexA)
	b, _ := ParsePubKey(hexB)
	cases := []struct {
		raw  string
		want Filter
	}{
		{`{}`, Filter{}},
		{` { } `, Filter{}},
		{`{"ids":["` + hexA + `"],"authors":["` + hexB + `"],"kinds":[1,65535]}`,
			Filter{IDs: []ID{a}, Authors: []PubKey{b}, Kinds: []Kind{1, 65535}}},
		{`{"#t":["é","\ud83c\udf0d"],"#E":["x"]}`, Filter{Tags: map[byte][]string{'t': {"é", "🌍"}, 'E': {"x"}}}},
		{`{"since":5,"until":9,"limit":3,"search":"sea"}`, Filter{Since: 5, Until: 9, Limit: 3, Search: "sea"}},
		{`{"limit":0}`, Filter{Limit: -1}},
		{`{"since":-7}`, Filter{}},
		{`{"until":0}`, Filter{IDs: []ID{}}},
		{`{"until":-7}`, Filter{IDs: []ID{}}},
		{`{"ids":[],"#t":[]}`, Filter{IDs: []ID{}, Tags: map[byte][]string{'t': {}}}},
	}
	for _, c := range cases {
		got, err := ParseFilter([]byte(c.raw))
		if err != nil {
			t.Errorf("%s: %v", c.raw, err)
			continue
		}
		if d := cmp.Diff(got, c.want); d != "" {
			t.Errorf("%s:\n%s", c.raw, d)
		}
	}
}

func TestParseFilterRefuses(t *testing.T) {
	var keys []string
	for i := range MaxFilterTagKeys + 1 {
		keys = append(keys, fmt.Sprintf(`"#%c":[]`, 'a'+i))
	}
	many := func(n int, v string) string { return strings.TrimSuffix(strings.Repeat(v+",", n), ",") }
	cases := []struct {
		raw  string
		want error
	}{
		{``, ErrMalformed},
		{`[]`, ErrMalformed},
		{`{}{}`, ErrMalformed},
		{`{"ids":"` + hexA + `"}`, ErrMalformed},
		{`{"ids":["aaaa"]}`, ErrMalformed},
		{`{"ids":["` + strings.ToUpper(hexA) + `"]}`, ErrMalformed},
		{`{"authors":[null]}`, ErrMalformed},
		{`{"authors":null}`, ErrMalformed},
		{`{"kinds":[1.0]}`, ErrMalformed},
		{`{"kinds":[-1]}`, ErrMalformed},
		{`{"kinds":[65536]}`, ErrMalformed},
		{`{"kinds":["1"]}`, ErrMalformed},
		{`{"since":1.5}`, ErrMalformed},
		{`{"since":-0}`, ErrMalformed},
		{`{"since":- 5}`, ErrMalformed},
		{`{"since":"1"}`, ErrMalformed},
		{`{"limit":-1}`, ErrMalformed},
		{`{"limit":1e3}`, ErrMalformed},
		{`{"kinds":[1],"kinds":[2]}`, ErrMalformed},
		{`{"#t":["a"],"#\u0074":["b"]}`, ErrMalformed},
		{`{"#tt":["a"]}`, ErrMalformed},
		{`{"#":["a"]}`, ErrMalformed},
		{`{"#1":["a"]}`, ErrMalformed},
		{`{"#é":["a"]}`, ErrMalformed},
		{`{"&t":["a"]}`, ErrMalformed},
		{`{"#t":[1]}`, ErrMalformed},
		{`{"#t":["\ud800"]}`, ErrMalformed},
		{`{"nonsense":[]}`, ErrMalformed},
		{`{"kinds":[` + many(MaxFilterValues, "1") + `]}`, nil},
		{`{"kinds":[` + many(MaxFilterValues+1, "1") + `]}`, ErrTooLarge},
		{`{"#t":[` + many(MaxFilterValues+1, `""`) + `]}`, ErrTooLarge},
		{`{` + strings.Join(keys[1:], ",") + `}`, nil},
		{`{` + strings.Join(keys, ",") + `}`, ErrTooLarge},
		{`{` + strings.Repeat(" ", MaxFilterBytes) + `}`, ErrTooLarge},
	}
	for _, c := range cases {
		if f, err := ParseFilter([]byte(c.raw)); !errors.Is(err, c.want) {
			t.Errorf("%.60s: got %+v, %v; want %v", c.raw, f, err, c.want)
		}
	}
}

func TestFilterMatch(t *testing.T) {
	id, _ := ParseID(hexA)
	pk, _ := ParsePubKey(hexB)
	e := &Event{ID: id, PubKey: pk, CreatedAt: 100, Kind: 7,
		Tags: Tags{{"t", "sea", "sand"}, {"t", "sky"}, {"topic", "x"}, {"e"}, {"k", ""}}}
	cases := []struct {
		name string
		f    Filter
		want bool
	}{
		{"nothing asked", Filter{}, true},
		{"id", Filter{IDs: []ID{{1}, id}}, true},
		{"other id", Filter{IDs: []ID{{1}}}, false},
		{"no id", Filter{IDs: []ID{}}, false},
		{"author", Filter{Authors: []PubKey{pk}}, true},
		{"other author", Filter{Authors: []PubKey{{1}}}, false},
		{"no author", Filter{Authors: []PubKey{}}, false},
		{"kind", Filter{Kinds: []Kind{1, 7}}, true},
		{"other kind", Filter{Kinds: []Kind{1}}, false},
		{"no kind", Filter{Kinds: []Kind{}}, false},
		{"since is inclusive", Filter{Since: 100}, true},
		{"before since", Filter{Since: 101}, false},
		{"until is inclusive", Filter{Until: 100}, true},
		{"after until", Filter{Until: 99}, false},
		{"tag, any of the values", Filter{Tags: map[byte][]string{'t': {"x", "sky"}}}, true},
		{"a tag's second value does not count", Filter{Tags: map[byte][]string{'t': {"sand"}}}, false},
		{"no value", Filter{Tags: map[byte][]string{'t': {}}}, false},
		{"tag without a value", Filter{Tags: map[byte][]string{'e': {""}}}, false},
		{"empty value", Filter{Tags: map[byte][]string{'k': {""}}}, true},
		{"all tags must hold", Filter{Tags: map[byte][]string{'t': {"sea"}, 'x': {"y"}}}, false},
		{"all conditions must hold", Filter{Kinds: []Kind{7}, Authors: []PubKey{{1}}}, false},
		{"limit and search are no conditions", Filter{Limit: -1, Search: "nothing"}, true},
	}
	for _, c := range cases {
		if got := c.f.Match(e); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func FuzzParseFilter(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"ids":["` + hexA + `"],"limit":0}`, `{"#t":["a"],"#T":[],"since":1,"until":2}`,
		`{"kinds":[1,2],"search":"\u0000","authors":[]}`, `{"until":-1}`, `{"#t":["\ud800"]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := ParseFilter(raw)
		if err != nil {
			return
		}
		b, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseFilter(b)
		if err != nil {
			t.Fatalf("%s is refused: %v", b, err)
		}
		if d := cmp.Diff(got, again); d != "" {
			t.Fatal(d)
		}
	})
}
