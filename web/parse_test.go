package web

import (
	"crypto/sha256"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"mural/event"
)

func newHash(s string) Hash { return sha256.Sum256([]byte(s)) }

func TestImetaReadsWhatItWrites(t *testing.T) {
	m := Media{Hash: newHash("a"), Type: "video/mp4", Size: 9, Width: 4, Height: 3, DurationMS: 1500,
		BlurHash: "L", Waveform: []int{0, 100}, Poster: newHash("p"), Chunks: newHash("c")}
	got := parseImeta(imetaTag(m, "two\nlines", "http://localhost:4880"))
	want := imeta{Media: m, URL: "http://localhost:4880/" + m.Hash.String() + ".mp4", Alt: "two lines", Ext: ".mp4"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("imeta (-want +got):\n%s", diff)
	}
}

func TestForeignMedia(t *testing.T) {
	h := newHash("a").String()
	rows := []struct {
		name string
		e    event.Event
		want []string // type and extension
	}{
		{"hash only in the address", event.Event{Tags: event.Tags{{"imeta", "url https://cdn.example/x/" + h + ".webp"}}}, []string{"image/webp .webp"}},
		{"address without an extension", event.Event{Tags: event.Tags{{"imeta", "url https://cdn.example/" + h, "m image/png"}}}, []string{"image/png .png"}},
		{"no hash at all: not loaded", event.Event{Tags: event.Tags{{"imeta", "url https://tracker.example/pixel.gif", "m image/gif"}}}, nil},
		{"a bare address in the text", event.Event{Content: "look https://b.example/" + h + ".jpg there"}, []string{"image/jpeg .jpg"}},
		{"the same twice", event.Event{Content: "https://b.example/" + h + ".jpg", Tags: event.Tags{{"imeta", "url https://c.example/" + h + ".jpg"}}}, []string{"image/jpeg .jpg"}},
		{"a page named by hash", event.Event{Content: "https://b.example/" + h}, nil},
		{"a script type", event.Event{Tags: event.Tags{{"imeta", "x " + h, "m text/html\"><script>"}}}, []string{" "}},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			var got []string
			for _, m := range readMedia(&r.e) {
				got = append(got, m.Type+" "+m.Ext)
			}
			if diff := cmp.Diff(r.want, got); diff != "" {
				t.Errorf("media (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCleanText(t *testing.T) {
	h := newHash("a")
	shown := []imeta{{Media: Media{Hash: h}, URL: "http://localhost:4880/" + h.String() + ".jpg"}}
	id := event.ID{1}
	ref := event.EncodeNEvent(event.NEvent{ID: id})
	rows := []struct{ name, in, want string }{
		{"plain", "Hello  world ", "Hello  world"},
		{"media address", "See\n" + shown[0].URL, "See"},
		{"the same blob elsewhere", "See https://cdn.example/" + h.String() + ".png now", "See  now"},
		{"another address stays", "See https://example.com/a.jpg", "See https://example.com/a.jpg"},
		{"trailing reference", "Mine\n\nnostr:" + ref + "\n", "Mine"},
		{"reference in the middle stays", "nostr:" + ref + " is good", "nostr:" + ref + " is good"},
		{"another reference stays", "x nostr:" + event.EncodeNote(event.ID{2}), "x nostr:" + event.EncodeNote(event.ID{2})},
		{"controls and direction marks", "a\x00b\x1b[31m\u202ec\r\n", "ab[31mc"},
		{"many empty lines", "a\n\n\n\n\nb", "a\n\nb"},
		{"only media", shown[0].URL, ""},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			if got := cleanText(r.in, shown, id); got != r.want {
				t.Errorf("got %q, want %q", got, r.want)
			}
		})
	}
}

func TestHashtagsAndMentions(t *testing.T) {
	if diff := cmp.Diff([]string{"blue", "ελλάδα", "a_b-c"}, hashtagsIn("#Blue, #blue #Ελλάδα! x#no #1 # #a_b-c.")); diff != "" {
		t.Errorf("hashtags (-want +got):\n%s", diff)
	}
	a, b := event.EncodeNPub(ana.pk), event.EncodeNProfile(event.NProfile{PubKey: ben.pk})
	if diff := cmp.Diff([]event.PubKey{ana.pk, ben.pk}, mentioned("(nostr:"+a+"), nostr:"+b+"! nostr:"+a+" nostr:npub1bad "+a)); diff != "" {
		t.Errorf("mentions (-want +got):\n%s", diff)
	}
}

func TestRepliesAreTold(t *testing.T) {
	a, b := strings.Repeat("aa", 32), strings.Repeat("bb", 32)
	rows := []struct {
		name         string
		kind         event.Kind
		tags         event.Tags
		parent, root string
	}{
		{"no tags", 1, nil, "", ""},
		{"marked root", 1, event.Tags{{"e", a, "", "root"}}, a, a},
		{"marked root and reply", 1, event.Tags{{"e", a, "", "root"}, {"e", b, "", "reply"}}, b, a},
		{"only a mention", 1, event.Tags{{"e", a, "", "mention"}}, "", ""},
		{"positional", 1, event.Tags{{"e", a}, {"e", b}}, b, a},
		{"a quote that also has an e tag", 1, event.Tags{{"e", a}, {"q", a}}, "", ""},
		{"a comment", 1111, event.Tags{{"E", a}, {"e", b}}, b, ""},
		{"a picture with an e tag is no reply", 20, event.Tags{{"e", a}}, "", ""},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			e := &event.Event{Kind: r.kind, Tags: r.tags}
			if got := replyTo(e); got != r.parent {
				t.Errorf("parent %q, want %q", got, r.parent)
			}
			if root, ok := noteRoot(e); r.kind == 1 && ok != (r.root != "") || ok && r.kind == 1 && root.String() != r.root {
				t.Errorf("root %s %v, want %q", root, ok, r.root)
			}
		})
	}
}

func TestShortClipsAre22(t *testing.T) {
	rows := []struct {
		m    Media
		want event.Kind
	}{
		{Media{Width: 1920, Height: 1080, DurationMS: shortClipMS}, 22},
		{Media{Width: 1920, Height: 1080, DurationMS: shortClipMS + 1}, 21},
		{Media{Width: 1080, Height: 1920, DurationMS: 999_000}, 22},
		{Media{Width: 1920, Height: 1080}, 21}, // length unknown
	}
	for _, r := range rows {
		r.m.Type = "video/mp4"
		if got := (draft{Media: []draftMedia{{r.m, ""}}}).kind(); got != r.want {
			t.Errorf("%dx%d, %d ms: got kind %d, want %d", r.m.Width, r.m.Height, r.m.DurationMS, got, r.want)
		}
	}
}

func TestVoiceUnderAPictureIs1244(t *testing.T) {
	voice := []draftMedia{{Media{Hash: newHash("v"), Type: "audio/ogg"}, ""}}
	e := draft{Media: voice, Parent: &event.Event{Kind: event.KindPicture, ID: event.ID{1}}}.compose("http://x")
	if e.Kind != event.KindVoiceComment || e.Content != "http://x/"+newHash("v").String()+".ogg" || e.Tags.First("E") == nil {
		t.Errorf("kind %d, content %q, tags %v", e.Kind, e.Content, e.Tags)
	}
	e = draft{Media: voice, Parent: &event.Event{Kind: event.KindNote}}.compose("http://x")
	if e.Kind != event.KindNote {
		t.Errorf("under a note: got kind %d, want 1 (NIP-22)", e.Kind)
	}
}

func FuzzCursor(f *testing.F) {
	f.Add("")
	f.Add(cursor{CreatedAt: 1, ID: event.ID{1}}.String())
	f.Add(strings.Repeat("A", 54))
	f.Add("%%%")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := parseCursor(s)
		if err == nil && c.String() != s {
			t.Errorf("%q reads as %v and writes as %q", s, c, c.String())
		}
	})
}

// FuzzPost: whatever an event holds, its shape is bounded valid text, and a
// word that was cleaned away does not come back.
func FuzzPost(f *testing.F) {
	h := newHash("a").String()
	f.Add("look https://b.example/"+h+".jpg\nnostr:"+event.EncodeNote(event.ID{1}), "url https://x/"+h+".mp4", "dim 1x2", "waveform 1 2 3")
	f.Add("#tag \u202e\x00", "m video/mp4", "duration 1e309", "size -1")
	f.Add("nostr:npub1", "image blossom:"+h+".jpg?xs=a", "x "+h, "alt \xff")
	f.Fuzz(func(t *testing.T, content, a, b, c string) {
		e := &event.Event{Kind: 1, Content: content, Tags: event.Tags{{"imeta", a, b, c}, {"title", a}, {"t", b}, {"content-warning", c}, {"e", a}}}
		shown := readMedia(e)
		for _, m := range shown {
			if m.Hash.IsZero() || m.Size < 0 || m.Width < 0 || m.Width > maxSide || m.DurationMS < 0 || m.DurationMS > maxDurationMS || len(m.Waveform) > maxWaveform || mimeType(m.Type) != m.Type {
				t.Errorf("media out of bounds: %+v", m)
			}
		}
		text := cleanText(content, shown, event.ID{1})
		if utf8.ValidString(content) && !utf8.ValidString(text) || len(text) > len(content)+len(content)*2 {
			t.Errorf("text %q became %q", content, text)
		}
		if again := cleanText(text, shown, event.ID{}); again != text {
			t.Errorf("cleaning twice: %q, then %q", text, again)
		}
		mentioned(content)
		hashtagsIn(content)
		replyTo(e)
		titleOf(e)
		warningOf(e)
		hashtagsOf(e)
	})
}

func FuzzProfile(f *testing.F) {
	f.Add(`{"name":"Ana","picture":"https://x/` + newHash("a").String() + `.png"}`)
	f.Add(`{"name":{"deep":[[[]]]},"about":1}`)
	f.Add(`[`)
	f.Fuzz(func(t *testing.T, content string) {
		p := readProfile(&event.Event{Content: content})
		if len(p.Name) > maxNameBytes || len(p.About) > maxAboutBytes || strings.ContainsAny(p.Name, "\n\r\x00") {
			t.Errorf("profile out of bounds: %+v", p)
		}
	})
}

func TestTypesAndExtensionsAgree(t *testing.T) {
	for _, e := range extensions {
		if back := typeOfExt(extOfType(e.kind)); back != e.kind && e.kind != "audio/webm" {
			t.Errorf("%s is written %s and read as %s", e.kind, extOfType(e.kind), back)
		}
	}
	voice := parseImeta(imetaTag(Media{Hash: newHash("v"), Type: "audio/webm"}, "", "http://x"))
	if voice.Type != "audio/webm" || voice.Ext != ".webm" {
		t.Errorf("a recorded voice reads as %s %s", voice.Type, voice.Ext)
	}
}
