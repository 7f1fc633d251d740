//go:build linux

package stories_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"mural/internal/testkit"
)

// TestTwoLaptopsOneWiFi proves that a node says nothing on a network before its
// person chose to be seen there; that two who chose see each other by name
// without typing an address; and that from one follow on a post of one stands
// on the open mural of the other, picture included. It measures how soon.
func TestTwoLaptopsOneWiFi(t *testing.T) {
	t.Parallel()
	w := testkit.Bridge(t)
	wire := w.Listens()
	ana, ben := w.Person("Ana"), w.Person("Ben")
	t.Logf("from start to first answer: Ana %s, Ben %s", ana.StartTook, ben.StartTook)

	const silence = 3 * time.Second // long enough for several rounds of announcements
	time.Sleep(silence)
	if said := wire.Heard(); len(said) > 0 {
		t.Fatalf("before anybody chose to be seen, %d packets left the nodes: %v", len(said), said)
	}
	if got := ana.Nearby(); got.Choice != "ask" || len(got.Peers) != 0 {
		t.Fatalf("Ana's node knows of her network: %+v; want a question and nobody", got)
	}

	w.As(ana).ShowsNearby()
	time.Sleep(time.Second)
	if who := speakers(wire); slices.Contains(who, ben.Addr) {
		t.Fatalf("Ben has not chosen, and his node announced itself (heard %v)", who)
	}
	start := time.Now()
	w.As(ben).ShowsNearby()
	ben.MeetsNearby(ana)
	t.Logf("Ben chose to be seen, and saw Ana, connected and by name, after %s", time.Since(start))
	ana.MeetsNearby(ben)
	t.Logf("and Ana saw Ben after %s", time.Since(start))
	if who := speakers(wire); !slices.Contains(who, ana.Addr) || !slices.Contains(who, ben.Addr) {
		t.Fatalf("the wire heard announcements of %v only: it could not have heard a node that is not silent", who)
	}

	w.As(ben).Follows(ana)
	w.As(ben).Sees(w.As(ana).Posts("good morning from the other table"))
	measurePosts(t, w, ana, ben)
}

// speakers gives the IPv4 addresses that spoke mDNS.
func speakers(wire *testkit.Wire) []string {
	said := map[netip.Addr]bool{}
	var out []string
	for _, p := range wire.Heard() {
		if from := p.From.Addr(); p.MDNS() && from.Is4() && !said[from] {
			said[from] = true
			out = append(out, from.String())
		}
	}
	return out
}

// measurePosts lets a post with a picture go from one to the other, again and
// again. The time begins when the author presses the button.
func measurePosts(t *testing.T, w *testkit.World, from, to *testkit.Person) {
	const posts = 20
	page := w.As(to).Watches()
	var shown, whole []time.Duration
	for i := range posts {
		picture, err := w.As(from).Imports(testkit.Photo(t, uint64(i)))
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		post := from.PostsImported("look", picture)
		shown = append(shown, page.Awaits("post", post.ID).Sub(start))
		w.Until("the picture is whole", func() error { return to.Lacks(picture) })
		whole = append(whole, time.Since(start))
		to.Plays(picture)
	}
	t.Logf("from pressing Post on %s to the post on %s's open page: %s", from.Name, to.Name, testkit.Spread(shown))
	t.Logf("and to its picture whole on %s: %s", to.Name, testkit.Spread(whole))
}
