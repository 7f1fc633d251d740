package store

import (
	"slices"
	"time"

	"mural/event"
)

// draft is an entry made ready for the writer by the goroutine that brought it.
type draft struct {
	Entry
	body    []byte
	rank    int64
	address string // "kind:pubkey:d", "" for kinds that are not replaced
	expires int64  // Unix seconds, 0 = never
}

func (c *codec) draft(entry Entry) draft {
	e := entry.Event
	d := draft{Entry: entry, rank: rank(e.CreatedAt, e.ID), address: e.Address()}
	if e.Kind.IsEphemeral() {
		return d
	}
	d.body = c.encode(e)
	d.expires = expiration(e)
	return d
}

// expiration gives the Unix second from which the event is gone, 0 where there is none.
func expiration(e *event.Event) int64 {
	at, ok := e.Expiration()
	if !ok {
		return 0
	}
	return max(at, 1)
}

func expired(e *event.Event, now time.Time) bool {
	at := expiration(e)
	return at != 0 && at <= now.Unix()
}

// lists gives the lists of postings in which a visible event stands, each once.
func lists(e *event.Event) []int64 {
	out := make([]int64, 0, 2+len(e.Tags))
	out = append(out, kindList, authorHash(e.PubKey))
	for _, tag := range e.Tags {
		if len(tag) > 1 && len(tag[0]) == 1 {
			out = append(out, hash(tag[0][0], tag[1]))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// keepsVersions says whether superseded versions stay, for the time slider of
// murals and for quotes that pin a version.
func keepsVersions(k event.Kind) bool {
	return k == event.KindMural || k == event.KindBrushstroke || k == event.KindArticle
}
