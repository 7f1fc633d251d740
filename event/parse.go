package event

import (
	"fmt"
)

// maxCreatedAt is the largest integer that every JSON reader holds exactly.
const maxCreatedAt = 1<<53 - 1

// The fields of an event; an event has each exactly once.
const (
	hasID = 1 << iota
	hasPubKey
	hasCreatedAt
	hasKind
	hasTags
	hasContent
	hasSig
	hasAll = 1<<iota - 1
)

// Parse reads one event (NIP-01) in one pass and keeps a copy of its bytes for
// Raw. It checks syntax and the limits of this package, neither id nor
// signature: call Verify or VerifyBatch before believing a word.
//
// It is strict where readers could disagree: every field once and of its own
// type, lower-case hex, plain integers (no sign, fraction, exponent or leading
// zero), valid UTF-8 without lone surrogates, tags of at least one string and
// of strings only, nothing after the object. Fields come in any order.
//
// Unknown fields are skipped and dropped, since nothing signs them: Raw of such
// an event is a fresh serialisation, so that they do not travel on.
//
// Errors wrap ErrMalformed or ErrTooLarge. Strings of the event share one copy
// of the text; clone a value to keep it much longer than its event.
func Parse(raw []byte) (*Event, error) {
	if len(raw) > MaxEventBytes {
		return nil, fmt.Errorf("%w: %d bytes, not at most %d", ErrTooLarge, len(raw), MaxEventBytes)
	}
	p := &eventParser{scanner: scanner{s: string(raw)}, e: &Event{}}
	if err := p.object(p.field); err != nil {
		return nil, err
	}
	if err := p.end(); err != nil {
		return nil, err
	}
	if p.seen != hasAll {
		return nil, fmt.Errorf("%w: a field is missing", ErrMalformed)
	}
	if !p.unknown {
		p.e.raw = []byte(p.s)
	}
	return p.e, nil
}

type eventParser struct {
	scanner
	e       *Event
	seen    int
	unknown bool
}

func (p *eventParser) field(key string) error {
	switch key {
	case "id":
		return p.once(hasID, key, func() error { return p.hex(p.e.ID[:], "event id") })
	case "pubkey":
		return p.once(hasPubKey, key, func() error { return p.hex(p.e.PubKey[:], "public key") })
	case "sig":
		return p.once(hasSig, key, func() error { return p.hex(p.e.Sig[:], "signature") })
	case "created_at":
		return p.once(hasCreatedAt, key, p.createdAt)
	case "kind":
		return p.once(hasKind, key, p.kind)
	case "tags":
		return p.once(hasTags, key, p.tags)
	case "content":
		return p.once(hasContent, key, p.content)
	}
	p.unknown = true
	return p.skip(0)
}

func (p *eventParser) once(bit int, key string, read func() error) error {
	if p.seen&bit != 0 {
		return p.fail("field %q twice", key)
	}
	p.seen |= bit
	return read()
}

func (p *scanner) hex(dst []byte, what string) error {
	s, err := p.str()
	if err != nil {
		return err
	}
	return parseHex(dst, s, what)
}

func (p *eventParser) createdAt() error {
	n, err := p.uint(maxCreatedAt)
	p.e.CreatedAt = int64(n)
	return err
}

func (p *eventParser) kind() error {
	n, err := p.uint(1<<16 - 1)
	p.e.Kind = Kind(n)
	return err
}

func (p *eventParser) content() (err error) {
	p.e.Content, err = p.str()
	return err
}

// tags reads all values into one slice that the tags then share.
func (p *eventParser) tags() error {
	var values []string
	var ends []int
	err := p.array(func() error {
		if len(ends) == MaxTags {
			return fmt.Errorf("%w: more than %d tags", ErrTooLarge, MaxTags)
		}
		start := len(values)
		err := p.array(func() error {
			if len(values)-start == MaxTagValues {
				return fmt.Errorf("%w: more than %d values in a tag", ErrTooLarge, MaxTagValues)
			}
			s, err := p.str()
			values = append(values, s)
			return err
		})
		if err == nil && len(values) == start {
			return p.fail("empty tag")
		}
		ends = append(ends, len(values))
		return err
	})
	if err != nil {
		return err
	}
	p.e.Tags = cutTags(values, ends)
	return nil
}

// cutTags divides values at ends; no tag has room to grow into its neighbour.
func cutTags(values []string, ends []int) Tags {
	tags := make(Tags, len(ends))
	start := 0
	for i, end := range ends {
		tags[i] = Tag(values[start:end:end])
		start = end
	}
	return tags
}
