//go:build linux

package stories_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"mural/internal/testkit"
)

// TestWhenOneNodeGoesDark proves that what Ana made lives on when her device
// dies: Ben still shows and plays it, says since when she is dark, and Cem, who
// never met her, gets all of it from Ben alone, signed by her.
func TestWhenOneNodeGoesDark(t *testing.T) {
	t.Parallel()
	t.Run("killed", func(t *testing.T) { oneGoesDark(t, (*testkit.World).GoesDark) })
	t.Run("without power", func(t *testing.T) { oneGoesDark(t, (*testkit.World).LosesPower) })
}

func oneGoesDark(t *testing.T, goesDark func(*testkit.World, *testkit.Person)) {
	w := testkit.Bridge(t)
	ana, ben := w.Person("Ana"), w.Person("Ben")
	w.As(ben).Joins(w.As(ana).Invites()) // joining follows
	clip, photo, voice := testkit.Clip(t), testkit.Photo(t, 1), testkit.Voice()
	words := w.As(ana).Posts("the river this morning")
	film := w.As(ana).Posts("and how it sounds", clip)
	both := w.As(ana).Posts("two at once", photo, voice)
	for _, post := range []testkit.Post{words, film, both} {
		w.As(ben).Sees(post)
	}

	goesDark(w, ana)

	dark := time.Now()
	w.As(ben).Plays(film.Media[0])
	kept := w.As(ben).KeptBy(film, "kept although its author is dark", func(k testkit.Kept) error {
		if k.Author != "dark" || k.AuthorDarkSinceMS == 0 {
			return errors.New("the author is not said to be dark since a time")
		}
		return nil
	})
	t.Logf("Ben's node says so %s after it happened", time.Since(dark).Round(time.Millisecond))
	if !keptBy(kept, ben) {
		t.Errorf("Ben has the clip and is not among its keepers: %+v", kept)
	}

	cem := w.Person("Cem")
	w.As(cem).Joins(w.As(ben).Invites())
	for _, post := range []testkit.Post{words, film, both} {
		w.As(cem).Sees(post)
		for _, m := range post.Media {
			if !bytes.Equal(w.As(cem).Plays(m), w.As(ben).Plays(m)) {
				t.Errorf("Cem and Ben have different bytes of %s", m.SHA256)
			}
		}
		wantSignedBy(t, cem, post, ana)
	}
	for _, p := range cem.Peers() {
		if p.PeerID == ana.PeerID && p.Connected {
			t.Error("Cem met Ana: the story proves nothing")
		}
	}
}

// wantSignedBy reads the post as an event from the node's relay and checks id
// and signature here.
func wantSignedBy(t *testing.T, reader *testkit.Person, post testkit.Post, author *testkit.Person) {
	t.Helper()
	e, err := reader.Program().Reads(post.ID)
	if err != nil {
		t.Fatalf("%s's relay: %v", reader.Name, err)
	}
	if err := e.Verify(); err != nil {
		t.Errorf("%s serves %s, which is forged: %v", reader.Name, post.ID, err)
	}
	if e.PubKey.String() != author.PubKey || e.ID.String() != post.ID {
		t.Errorf("%s serves %s by %s, want %s by %s", reader.Name, e.ID, e.PubKey, post.ID, author.PubKey)
	}
}

func keptBy(k testkit.Kept, p *testkit.Person) bool {
	for _, keeper := range k.Keepers {
		if keeper.PeerID == p.PeerID {
			return true
		}
	}
	return false
}
