//go:build linux

package stories_test

import (
	"testing"
	"time"

	"mural/internal/testkit"
)

// TestIdleCostsNextToNothing measures a node that has a neighbour and nothing
// to do, and holds its memory under 80 MB.
func TestIdleCostsNextToNothing(t *testing.T) {
	t.Parallel()
	w := testkit.Bridge(t)
	ana, ben := w.Person("Ana"), w.Person("Ben")
	w.As(ana).ShowsNearby()
	w.As(ben).ShowsNearby()
	ben.MeetsNearby(ana)
	w.As(ben).Follows(ana)
	w.As(ben).Sees(w.As(ana).Posts("good night", testkit.Photo(t, 1)))

	const settle, idle = 5 * time.Second, 20 * time.Second
	time.Sleep(settle)
	_, before := ben.Usage()
	time.Sleep(idle)
	resident, after := ben.Usage()
	t.Logf("idle for %s: %.1f MB resident, %.2f %% of a core", idle, float64(resident)/1e6, 100*(after-before).Seconds()/idle.Seconds())
	const most = 80_000_000
	if resident > most {
		t.Errorf("an idle node holds %.1f MB, want under 80", float64(resident)/1e6)
	}
}
