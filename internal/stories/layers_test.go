//go:build linux

package stories_test

import (
	"errors"
	"testing"

	"mural/internal/testkit"
)

// TestAPostIsPassedOnWithALayer proves that words on top of a post show whose
// they are and what they stand on; and that a layer brings its source along,
// also to Dan, who follows Ben alone and has never heard of Ana.
func TestAPostIsPassedOnWithALayer(t *testing.T) {
	t.Parallel()
	w := testkit.Bridge(t)
	ana, ben, cem := w.Person("Ana"), w.Person("Ben"), w.Person("Cem")
	w.As(ana).ShowsNearby()
	w.As(ben).ShowsNearby()
	ben.MeetsNearby(ana)
	original := w.As(ana).Posts("our well is open again", testkit.Photo(t, 3))
	seesNearby(w, ben, original) // as a neighbour: Ben does not follow Ana
	layer := w.As(ben).PassesOn(original, "two streets from the market")

	w.As(cem).Joins(w.As(ben).Invites())
	w.As(cem).Sees(layer)
	wantLineage(t, w, cem, layer, original)

	w.GoesDark(ana)
	dan := w.Person("Dan")
	w.As(dan).Joins(w.As(ben).Invites())
	w.As(dan).Sees(layer)
	wantLineage(t, w, dan, layer, original)
	wantSignedBy(t, dan, original, ana)
	w.Until("Dan has Ana's picture too", func() error { return dan.Lacks(original.Media[0]) })
	w.As(dan).Plays(original.Media[0])
}

func seesNearby(w *testkit.World, p *testkit.Person, post testkit.Post) {
	w.Until(p.Name+" sees the post of a neighbour", func() error {
		for _, s := range p.Feed("nearby") {
			if s.ID == post.ID {
				return nil
			}
		}
		return errors.New("it does not stand under nearby")
	})
}

// wantLineage waits until the layer shows the post it stands on, with words and
// author, and an edge between them.
func wantLineage(t *testing.T, w *testkit.World, p *testkit.Person, layer, original testkit.Post) {
	t.Helper()
	var page testkit.Page
	w.Until(p.Name+" sees what the layer stands on", func() error {
		var err error
		if page, err = p.Opens(layer.ID); err != nil {
			return err
		}
		if page.Post.Layer == nil || page.Post.Layer.OfPost == nil || page.Post.Layer.OfPost.Missing {
			return errors.New("the original is not here")
		}
		return nil
	})
	of := page.Post.Layer.OfPost
	if page.Post.Layer.Of != original.ID || of.Text != original.Text || of.Author.PubKey != original.Author.PubKey {
		t.Errorf("%s sees the layer on %+v, want on %+v", p.Name, of, original)
	}
	if page.Post.Author.PubKey != layer.Author.PubKey || page.Post.Text != layer.Text {
		t.Errorf("%s sees the layer as %+v", p.Name, page.Post)
	}
	edges := page.Lineage.Edges
	if len(edges) != 1 || edges[0].From != layer.ID || edges[0].To != original.ID || edges[0].Operation != "quote" {
		t.Errorf("%s sees the edges %+v", p.Name, edges)
	}
}
