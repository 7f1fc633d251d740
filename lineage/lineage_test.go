package lineage

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"mural/event"
)

func id(b byte) (out event.ID) { out[0], out[31] = b, b; return out }

func key(b byte) (out event.PubKey) { out[0], out[31] = 0xAA, b; return out }

func TestEdgesReadsWhatTagsWrites(t *testing.T) {
	want := []Edge{
		{From: id(9), To: id(1), Operation: Clip, Blob: id(7), InMS: 1200, OutMS: 5200, Role: "foreground", Share: 2500, Author: key(1)},
		{From: id(9), To: id(1), Operation: VoiceOver, Author: key(1)},
		{From: id(9), To: id(2), Operation: Annotate},
	}
	e := &event.Event{ID: id(9), Kind: 22, Tags: Tags(want...)}
	if diff := cmp.Diff(want, Edges(e)); diff != "" {
		t.Fatalf("edges after a round trip (-want +got):\n%s", diff)
	}
	if n := len(e.Tags.All("q")); n != 2 {
		t.Errorf("got %d q tags, want one per source: 2", n)
	}
}

func TestTagsAreAsThePageSays(t *testing.T) {
	got := Tags(
		Edge{To: id(1), Operation: Quote, Author: key(1)},
		Edge{To: id(2), Operation: Cut, Blob: id(3), InMS: 0, OutMS: 900, Share: 100},
	)
	want := event.Tags{
		{"q", id(1).String(), "", key(1).String()},
		{"q", id(2).String(), ""},
		{"derive", id(1).String(), "quote"},
		{"derive", id(2).String(), "cut", id(3).String(), "0", "900", "", "100"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("tags (-want +got):\n%s", diff)
	}
}

func TestEdgesOfForeignAndBadTags(t *testing.T) {
	a, b := id(1).String(), id(2).String()
	derive := func(values ...string) event.Tag { return append(event.Tag{"derive"}, values...) }
	quote := Edge{From: id(9), To: id(1), Operation: Quote, Author: key(5)}
	rows := []struct {
		name string
		kind event.Kind
		tags event.Tags
		want []Edge
	}{
		{"a plain quote of another client", 1, event.Tags{{"q", a, "wss://r", key(5).String()}}, []Edge{quote}},
		{"q names an address", 1, event.Tags{{"q", "30023:" + key(5).String() + ":x"}}, nil},
		{"q with a wrong author keeps the edge", 1, event.Tags{{"q", a, "", "zz"}}, []Edge{{From: id(9), To: id(1), Operation: Quote}}},
		{"a bare repost", 6, event.Tags{{"e", a}, {"q", a}}, nil},
		{"a generic repost", 16, event.Tags{{"q", a}}, nil},
		{"unknown operation falls back to q", 1, event.Tags{{"q", a, "", key(5).String()}, derive(a, "remake")}, []Edge{quote}},
		{"upper-case id", 1, event.Tags{derive(strings.ToUpper(id(0xAB).String()), "quote")}, nil},
		{"too short", 1, event.Tags{{"derive"}, {}, derive(a)}, nil},
		{"range backwards", 1, event.Tags{derive(a, "cut", "", "10", "9")}, nil},
		{"negative time", 1, event.Tags{derive(a, "cut", "", "-1")}, nil},
		{"huge time", 1, event.Tags{derive(a, "cut", "", "99999999999999999999")}, nil},
		{"share over the whole", 1, event.Tags{derive(a, "cut", "", "", "", "", "10001")}, nil},
		{"wrong blob", 1, event.Tags{derive(a, "cut", "nothex")}, nil},
		{"long role", 1, event.Tags{derive(a, "cut", "", "", "", strings.Repeat("r", MaxRoleBytes+1))}, nil},
		{"itself", 1, event.Tags{derive(id(9).String(), "cut")}, nil},
		{"the zero id", 1, event.Tags{derive(event.ID{}.String(), "cut")}, nil},
		{"one good among bad", 1, event.Tags{derive("x", "cut"), derive(b, "cut"), derive(b, "cut")}, []Edge{{From: id(9), To: id(2), Operation: Cut}}},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			got := Edges(&event.Event{ID: id(9), Kind: r.kind, Tags: r.tags})
			if diff := cmp.Diff(r.want, got); diff != "" {
				t.Errorf("edges (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEdgesAreBounded(t *testing.T) {
	e := &event.Event{ID: id(9), Kind: 1}
	for i := 0; i < 2*MaxSources; i++ {
		e.Tags = append(e.Tags, event.Tag{"derive", event.ID{1: byte(i), 31: 1}.String(), "quote"})
	}
	if got := len(Edges(e)); got != MaxSources {
		t.Fatalf("got %d edges, want the bound %d", got, MaxSources)
	}
}

// layer makes an event that quotes the sources.
func layer(n byte, at int64, sources ...byte) *event.Event {
	e := &event.Event{ID: id(n), Kind: 1, CreatedAt: at}
	for _, s := range sources {
		e.Tags = append(e.Tags, event.Tag{"q", id(s).String()})
	}
	return e
}

func nodes(g Graph) (out []string) {
	for _, n := range g.Nodes {
		s := n.ID.String()[:2]
		if n.Event == nil {
			s += " missing"
		}
		out = append(out, s)
	}
	return out
}

func TestBuildJoinsSourcesAndLayers(t *testing.T) {
	// 1 <- 2 <- 3, 1 <- 4, and 4 also quotes 5, which is not here. 8 <- 9 is a stranger to them.
	events := []*event.Event{layer(4, 30, 1, 5), layer(3, 20, 2), layer(1, 1), layer(2, 10, 1), layer(9, 5, 8), nil}
	g := Build(id(2), events)
	if diff := cmp.Diff([]string{"02", "01", "03", "04", "05 missing"}, nodes(g)); diff != "" {
		t.Fatalf("nodes (-want +got):\n%s", diff)
	}
	if len(g.Edges) != 4 || len(g.Sources(id(4))) != 2 || len(g.Layers(id(1))) != 2 {
		t.Errorf("edges: %v", g.Edges)
	}
	if diff := cmp.Diff([]event.ID{id(5)}, g.Gaps()); diff != "" {
		t.Errorf("gaps (-want +got):\n%s", diff)
	}
}

func TestBuildOfAPostThatIsNotHere(t *testing.T) {
	g := Build(id(1), []*event.Event{layer(2, 1, 1)})
	if diff := cmp.Diff([]string{"01 missing", "02"}, nodes(g)); diff != "" {
		t.Fatalf("nodes (-want +got):\n%s", diff)
	}
}

func TestBuildEndsOnACycle(t *testing.T) {
	g := Build(id(1), []*event.Event{layer(1, 1, 2), layer(2, 1, 3), layer(3, 1, 1)})
	if len(g.Nodes) != 3 || len(g.Edges) != 3 {
		t.Fatalf("a ring of three gave %d nodes and %d edges", len(g.Nodes), len(g.Edges))
	}
}

func TestBuildIsBounded(t *testing.T) {
	events := []*event.Event{layer(1, 0)}
	for i := 0; i < 2*MaxNodes; i++ {
		e := layer(2, int64(i+1), 1)
		e.ID[2], e.ID[3] = byte(i), byte(i>>8)
		events = append(events, e)
	}
	g := Build(id(1), events)
	if len(g.Nodes) != MaxNodes || !g.Truncated {
		t.Fatalf("got %d nodes, truncated %v; want %d, true", len(g.Nodes), g.Truncated, MaxNodes)
	}
}

func TestBuildDoesNotDependOnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var events []*event.Event
		for n := byte(1); n <= 12; n++ {
			sources := rapid.SliceOfN(rapid.ByteRange(1, 14), 0, 3).Draw(t, "sources")
			events = append(events, layer(n, int64(rapid.IntRange(0, 3).Draw(t, "at")), sources...))
		}
		root := id(rapid.ByteRange(1, 14).Draw(t, "root"))
		want := Build(root, events)
		got := Build(root, rapid.Permutation(events).Draw(t, "order"))
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(event.Event{})); diff != "" {
			t.Fatalf("another order, another graph:\n%s", diff)
		}
		endsAreNodes(t, got)
	})
}

func endsAreNodes(t *rapid.T, g Graph) {
	there := make(map[event.ID]bool)
	for _, n := range g.Nodes {
		there[n.ID] = true
	}
	for _, e := range g.Edges {
		if !there[e.From] || !there[e.To] {
			t.Fatalf("edge %v -> %v has an end that is no node", e.From, e.To)
		}
	}
}

// FuzzEdges: whatever a tag holds, reading it neither panics nor yields an
// edge that would be written differently and read back as another.
func FuzzEdges(f *testing.F) {
	a := id(1).String()
	f.Add("derive", a, "clip", id(2).String(), "0", "100", "background", "2500")
	f.Add("derive", a, "quote", "", "", "", "", "")
	f.Add("q", a, "wss://relay", key(1).String(), "", "", "", "")
	f.Add("derive", strings.Repeat("f", 63), "cut", "x", "-1", "1e9", "\x00", "99999999999999999999")
	f.Fuzz(func(t *testing.T, name, v1, v2, v3, v4, v5, v6, v7 string) {
		e := &event.Event{ID: id(9), Kind: 1, Tags: event.Tags{{name, v1, v2, v3, v4, v5, v6, v7}, {"q", v1, v2, v3}}}
		edges := Edges(e)
		again := Edges(&event.Event{ID: id(9), Kind: 1, Tags: Tags(edges...)})
		if diff := cmp.Diff(edges, again); diff != "" {
			t.Fatalf("reading, writing and reading gave something else:\n%s", diff)
		}
		Build(id(9), []*event.Event{e})
	})
}
