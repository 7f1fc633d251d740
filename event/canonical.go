package event

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// AppendJSON appends the event as JSON: the seven fields of NIP-01, no white
// space, strings escaped as in the canonical form.
func (e *Event) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"id":"`...)
	dst = hex.AppendEncode(dst, e.ID[:])
	dst = append(dst, `","pubkey":"`...)
	dst = hex.AppendEncode(dst, e.PubKey[:])
	dst = append(dst, `","created_at":`...)
	dst = strconv.AppendInt(dst, e.CreatedAt, 10)
	dst = append(dst, `,"kind":`...)
	dst = strconv.AppendUint(dst, uint64(e.Kind), 10)
	dst = append(dst, `,"tags":`...)
	dst = e.Tags.AppendJSON(dst)
	dst = append(dst, `,"content":`...)
	dst = AppendString(dst, e.Content)
	dst = append(dst, `,"sig":"`...)
	dst = hex.AppendEncode(dst, e.Sig[:])
	return append(dst, `"}`...)
}

// AppendCanonical appends the form whose SHA-256 is the event's id (NIP-01):
// [0,pubkey,created_at,kind,tags,content].
func (e *Event) AppendCanonical(dst []byte) []byte {
	dst = append(dst, `[0,"`...)
	dst = hex.AppendEncode(dst, e.PubKey[:])
	dst = append(dst, `",`...)
	dst = strconv.AppendInt(dst, e.CreatedAt, 10)
	dst = append(dst, ',')
	dst = strconv.AppendUint(dst, uint64(e.Kind), 10)
	dst = append(dst, ',')
	dst = e.Tags.AppendJSON(dst)
	dst = append(dst, ',')
	dst = AppendString(dst, e.Content)
	return append(dst, ']')
}

// ComputeID gives the SHA-256 of the canonical form.
func (e *Event) ComputeID() ID {
	return sha256.Sum256(e.AppendCanonical(make([]byte, 0, e.sizeHint())))
}

// sizeHint is a guess at the serialised size in bytes, right for plain text.
func (e *Event) sizeHint() int {
	n := 384 + len(e.Content) + len(e.Content)/16
	for _, tag := range e.Tags {
		n += 3
		for _, v := range tag {
			n += len(v) + 3
		}
	}
	return n
}

// AppendJSON appends the tags as a JSON array of arrays without white space.
func (t Tags) AppendJSON(dst []byte) []byte {
	dst = append(dst, '[')
	for i, tag := range t {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '[')
		for j, v := range tag {
			if j > 0 {
				dst = append(dst, ',')
			}
			dst = AppendString(dst, v)
		}
		dst = append(dst, ']')
	}
	return append(dst, ']')
}

// AppendString appends s as a JSON string in the canonical form of NIP-01:
// seven characters have short escapes, other control characters below U+0020
// become \u00xx in lower case (as other implementations do; the NIP is silent),
// everything else stands verbatim, U+2028, <, >, & and emoji included.
// s must be valid UTF-8.
func AppendString(dst []byte, s string) []byte {
	const digit = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[start:i]...)
		start = i + 1
		if short := shortEscape(c); short != 0 {
			dst = append(dst, '\\', short)
		} else {
			dst = append(dst, '\\', 'u', '0', '0', digit[c>>4], digit[c&15])
		}
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

func shortEscape(c byte) byte {
	switch c {
	case '"', '\\':
		return c
	case '\n':
		return 'n'
	case '\r':
		return 'r'
	case '\t':
		return 't'
	case '\b':
		return 'b'
	case '\f':
		return 'f'
	}
	return 0
}

// MarshalJSON gives Raw. Note that json.Marshal then escapes <, > and & in it,
// which changes the bytes and not the event.
func (e *Event) MarshalJSON() ([]byte, error) { return e.Raw(), nil }

// UnmarshalJSON reads what Parse reads.
func (e *Event) UnmarshalJSON(raw []byte) error {
	parsed, err := Parse(raw)
	if err == nil {
		*e = *parsed
	}
	return err
}

// Check holds an event that was made here against the rules that Parse holds
// the events of others against. Errors wrap ErrMalformed or ErrTooLarge.
func (e *Event) Check() error {
	if e.CreatedAt < 0 || e.CreatedAt > maxCreatedAt {
		return fmt.Errorf("%w: created_at %d", ErrMalformed, e.CreatedAt)
	}
	if !utf8.ValidString(e.Content) {
		return fmt.Errorf("%w: content is not valid UTF-8", ErrMalformed)
	}
	if len(e.Tags) > MaxTags {
		return fmt.Errorf("%w: %d tags, not at most %d", ErrTooLarge, len(e.Tags), MaxTags)
	}
	for _, tag := range e.Tags {
		if err := tag.check(); err != nil {
			return err
		}
	}
	if e.raw != nil {
		return nil
	}
	if n := len(e.AppendJSON(make([]byte, 0, e.sizeHint()))); n > MaxEventBytes {
		return fmt.Errorf("%w: %d bytes, not at most %d", ErrTooLarge, n, MaxEventBytes)
	}
	return nil
}

func (t Tag) check() error {
	if len(t) == 0 {
		return fmt.Errorf("%w: empty tag", ErrMalformed)
	}
	if len(t) > MaxTagValues {
		return fmt.Errorf("%w: %d values in a tag, not at most %d", ErrTooLarge, len(t), MaxTagValues)
	}
	for _, v := range t {
		if !utf8.ValidString(v) {
			return fmt.Errorf("%w: tag %q is not valid UTF-8", ErrMalformed, t[0])
		}
	}
	return nil
}
