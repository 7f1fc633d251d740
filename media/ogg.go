package media

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

const (
	maxOggStreams = 64       // logical streams of one Ogg file
	maxOggComment = 64 << 20 // bytes of one comment packet, cover pictures included
	maxOggPages   = 1 << 15  // pages that one comment packet may take
)

// oggPage is one page (RFC 3533 §6).
type oggPage struct {
	at, body, end int64
	flags         byte
	granule       int64
	serial        uint32
	lacing        []byte // a copy
	mods          []edit // changes within it
}

// pageAt reads the page at a place.
func (s *source) pageAt(at int64) (oggPage, error) {
	var h [27]byte
	if err := s.read(h[:], at); err != nil {
		return oggPage{}, err
	}
	if string(h[:4]) != "OggS" {
		return oggPage{}, malformed("no Ogg page at %d", at)
	}
	pg := oggPage{at: at, flags: h[5], granule: int64(le64(h[6:])), serial: le32(h[14:]), lacing: make([]byte, h[26])}
	if err := s.read(pg.lacing, at+27); err != nil {
		return oggPage{}, err
	}
	pg.body = at + 27 + int64(len(pg.lacing))
	pg.end = pg.body
	for _, n := range pg.lacing {
		pg.end += int64(n)
	}
	if pg.end > s.size {
		return oggPage{}, malformed("Ogg page at %d leaves the file", at)
	}
	return pg, nil
}

// oggPiece is the part of a packet that lies in one page.
type oggPiece struct {
	page  int // index into oggStream.pages
	at, n int64
}

// oggStream is what is known of one logical stream.
type oggStream struct {
	codec  string
	packet int        // packets that are complete
	pages  []oggPage  // pages whose checksum must be renewed
	open   []oggPiece // pieces of the comment packet at hand
	size   int64      // bytes of it
	done   bool       // no more header packets
}

// ogg blanks the comment packets of every stream: the packet keeps its size, so
// that no page moves, and its pages get new checksums (RFC 3533, RFC 7845,
// Vorbis I §5, RFC 9639 §10.1).
func (p *plan) ogg() error {
	streams := map[uint32]*oggStream{}
	for at := int64(0); at < p.src.size; {
		pg, err := p.src.pageAt(at)
		if err != nil {
			if at == 0 {
				return err
			}
			return p.oggTail(at)
		}
		if err := p.oggPage(streams, pg); err != nil {
			return err
		}
		at = pg.end
	}
	for _, st := range streams {
		if len(st.open) > 0 {
			return malformed("an Ogg comment packet has no end")
		}
	}
	return nil
}

// oggTail cuts what is no page behind the last one, a page cut short included.
func (p *plan) oggTail(at int64) error { return p.cutTail(at) }

func (p *plan) oggPage(streams map[uint32]*oggStream, pg oggPage) error {
	const first = 2
	st := streams[pg.serial]
	if st != nil && len(st.open) > 0 && pg.flags&first != 0 {
		return malformed("an Ogg comment packet has no end")
	}
	if pg.flags&first != 0 || st == nil {
		if len(streams) >= maxOggStreams {
			return fmt.Errorf("%w: more than %d Ogg streams", ErrTooLarge, maxOggStreams)
		}
		st = &oggStream{}
		streams[pg.serial] = st
	}
	if st.done {
		return nil
	}
	return p.oggPackets(st, pg)
}

// oggPackets takes a page apart into packets.
func (p *plan) oggPackets(st *oggStream, pg oggPage) error {
	at := pg.body
	for i := 0; i < len(pg.lacing) && !st.done; {
		n, whole := int64(0), false
		for ; i < len(pg.lacing) && !whole; i++ {
			n += int64(pg.lacing[i])
			whole = pg.lacing[i] < 255
		}
		if err := p.oggPiece(st, pg, at, n, whole); err != nil {
			return err
		}
		at += n
	}
	if len(st.open) > 0 {
		return nil
	}
	return p.oggFlush(st)
}

func (p *plan) oggPiece(st *oggStream, pg oggPage, at, n int64, whole bool) error {
	if st.packet == 0 {
		if st.codec == "" {
			if err := p.oggCodec(st, at, n); err != nil {
				return err
			}
		}
	} else if err := p.oggHeader(st, pg, at, n, whole); err != nil {
		return err
	}
	if whole {
		st.packet++
	}
	return nil
}

func (p *plan) oggCodec(st *oggStream, at, n int64) error {
	b, err := p.src.block(at, min(n, 16))
	if err != nil {
		return err
	}
	for _, c := range []struct{ mark, codec string }{
		{"\x01vorbis", "vorbis"}, {"OpusHead", "opus"}, {"\x80theora", "theora"},
		{"\x7fFLAC", "flac"}, {"Speex   ", "speex"}, {"fishead\x00", "skeleton"},
	} {
		if bytes.HasPrefix(b, []byte(c.mark)) {
			st.codec = c.codec
			return nil
		}
	}
	st.codec, st.done = "unknown", true
	p.unchecked = true
	return nil
}

// oggHeader gathers the pieces of a header packet that carries comments.
func (p *plan) oggHeader(st *oggStream, pg oggPage, at, n int64, whole bool) error {
	if len(st.open) == 0 {
		carries, err := p.oggCarries(st, at, n)
		if err != nil || !carries {
			return err
		}
	}
	if len(st.pages) == 0 || st.pages[len(st.pages)-1].at != pg.at {
		st.pages = append(st.pages, pg)
	}
	st.open = append(st.open, oggPiece{page: len(st.pages) - 1, at: at, n: n})
	if st.size += n; st.size > maxOggComment || len(st.pages) > maxOggPages {
		return fmt.Errorf("%w: Ogg comments of %d bytes", ErrTooLarge, st.size)
	}
	if !whole {
		return nil
	}
	err := p.oggBlank(st)
	st.open, st.size = nil, 0
	return err
}

// oggCarries tells whether a packet is one that speaks about the sound. In Ogg
// FLAC every packet before the sound is a metadata block; elsewhere it is the second.
func (p *plan) oggCarries(st *oggStream, at, n int64) (bool, error) {
	if st.codec == "skeleton" {
		return false, nil
	}
	if st.codec != "flac" {
		st.done = st.packet > 1
		return st.packet == 1, nil
	}
	b, err := p.src.block(at, min(n, 1))
	if err != nil || len(b) == 0 || b[0] == 0xff {
		st.done = true
		return false, err
	}
	kind := b[0] & 0x7f
	return kind != flacSeekTable && kind != flacStreamInfo, nil
}

// oggBlank replaces a comment packet by one of the same size that says nothing:
// a vendor string of zeros and no comments.
func (p *plan) oggBlank(st *oggStream) error {
	first := st.open[0]
	old, err := p.oggPacket(st.open)
	if err != nil {
		return err
	}
	head, tail, err := blankComment(st.codec, old, st.size)
	if err != nil {
		return err
	}
	if int64(len(head)) > first.n {
		return fmt.Errorf("%w: Ogg comment header in splinters", ErrUnsupported)
	}
	p.oggWords(st.codec, old, head)
	for i, piece := range st.open {
		page := &st.pages[piece.page]
		e := edit{at: piece.at, cut: piece.n, pad: piece.n}
		if i == 0 {
			e.put, e.pad = head, piece.n-int64(len(head))
		}
		if i == len(st.open)-1 && tail != 0 && e.pad > 0 {
			page.mods = append(page.mods, edit{at: piece.at + piece.n - 1, cut: 1, put: []byte{tail}})
			e.cut, e.pad = e.cut-1, e.pad-1
		}
		page.mods = append(page.mods, e)
	}
	return nil
}

// blankComment gives the first bytes and, where it is not zero, the last byte of
// an empty comment packet of a size.
func blankComment(codec string, old []byte, size int64) (head []byte, tail byte, err error) {
	mark, framing := map[string]string{"vorbis": "\x03vorbis", "opus": "OpusTags", "theora": "\x81theora", "speex": ""}[codec], int64(0)
	if codec == "flac" {
		return blankBlock(old)
	}
	if codec == "vorbis" {
		framing, tail = 1, 1
	}
	vendor := size - int64(len(mark)) - 8 - framing
	if vendor < 0 || !bytes.HasPrefix(old, []byte(mark)) {
		return nil, 0, malformed("%s comment packet of %d bytes", codec, size)
	}
	return binary.LittleEndian.AppendUint32([]byte(mark), uint32(vendor)), tail, nil
}

// blankBlock empties a FLAC metadata block. The comment block must stay what it
// is, since the mapping demands it; all others become padding.
func blankBlock(old []byte) ([]byte, byte, error) {
	if len(old) < 4 {
		return nil, 0, malformed("FLAC block of %d bytes in Ogg", len(old))
	}
	head := append([]byte{}, old[:4]...)
	n := be32(head) & 0xffffff
	if head[0]&0x7f != flacComment {
		head[0] = head[0]&0x80 | flacPadding
		return head, 0, nil
	}
	if n < 8 {
		return nil, 0, malformed("FLAC comment block of %d bytes", n)
	}
	return binary.LittleEndian.AppendUint32(head, n-8), 0, nil
}

// oggPacket gives up to maxMetadata bytes of a packet in pieces.
func (p *plan) oggPacket(pieces []oggPiece) (packet []byte, err error) {
	for _, piece := range pieces {
		b, err := p.src.block(piece.at, min(piece.n, maxMetadata-int64(len(packet))))
		if err != nil {
			return nil, err
		}
		packet = append(packet, b...)
	}
	return packet, nil
}

// oggWords notes what a comment packet told, unless it is an empty one of ours.
func (p *plan) oggWords(codec string, old, head []byte) {
	if rest, ours := bytes.CutPrefix(old, head); ours && len(bytes.Trim(rest, "\x00\x01")) == 0 {
		return
	}
	if codec == "flac" && len(old) > 4 {
		p.flacWords(old[0]&0x7f, old[4:])
		return
	}
	p.commentWords(old)
}

// oggFlush writes the changes of the pages at hand and their new checksums.
func (p *plan) oggFlush(st *oggStream) error {
	for _, pg := range st.pages {
		sum, err := p.src.oggChecksum(pg)
		if err != nil {
			return err
		}
		if err := p.replace(pg.at+22, 4, binary.LittleEndian.AppendUint32(nil, sum)); err != nil {
			return err
		}
		for _, e := range pg.mods {
			if err := p.edit(e); err != nil {
				return err
			}
		}
	}
	st.pages = nil
	return nil
}

// oggChecksum computes the CRC of a page (at most 65,307 bytes) as it will be.
func (s *source) oggChecksum(pg oggPage) (uint32, error) {
	b, err := s.block(pg.at, pg.end-pg.at)
	if err != nil {
		return 0, err
	}
	clear(b[22:26])
	for _, e := range pg.mods {
		at := b[e.at-pg.at:][:e.cut]
		clear(at[copy(at, e.put):])
	}
	return oggCRC(b), nil
}

var oggTable = func() (t [256]uint32) {
	for i := range t {
		c := uint32(i) << 24
		for range 8 {
			c = c<<1 ^ (c >> 31 * 0x04c11db7)
		}
		t[i] = c
	}
	return t
}()

func oggCRC(b []byte) (c uint32) {
	for _, x := range b {
		c = c<<8 ^ oggTable[byte(c>>24)^x]
	}
	return c
}
