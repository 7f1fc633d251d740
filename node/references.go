package node

import (
	"context"
	"encoding/hex"
	"slices"

	"mural/blob"
	"mural/event"
)

// hashDigits is how many hex digits name a blob.
const hashDigits = 2 * blob.HashBytes

// namesOf calls visit with every blob that an event may show or link to: each
// run of 64 hex digits in it, and both ends of a longer one, as some clients
// read a link's last part from its beginning and others from its end. It finds
// more than blobRefs on purpose: what may be shown is not thrown away.
func namesOf(e *event.Event, visit func(blob.Hash)) {
	namesIn(e.Content, visit)
	for _, tag := range e.Tags {
		for _, value := range tag {
			namesIn(value, visit)
		}
	}
}

func namesIn(s string, visit func(blob.Hash)) {
	for i := 0; i < len(s); {
		if !isHex(s[i]) {
			i++
			continue
		}
		start := i
		for i < len(s) && isHex(s[i]) {
			i++
		}
		run := s[start:i]
		if len(run) < hashDigits {
			continue
		}
		visit(hashOf(run[:hashDigits]))
		if len(run) > hashDigits {
			visit(hashOf(run[len(run)-hashDigits:]))
		}
	}
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }

func hashOf(digits string) (h blob.Hash) {
	_, _ = hex.Decode(h[:], []byte(digits)) // 64 hex digits, as the caller saw
	return h
}

// lookedThrough is how many of the newest events are read for a single blob.
const lookedThrough = 5000

// isShown says whether an event here shows the blob: any event by its x tag,
// one of the newest in any other way.
func (n *Node) isShown(ctx context.Context, h blob.Hash) (bool, error) {
	found, err := n.store.Query(ctx, event.Filter{Tags: map[byte][]string{'x': {h.String()}}, Limit: 1})
	if err != nil || len(found) > 0 {
		return len(found) > 0, err
	}
	shown, seen := false, 0
	err = eachEvent(ctx, n.store, event.Filter{}, func(e *event.Event) bool {
		namesOf(e, func(named blob.Hash) { shown = shown || named == h })
		seen++
		return !shown && seen < lookedThrough
	})
	return shown, err
}

// scanPage is how many events are in memory at once while all are looked at.
const scanPage = 500

// history is what looking at all events needs of the store.
type history interface {
	querier
	Stamps(context.Context, ...event.Filter) ([]event.Stamp, error)
}

// eachEvent calls visit for every visible event that matches, newest first,
// in bounded memory. It ends early when visit gives false.
func eachEvent(ctx context.Context, s history, f event.Filter, visit func(*event.Event) bool) error {
	f.Limit = scanPage
	for {
		page, err := s.Query(ctx, f)
		if err != nil {
			return err
		}
		if len(page) < scanPage {
			some(page, visit)
			return nil
		}
		last := page[len(page)-1].CreatedAt
		whole := slices.IndexFunc(page, func(e *event.Event) bool { return e.CreatedAt == last })
		if !some(page[:whole], visit) {
			return nil
		}
		// The second in which the page was cut may hold more than a page.
		more, err := eachOfSecond(ctx, s, f, last, visit)
		if err != nil || !more || last <= max(f.Since, 1) {
			return err
		}
		f.Until = last - 1
	}
}

// some visits until visit gives false, and says whether it never did.
func some(events []*event.Event, visit func(*event.Event) bool) bool {
	return !slices.ContainsFunc(events, func(e *event.Event) bool { return !visit(e) })
}

func eachOfSecond(ctx context.Context, s history, f event.Filter, second int64, visit func(*event.Event) bool) (more bool, err error) {
	// Nothing stands before second 1 but second 0, which Until cannot name.
	f.Since, f.Until = second, second
	if second <= 1 {
		f.Since, f.Until = 0, 1
	}
	stamps, err := s.Stamps(ctx, f)
	if err != nil {
		return false, err
	}
	for part := range slices.Chunk(stamps, event.MaxFilterValues) {
		ids := make([]event.ID, len(part))
		for i, stamp := range part {
			ids[i] = stamp.ID
		}
		found, err := s.Query(ctx, event.Filter{IDs: ids, Limit: len(ids)})
		if err != nil {
			return false, err
		}
		if !some(found, visit) {
			return false, nil
		}
	}
	return true, nil
}
