package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"mural/event"
)

// shelf saves events made from words, one second apart, and remembers them by what they say.
type shelf struct {
	*testing.T
	*Store
	at int64
}

func newShelf(t *testing.T) *shelf { return &shelf{t, openTest(t, Options{}), 1_700_000_000} }

func (s *shelf) holds(k event.Kind, content string, tags ...event.Tag) *event.Event {
	s.Helper()
	e := &event.Event{PubKey: event.PubKey{byte(k)}, Kind: k, CreatedAt: s.at, Content: content, Tags: tags}
	s.at++
	e.ID = e.ComputeID()
	out, err := s.Save(context.Background(), []Entry{{Event: e}})
	if err != nil || out[0] != Stored {
		s.Fatal(out, err)
	}
	return e
}

// finds checks what a filter finds, newest first, and that everything else agrees.
func (s *shelf) finds(f event.Filter, want ...*event.Event) {
	s.Helper()
	ctx := context.Background()
	newest, err := s.QueryNewest(ctx, f)
	if err != nil {
		s.Fatal(err)
	}
	if got := contents(newest); !slices.Equal(got, contents(want)) {
		s.Errorf("search %q, newest: got %q, want %q", f.Search, got, contents(want))
	}
	best, err := s.Query(ctx, f)
	if err != nil {
		s.Fatal(err)
	}
	if slices.SortFunc(best, compare); !slices.Equal(contents(best), contents(want)) {
		s.Errorf("search %q, best: got %q, want %q", f.Search, contents(best), contents(want))
	}
	if n, err := s.Count(ctx, f); n != len(want) || err != nil {
		s.Errorf("search %q: counted %d (%v), want %d", f.Search, n, err, len(want))
	}
}

func contents(events []*event.Event) []string {
	out := make([]string, len(events))
	for i, e := range events {
		out[i] = e.Content
	}
	return out
}

// search checks who is found by each of some searches.
func (s *shelf) search(want *event.Event, searches ...string) {
	s.Helper()
	for _, search := range searches {
		if want == nil {
			s.finds(event.Filter{Search: search})
			continue
		}
		s.finds(event.Filter{Search: search}, want)
	}
}

func TestWordsAreFoundInTheWayTheyAreWritten(t *testing.T) {
	for _, test := range []struct {
		language, content string
		hits, misses      []string
	}{
		{"English", "The Painter's wall, don't touch! No. 42",
			[]string{"WALL", "painter", "pai", "wall painter", `"the painter's wall"`, "don't touch", "42", "touch -river", "wall!", "(wall)", "wall*"},
			[]string{"walls", "ainter", `"wall painter"`, "wall -touch", "wall -\"don't touch\"", "pa", "all"}},
		{"French", "L’Été à l'eau: œuvre déçue, façade", []string{"ete", "ÉTÉ", "eau", "oeuvre", "decue", "facade", "l'eau", "e\u0301te\u0301"}, []string{"leau"}},
		{"German", "Die große Brücke über die Straße", []string{"GROSSE", "brucke", "Brücke", "strasse", "straß"}, []string{"gros str"}},
		{"Polish and Turkish", "Łódź, İstanbul, ılık", []string{"lodz", "istanbul", "ilik", "ISTANBUL"}, []string{"odz"}},
		{"Greek", "Ο δρόμος προς τη θάλασσα", []string{"δρομος", "ΘΑΛΑΣΣΑ", "θάλασσα", "δρομοσ"}, []string{"θαλασσες"}},
		{"Ukrainian", "Її п’ять кольорів і за́мок біля річки, ґанок", []string{"п'ять", "пʼять", "п’ять", "пять", "її", "замок", "РІЧКИ", "коль", "ґанок"}, []string{"іі", "ганок", "рички"}},
		{"Russian", "Ещё ёлка у реки", []string{"еще", "елка", "ёлка", "РЕКИ"}, []string{"рекй"}},
		{"Chinese", "河边的一面墙，画在黎明", []string{"墙", "河", "河边", "黎明", "一面墙", "画在黎明", "河边 黎明", `"一面墙"`}, []string{"边河", "墙画", "河的", "河边一面", "黎墙"}},
		{"Japanese", "東京タワーで写真を撮る ﾀﾜｰ", []string{"東京", "タワー", "写真", "撮", "京タ", "ﾀﾜｰ"}, []string{"京東", "写東"}},
		{"Korean", "강가의 벽화를 그렸다", []string{"벽화", "강가", "벽화를", "그", "강가의"}, []string{"화벽", "벽그"}},
		{"Thai", "กำแพงริมแม่น้ำ", []string{"กำแพง", "แม่น้ำ", "น้ำ", "ริม"}, []string{"ริมกำแพง"}},
		{"Lao and Khmer", "ກຳແພງແຄມນ້ຳ ជញ្ជាំងមាត់ទន្លេ", []string{"ກຳແພງ", "ນ້ຳ", "ទន្លេ", "មាត់"}, []string{"ນ້ຳແພງ"}},
		{"Arabic", "الجِدَارُ إلى جانب النهر، مدينـــة أحمد على الشاطئ ٤٢", []string{"الجدار", "الى", "إلى", "النهر", "مدينة", "مدينه", "احمد", "أحمد", "علي", "42", "النه"}, []string{"جدران"}},
		{"Persian", "کتاب\u200cهای علی ۱۲", []string{"كتابهاي", "کتاب\u200cهای", "علي", "12", "کتاب"}, []string{"کتبا"}},
		{"Hebrew", "שָׁלוֹם לנהר", []string{"שלום", "לנהר"}, []string{"שלומ"}},
		{"Hindi", "नदी के किनारे दीवार हिन्दी", []string{"नदी", "किनारे", "दीवार", "हिन्दी", "दीवा"}, []string{"नद", "नदि", "दवर"}},
		{"wide letters, emoji", "Ｍｕｒａｌ ①２ 🔥👍🏽 #street_art", []string{"mural", "🔥", "👍", "street art", "#street_art", "12"}, []string{"💧", "streetart"}},
		{"mixed", "我用Go语言写的 v2", []string{"go", "Go语言", "语言", "v2", "用go"}, []string{"语go"}},
	} {
		t.Run(test.language, func(t *testing.T) {
			s := newShelf(t)
			s.holds(1, "something else entirely, 别的, інше, آخر")
			e := s.holds(1, test.content)
			s.search(e, test.hits...)
			s.search(nil, test.misses...)
		})
	}
}

func TestSearchLooksAtTitlesTextsAndDescriptions(t *testing.T) {
	s := newShelf(t)
	imeta := event.Tag{"imeta", "url https://localhost/turquoise.jpg", "alt three boats", "m image/jpeg"}
	s.search(s.holds(30023, "an article", event.Tag{"d", "a"}, event.Tag{"title", "Walking"}, event.Tag{"summary", "slowly"}), "walking", "slowly", "article")
	s.search(s.holds(20, "dusk", event.Tag{"title", "Harbour"}, imeta), "boats", "harbour", "dusk", "harbour boats")
	for _, k := range []event.Kind{21, 22, 34235, 34236} {
		content := fmt.Sprint("film", k)
		s.search(s.holds(k, content, event.Tag{"title", fmt.Sprint("reel", k)}, event.Tag{"imeta", fmt.Sprint("alt shot", k)}), content, fmt.Sprint("reel", k), fmt.Sprint("shot", k))
	}
	s.search(s.holds(1111, "commented"), "commented")
	s.search(s.holds(0, `{"name":"Ana","display_name":"Anuka","about":"draws","picture":"https://x/verde.png"}`), "ana", "anuka", "draws")
	s.search(s.holds(1222, "https://localhost/voice.webm", event.Tag{"imeta", "alt humming"}), "humming")
	s.holds(7, "reacted")
	s.holds(4, "secret")
	s.holds(0, `{"name":7`)
	s.search(nil, "reacted", "secret", "turquoise", "verde", "jpeg", "localhost", "webm", "name", "walking boats")
}

func TestSearchesAreCombinedWithOtherConditions(t *testing.T) {
	s := newShelf(t)
	var all []*event.Event
	for i := range 40 {
		k := event.Kind([]int{1, 1111, 20}[i%3])
		all = append(all, s.holds(k, fmt.Sprint("wall number ", i), event.Tag{"t", fmt.Sprint("t", i%4)}, event.Tag{"title", "wall"}))
	}
	s.holds(1, "nothing of the kind", event.Tag{"t", "t1"})
	slices.Reverse(all)
	authors := []event.PubKey{{1}, {20}, {99}}
	for len(authors) < 700 {
		authors = append(authors, event.PubKey{2, byte(len(authors)), byte(len(authors) >> 8)})
	}
	for _, f := range []event.Filter{
		{}, {Kinds: []event.Kind{1}}, {Kinds: []event.Kind{1, 1111, 7}}, {Authors: authors[:1]}, {Authors: authors}, {Authors: authors[:2], Kinds: []event.Kind{20}},
		{Tags: map[byte][]string{'t': {"t1"}}}, {Tags: map[byte][]string{'t': {"t1", "t2"}}, Authors: authors[:2], Kinds: []event.Kind{1, 20}},
		{Since: 1_700_000_010}, {Until: 1_700_000_020}, {Since: 1_700_000_010, Until: 1_700_000_020, Kinds: []event.Kind{1}},
		{IDs: []event.ID{all[3].ID, all[9].ID, {7}}}, {Kinds: []event.Kind{9999}}, {Authors: []event.PubKey{}},
	} {
		var want []*event.Event
		for _, e := range all {
			if f.Match(e) {
				want = append(want, e)
			}
		}
		f.Search = "wall"
		s.finds(f, want...)
		f.Limit = 3
		got, err := s.QueryNewest(context.Background(), f)
		if err != nil || !slices.Equal(contents(got), contents(want[:min(3, len(want))])) {
			t.Errorf("%+v: got %q (%v)", f, contents(got), err)
		}
		f.Search = "nowhere"
		s.finds(f)
	}
}

func TestTheBestComeFirst(t *testing.T) {
	s := newShelf(t)
	title := s.holds(20, "painted", event.Tag{"title", "River"})
	often := s.holds(1, "river, river, river")
	long := s.holds(1, "once upon a river "+strings.Repeat("and so on ", 50))
	first := s.holds(1, "a river here")
	second := s.holds(1, "a river there")
	prefix := s.holds(1, "all riverside")
	got, err := s.Query(context.Background(), event.Filter{Search: "river"})
	if want := []*event.Event{title, often, second, first, prefix, long}; err != nil || !slices.Equal(contents(got), contents(want)) {
		t.Errorf("got %q (%v), want %q", contents(got), err, contents(want))
	}
	got, err = s.Query(context.Background(), event.Filter{Search: "river", Limit: 2}, event.Filter{Kinds: []event.Kind{20}}, event.Filter{Search: "painted"})
	if err != nil || !slices.Equal(contents(got), contents([]*event.Event{title, often})) {
		t.Errorf("several filters: got %q (%v)", contents(got), err)
	}
	got, err = s.QueryNewest(context.Background(), event.Filter{Search: "river", Limit: 2}, event.Filter{Kinds: []event.Kind{20}})
	if err != nil || !slices.Equal(contents(got), contents([]*event.Event{prefix, second, title})) {
		t.Errorf("newest of several filters: got %q (%v)", contents(got), err)
	}
}

func TestWhatIsNoWordInASearch(t *testing.T) {
	s := newShelf(t)
	a, b := s.holds(1, "note:this is language:en"), s.holds(1, "http stuff")
	for _, search := range []string{"", " ", "include:spam", "language:en sentiment:positive", "\t\n", "title:(", "\xff"} {
		s.finds(event.Filter{Search: search}, b, a)
	}
	s.search(a, "this language:fr", `"note:this"`, "Note:this", `"language:en"`, "THIS is")
	s.search(nil, "!!!", "-this", "-", "--", `"`, `""`, "*", "https://example.com/x", "AND", "NEAR(", "this AND", "\x00", strings.Repeat("x", 60))
}

func TestWhatIsRemovedIsNotFound(t *testing.T) {
	s := newShelf(t)
	ctx := context.Background()
	me := key(0)
	save := func(e event.Event) *event.Event {
		e.CreatedAt = s.at
		s.at++
		out := signed(t, me, e)
		if _, err := s.Save(ctx, []Entry{{Event: out}}); err != nil {
			t.Fatal(err)
		}
		return out
	}
	note := save(event.Event{Kind: 1, Content: "a mistake"})
	s.search(note, "mistake")
	save(event.Event{Kind: 0, Content: `{"name":"Ana"}`})
	profile := save(event.Event{Kind: 0, Content: `{"name":"Ani"}`})
	s.search(nil, "ana")
	s.search(profile, "ani")
	first := save(event.Event{Kind: 30023, Content: "first draft", Tags: event.Tags{{"d", "x"}}})
	s.search(first, "draft")
	second := save(event.Event{Kind: 30023, Content: "second draft", Tags: event.Tags{{"d", "x"}}})
	s.search(second, "draft")
	s.search(nil, "first")
	save(event.Event{Kind: 5, Tags: event.Tags{{"e", note.ID.String()}, {"e", second.ID.String()}}})
	s.search(nil, "mistake", "second")
	s.search(first, "draft", "first") // the older version is visible again
	save(event.Event{Kind: 62, Tags: event.Tags{{"relay", "ALL_RELAYS"}}})
	s.search(nil, "draft", "ani")
	if n := s.rows("SELECT count(*) FROM search"); n != 0 {
		t.Errorf("%d rows are left in the index", n)
	}
}

func (s *shelf) rows(sql string) (n int64) {
	s.Helper()
	if err := s.read(context.Background(), func(c *conn) (err error) { n, err = c.number(sql); return err }); err != nil {
		s.Fatal(err)
	}
	return n
}

// Events of one slot share a row of the index; none may answer for another.
func TestEventsThatShareARowAreToldApart(t *testing.T) {
	s := newShelf(t)
	ctx := context.Background()
	made := func(last byte, k event.Kind, content string) *event.Event {
		e := &event.Event{ID: event.ID{1, 2, 3, 31: last}, PubKey: event.PubKey{last}, Kind: k, CreatedAt: 7, Content: content, Tags: event.Tags{}}
		if _, err := s.Save(ctx, []Entry{{Event: e}}); err != nil {
			t.Fatal(err)
		}
		return e
	}
	red := made(1, 1, "red wall")
	s.search(red, "red", "wall")
	blue, _ := made(2, 1, "blue sky"), made(3, 7, "wall")
	s.search(red, "red", "wall")
	s.search(blue, "blue", "sky")
	s.search(nil, "blue wall", "red sky")
	if n := s.rows("SELECT count(*) FROM search"); n != 1 {
		t.Errorf("got %d rows, want one", n)
	}
	if err := s.writer.do(ctx, 0, func(x *tx) error {
		n, err := x.find(red.ID)
		if err != nil {
			return err
		}
		return x.remove(record{n, red})
	}); err != nil {
		t.Fatal(err)
	}
	s.search(nil, "red", "wall")
	s.search(blue, "blue", "sky")
}

func FuzzSearch(f *testing.F) {
	for _, s := range []string{"", "wall", `"a phrase" -not`, "中国人", "NEAR(a b)", "title:x", `a" OR "b`, "*", "^a", "{title} : x", "-\"", "\x00\xff", "a AND NOT b", "L'été", "قَلَم", "हिन्दी", "🔥", "“x”"} {
		f.Add(s)
	}
	s, err := Open(f.TempDir()+"/events.db", Options{Readers: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	ctx := context.Background()
	f.Fuzz(func(t *testing.T, search string) {
		e := &event.Event{Kind: 1, CreatedAt: 5, Content: search}
		e.ID = e.ComputeID()
		if _, err := s.Save(ctx, []Entry{{Event: e}}); err != nil {
			t.Fatal(err)
		}
		filter := event.Filter{Search: search, Limit: 5}
		best, err := s.Query(ctx, filter)
		if err != nil {
			t.Fatalf("%q: %v", search, err)
		}
		newest, err := s.QueryNewest(ctx, filter)
		if err != nil {
			t.Fatalf("%q: %v", search, err)
		}
		for _, got := range append(best, newest...) {
			if want := parseSearch(search); want != nil && !want.matches(documentOf(got)) {
				t.Errorf("search %q gives %q", search, got.Content)
			}
		}
		// An event is found by its own words as a phrase.
		own := strings.Map(func(r rune) rune {
			if r == '"' || r == '“' || r == '”' || r == '„' || r == '«' || r == '»' || r == '「' || r == '」' {
				return ' '
			}
			return r
		}, withoutLinks(search))
		want := parseSearch(`"` + own + `"`)
		if len(own) < maxSearch-2 && want != nil && len(want.all) > 0 {
			if got, err := s.Query(ctx, event.Filter{Search: `"` + own + `"`, IDs: []event.ID{e.ID}}); err != nil || len(got) != 1 {
				t.Errorf("%q does not find itself: %d, %v", own, len(got), err)
			}
		}
	})
}
