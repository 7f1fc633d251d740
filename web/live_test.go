package web

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mural/event"
)

// said is one event of a live stream.
type said struct{ name, data string }

// listen opens the live stream and gives its events. It is closed with ctx.
func (w *world) listen(ctx context.Context, headers ...string) <-chan said {
	w.t.Helper()
	req, err := http.NewRequestWithContext(ctx, "GET", w.server.URL+"/api/live", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		w.t.Fatal(err)
	}
	if got := res.Header.Get("Content-Type"); got != "text/event-stream" {
		w.t.Fatalf("content type %s", got)
	}
	out := make(chan said, 1000)
	go func() {
		defer close(out)
		defer res.Body.Close()
		read(bufio.NewReader(res.Body), out)
	}()
	return out
}

func read(r *bufio.Reader, out chan<- said) {
	var s said
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		switch line = strings.TrimSuffix(line, "\n"); {
		case strings.HasPrefix(line, "event: "):
			s.name = line[7:]
		case strings.HasPrefix(line, "data: "):
			s.data = line[6:]
		case line == "" && s.name != "":
			out <- s
			s = said{}
		}
	}
}

// next waits for the next event; the wait only bounds a broken test.
func next(t *testing.T, from <-chan said) said {
	t.Helper()
	select {
	case s, ok := <-from:
		if !ok {
			t.Fatal("the stream ended")
		}
		return s
	case <-time.After(10 * time.Second):
		t.Fatal("nothing came")
	}
	return said{}
}

func wants(t *testing.T, from <-chan said, name, part string) {
	t.Helper()
	if s := next(t, from); s.name != name || !strings.Contains(s.data, part) {
		t.Fatalf("got %s %s, want %s with %q", s.name, s.data, name, part)
	}
}

func TestLiveTellsTheOwner(t *testing.T) {
	w := newWorld(t).withAna()
	w.named(ben)
	w.follows(ana, ben)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	live := w.listen(ctx, "Authorization", "Bearer "+ownerToken)

	first := w.says(ben, event.KindNote, "fresh")
	wants(t, live, "post", `"text":"fresh"`)
	w.says(dora, event.KindNote, "a stranger")                                                                  // not on the mural: silence
	w.says(dora, event.KindComment, "hm", event.Tag{"E", first.ID.String()}, event.Tag{"e", first.ID.String()}) // but a comment touches
	wants(t, live, "change", first.ID.String())
	w.says(ben, event.KindDeletion, "", event.Tag{"e", first.ID.String()})
	wants(t, live, "gone", first.ID.String())
	w.net.tell(Change{Peer: &Peer{ID: "12D3Kooben", Person: ben.pk, Connected: true}})
	wants(t, live, "peer", `"name":"Ben"`)
	w.net.tell(Change{Nearby: true})
	wants(t, live, "nearby", `"choice":"ask"`)
	w.net.tell(Change{Me: true})
	wants(t, live, "me", `"owner":true`)
	blob := newHash("picture")
	shows := w.says(ben, event.KindPicture, "", event.Tag{"imeta", "x " + blob.String()}, event.Tag{"x", blob.String()})
	wants(t, live, "post", blob.String())
	w.net.tell(Change{Blob: blob})
	wants(t, live, "change", shows.ID.String())
}

func TestLiveTellsAGuestOnlyWhatIsPublic(t *testing.T) {
	w := newWorld(t).withAna()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	live := w.listen(ctx)
	w.net.tell(Change{Peer: &Peer{ID: "12D3Koo"}, Nearby: true, Me: true})
	w.says(ana, event.KindNote, "members", event.Tag{"-"}, event.Tag{"q", strings.Repeat("ab", 32)})
	w.says(ana, event.KindNote, "public")
	wants(t, live, "post", `"text":"public"`)
}

func TestDeletionByAStrangerIsNoNews(t *testing.T) {
	w := newWorld(t).withAna()
	e := w.says(ana, event.KindNote, "stays")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	live := w.listen(ctx)
	w.says(dora, event.KindDeletion, "", event.Tag{"e", e.ID.String()})
	w.says(ana, event.KindNote, "marker")
	wants(t, live, "post", "marker")
}

func TestAFullQueueSaysSoAndNeverBlocks(t *testing.T) {
	w := newWorld(t).withAna()
	st := &stream{s: w.door, queue: make(chan news, 2)}
	for i := range 10 {
		st.hear(&event.Event{Kind: event.KindNote, Content: fmt.Sprint(i)})
	}
	if len(st.queue) != 2 || !st.lost.Load() {
		t.Errorf("queue of 2 holds %d, lost %v", len(st.queue), st.lost.Load())
	}
}

func TestStreamsEndAndLeaveNothing(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	w := newWorld(t).withAna()
	before := w.memory.listeners()
	ctx, cancel := context.WithCancel(t.Context())
	a, b := w.listen(ctx), w.listen(context.Background())
	cancel()
	for range a { // ends with the request
	}
	w.door.Close()
	for range b { // ends with the door
	}
	w.server.Close()
	if got := w.memory.listeners(); got != before-1 { // the door's own is gone too
		t.Errorf("%d subscriptions left, want %d", got, before-1)
	}
	if got := w.door.live.Load(); got != 0 {
		t.Errorf("%d streams still counted", got)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

func TestTooManyStreams(t *testing.T) {
	w := newWorld(t).withAna()
	w.door.live.Store(maxLive)
	w.guest("GET", "/api/live", nil, 503)
}
