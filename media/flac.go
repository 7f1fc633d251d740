package media

import "bytes"

// FLAC metadata block types (RFC 9639 §8.1).
const (
	flacStreamInfo = 0
	flacSeekTable  = 3
	flacComment    = 4
	flacPicture    = 6
	flacPadding    = 1
)

func (p *plan) flac() error { return p.flacAt(0) }

// flacAt keeps stream information and seek table, drops every other metadata
// block, and marks the last one that stays as the last.
func (p *plan) flacAt(at int64) error {
	kept := int64(-1)
	keptHead := byte(0)
	at += 4
	for last := false; !last; {
		var head [4]byte
		if err := p.src.read(head[:], at); err != nil {
			return err
		}
		n := int64(be32(head[:]) & 0xffffff)
		kind := head[0] & 0x7f
		last = head[0]&0x80 != 0
		if kind == flacStreamInfo || kind == flacSeekTable {
			kept, keptHead = at, head[0]
		} else if err := p.flacDrop(kind, at, n); err != nil {
			return err
		}
		at += 4 + n
		if at > p.src.size {
			return malformed("FLAC metadata leaves the file")
		}
	}
	if kept < 0 {
		return malformed("FLAC without stream information")
	}
	if keptHead&0x80 == 0 {
		if err := p.replace(kept, 1, []byte{keptHead | 0x80}); err != nil {
			return err
		}
	}
	return p.audioTail(at)
}

func (p *plan) flacDrop(kind byte, at, n int64) error {
	body, err := p.src.block(at+4, n)
	if err != nil {
		return err
	}
	p.flacWords(kind, body)
	return p.cut(at, min(4+n, p.src.size-at))
}

func (p *plan) flacWords(kind byte, body []byte) {
	switch {
	case kind == flacPadding && len(bytes.TrimLeft(body, "\x00")) == 0:
		return
	case kind == flacComment:
		p.commentWords(body)
	case kind == flacPicture:
		p.found(wordTags)
	default:
		p.found(wordApp)
	}
}

// commentWords looks into a Vorbis comment block.
func (p *plan) commentWords(body []byte) {
	upper := bytes.ToUpper(body)
	for _, field := range []string{"LOCATION=", "GPS", "LATITUDE"} {
		if bytes.Contains(upper, []byte(field)) {
			p.located("comment")
		}
	}
	p.found(wordTags)
}
