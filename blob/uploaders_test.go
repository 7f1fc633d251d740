package blob

import (
	"context"
	"os"
	"slices"
	"testing"

	"mural/event"
)

func TestUploadersAreThoseWhoUploaded(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ana, ben := event.PubKey{1}, event.PubKey{2}
	for _, who := range []event.PubKey{ben, ana, ben} {
		if err := s.AddOwner(context.Background(), Sum([]byte("x")), who); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(s.path(ownersDir, "stray"), 0o700); err != nil {
		t.Fatal(err)
	}
	got, err := s.Uploaders(context.Background())
	if err != nil || !slices.Equal(got, []event.PubKey{ana, ben}) {
		t.Errorf("uploaders are %v (%v), want the two of them", got, err)
	}
}
