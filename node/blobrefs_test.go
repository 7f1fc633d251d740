package node

import (
	"strings"
	"testing"

	"mural/blob"
	"mural/event"
)

var (
	hashA = strings.Repeat("ab", 32)
	hashB = strings.Repeat("0c", 32)
)

func TestBlobRefsReadsWhatAnEventShows(t *testing.T) {
	a, _ := blob.ParseHash(hashA)
	b, _ := blob.ParseHash(hashB)
	e := &event.Event{Kind: event.KindVideo, Tags: event.Tags{
		{"x", hashA},
		{"imeta", "x " + hashA, "size 1234", "chunks " + hashB, "image http://h/" + hashB + ".jpg"},
		{"imeta", "x nonsense", "size -7"}, {"imeta"}, {"x"}, {"x", "zz"}, {},
	}}
	got := blobRefs(e)
	if len(got) != 2 || got[0] != (blobRef{Hash: a, Size: 1234, Chunks: b}) || got[1] != (blobRef{Hash: b, Small: true}) {
		t.Errorf("read %+v, want the clip with its size and list, and the poster", got)
	}
	if got := blobRefs(&event.Event{Kind: 0, Content: `{"picture":"https://h/` + hashA + `.png?w=3"}`}); len(got) != 1 || got[0] != (blobRef{Hash: a, Small: true}) {
		t.Errorf("a profile shows %+v, want its picture", got)
	}
	negative := blobRefs(&event.Event{Kind: 1, Tags: event.Tags{{"imeta", "x " + hashA, "size -7"}}})
	if len(negative) != 1 || negative[0].Size != 0 {
		t.Errorf("a negative size is read as %+v", negative)
	}
	var many event.Tags
	for i := range 2 * maxRefs {
		many = append(many, event.Tag{"x", strings.Repeat("0", 60) + string([]byte{'a' + byte(i>>8)%6, 'a' + byte(i>>6)%6, "0123456789abcdef"[i>>2&15], "0123456789abcdef"[i*4&15]})})
	}
	if got := blobRefs(&event.Event{Kind: 1, Tags: many}); len(got) > maxRefs {
		t.Errorf("%d blobs of one event are looked after", len(got))
	}
}

func TestHashInURL(t *testing.T) {
	rows := map[string]string{
		"http://h/" + hashA:                  hashA,
		"http://h/" + hashA + ".mp4":         hashA,
		"http://h/u/" + hashA + ".mp4?a=b":   hashA,
		"blossom:" + hashA + ".pdf":          hashA,
		hashA:                                hashA,
		"http://h/" + hashA[:63]:             "",
		"http://h/" + hashA + "/x":           "",
		"http://h/" + strings.ToUpper(hashA): "",
		"":                                   "",
		"/":                                  "",
		"?":                                  "",
	}
	for link, want := range rows {
		got := hashInURL(link)
		if want == "" && !got.IsZero() || want != "" && got.String() != want {
			t.Errorf("%q names %s, want %q", link, got, want)
		}
	}
}

func FuzzHashInURL(f *testing.F) {
	f.Add("http://h/" + hashA + ".mp4?x")
	f.Add("blossom:" + hashA)
	f.Add("////??")
	f.Fuzz(func(t *testing.T, link string) {
		if h := hashInURL(link); !h.IsZero() && !strings.Contains(link, h.String()) {
			t.Errorf("%q names %s, which is not in it", link, h)
		}
	})
}

// Whatever blobRefs fetches, the sweep sees named, so that nothing is fetched
// today and thrown away tomorrow.
func FuzzBlobRefs(f *testing.F) {
	f.Add("imeta", "x "+hashA, "size 12", "image http://h/"+hashB)
	f.Add("x", hashA, "", "")
	f.Add("imeta", "chunks "+hashA, "size 99999999999999999999", "thumb blossom:"+hashB)
	f.Fuzz(func(t *testing.T, name, one, two, three string) {
		e := &event.Event{Kind: event.KindNote, Tags: event.Tags{{name, one, two, three}}}
		if one == "profile" {
			e = &event.Event{Kind: event.KindProfile, Content: two}
		}
		named := map[blob.Hash]bool{}
		namesOf(e, func(h blob.Hash) { named[h] = true })
		for _, ref := range blobRefs(e) {
			if ref.Size < 0 || ref.Hash.IsZero() || !named[ref.Hash] && e.Kind == event.KindNote {
				t.Errorf("%+v is shown by %v and not named by it", ref, e.Tags)
			}
		}
	})
}
