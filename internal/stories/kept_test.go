//go:build linux

package stories_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"mural/internal/testkit"
)

// threeWithAPost lets Ben and Cem join Ana and keep a clip of hers.
func threeWithAPost(t *testing.T, w *testkit.World) (ana, ben, cem *testkit.Person, post testkit.Post) {
	t.Helper()
	ana, ben, cem = w.Person("Ana"), w.Person("Ben"), w.Person("Cem")
	w.As(ben).Joins(w.As(ana).Invites())
	w.As(cem).Joins(w.As(ana).Invites())
	post = w.As(ana).Posts("keep this for me", testkit.Clip(t))
	w.As(ben).Sees(post)
	w.As(cem).Sees(post)
	return ana, ben, cem, post
}

func threeAnswered(k testkit.Kept) error {
	if k.Devices != 3 || len(k.Keepers) != 3 || k.CheckedAtMS == 0 {
		return fmt.Errorf("%d devices with %d keepers", k.Devices, len(k.Keepers))
	}
	return nil
}

func checkedAt(k testkit.Kept, p *testkit.Person) time.Time {
	for _, keeper := range k.Keepers {
		if keeper.PeerID == p.PeerID {
			return time.UnixMilli(keeper.CheckedAtMS)
		}
	}
	return time.Time{}
}

// TestKeptByCountsDevicesThatAnswered proves that "kept by 3 devices" counts
// devices that showed a random piece, and that a device which lost its copy is
// not said to have been checked since.
func TestKeptByCountsDevicesThatAnswered(t *testing.T) {
	t.Parallel()
	w := testkit.Bridge(t)
	ana, ben, cem, post := threeWithAPost(t, w)
	before := w.As(ana).KeptBy(post, "kept by three devices", threeAnswered)
	if before.Author != "here" {
		t.Errorf("on her own node the author is %q, want here", before.Author)
	}

	w.As(ben).LosesFile(post.Media[0])
	lost := time.Now()
	ana.Quits() // a node that starts asks everybody again
	w.ComesBack(ana)
	ana.IsConnectedTo(ben)
	w.As(ana).KeptBy(post, "checked with Cem again", func(k testkit.Kept) error {
		if !checkedAt(k, cem).After(lost) {
			return errors.New("Cem's answer is old")
		}
		return nil
	})
	const settle = 5 * time.Second // Ben's challenge comes with Cem's, and again after a wrong answer
	time.Sleep(settle)
	after := w.As(ana).KeptBy(post, "looked at once more", func(testkit.Kept) error { return nil })
	if at := checkedAt(after, ben); at.After(lost) && !ben.Has(post.Media[0].SHA256) {
		t.Errorf("Ben lost the clip at %s, and is said to have shown it at %s: %+v", lost, at, after)
	}
	t.Logf("Ben's last answer was %s before he lost the clip; he has it again: %v", lost.Sub(checkedAt(after, ben)).Round(time.Millisecond), ben.Has(post.Media[0].SHA256))
	w.As(cem).Plays(post.Media[0])
}

// TestADamagedFileIsFetchedAgain proves that a bit that falls over on Ben's
// disk is seen before it is shown, set aside, and healed from another device.
func TestADamagedFileIsFetchedAgain(t *testing.T) {
	t.Parallel()
	w := testkit.New(t)
	_, ben, _, post := threeWithAPost(t, w)
	clip := post.Media[0]
	whole := w.As(ben).Plays(clip)
	w.As(ben).DamagesFile(clip)

	if got := readAll(t, ben, clip); got != nil && string(got) != string(whole) {
		t.Errorf("Ben's node gave %d bytes of a damaged file as if they were whole", len(got))
	}
	w.Until("Ben's node has fetched the clip again", func() error { return ben.Lacks(clip) })
	w.As(ben).Plays(clip)
	if !strings.Contains(ben.Log(), "damaged") {
		t.Error("Ben's node never said that the file was damaged: the story proves nothing")
	}
	if onDisk, err := os.ReadFile(ben.BlobFile(clip.SHA256)); err != nil || string(onDisk) != string(whole) {
		t.Errorf("Ben's file is not what it was (%v)", err)
	}
}

// readAll gives the bytes of an answer that came whole, and nil otherwise.
func readAll(t *testing.T, p *testkit.Person, m testkit.Media) []byte {
	t.Helper()
	res, err := p.Do(t.Context(), http.MethodGet, "/"+m.SHA256, nil, nil)
	if err != nil {
		return nil
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || int64(len(b)) != m.Size {
		t.Logf("reading the damaged file ended with %s, %d bytes, %v", res.Status, len(b), err)
		return nil
	}
	return b
}
