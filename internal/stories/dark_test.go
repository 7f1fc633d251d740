//go:build linux

package stories_test

import (
	"testing"

	"mural/internal/testkit"
)

func TestWhenOneNodeGoesDark(t *testing.T) {
	t.Parallel()
	w := testkit.Bridge(t)
	ana, ben := w.Person("Ana"), w.Person("Ben")
	w.As(ana).ShowsNearby()
	w.As(ben).ShowsNearby()
	t.Logf("Ana under Nearby after %s", ben.MeetsNearby(ana))
	w.As(ben).Follows(ana)
	post := w.As(ana).Posts("the river this morning", testkit.Clip(t), testkit.Photo(t, 1))
	w.As(ben).Sees(post)
	w.GoesDark(ana)
	w.As(ben).Plays(post.Media[0])
}
