package blob

import (
	"context"
	"fmt"
	"os"

	"mural/event"
)

// Uploaders gives everybody who uploaded something, by ascending key.
func (s *Store) Uploaders(_ context.Context) ([]event.PubKey, error) {
	entries, err := os.ReadDir(s.path(ownersDir))
	if err != nil {
		return nil, fmt.Errorf("blob: listing who uploaded: %w", err)
	}
	var people []event.PubKey
	for _, e := range entries {
		if who, err := event.ParsePubKey(e.Name()); err == nil {
			people = append(people, who)
		}
	}
	return people, nil
}
