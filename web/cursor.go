package web

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"

	"mural/event"
)

// cursor marks the last event of a page; the next page starts behind it in the
// order newest first, ties lowest id first. The zero cursor is the beginning.
type cursor event.Stamp

const cursorBytes = 8 + 32

func (c cursor) String() string {
	if c == (cursor{}) {
		return ""
	}
	raw := binary.BigEndian.AppendUint64(nil, uint64(c.CreatedAt))
	return base64.RawURLEncoding.EncodeToString(append(raw, c.ID[:]...))
}

func parseCursor(s string) (c cursor, err error) {
	if s == "" {
		return c, nil
	}
	bad := badRequest("bad-cursor", "That is no cursor of this node.", "Leave `before` out to start anew.")
	if len(s) > 2*cursorBytes {
		return c, bad
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(raw) != cursorBytes {
		return c, bad
	}
	c.CreatedAt = int64(binary.BigEndian.Uint64(raw))
	copy(c.ID[:], raw[8:])
	if c.CreatedAt <= 0 {
		return cursor{}, bad
	}
	return c, nil
}

// behind says whether the event comes after the cursor.
func (c cursor) behind(e *event.Event) bool {
	if c == (cursor{}) || e.CreatedAt < c.CreatedAt {
		return true
	}
	return e.CreatedAt == c.CreatedAt && bytes.Compare(e.ID[:], c.ID[:]) > 0
}
