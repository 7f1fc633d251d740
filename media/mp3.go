package media

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// mp3 keeps the frames and drops ID3v2 in front, ID3v1, Lyrics3 and APE behind.
func (p *plan) mp3() error {
	start, err := p.src.skipID3(0)
	if err != nil {
		return err
	}
	if start > 0 {
		if err := p.examineID3(0, start); err != nil {
			return err
		}
		if err := p.cut(0, start); err != nil {
			return err
		}
	}
	var magic [4]byte
	if p.src.size-start >= 4 {
		if err := p.src.read(magic[:], start); err != nil {
			return err
		}
	}
	if string(magic[:]) == "fLaC" {
		p.mime = typeFLAC
		return p.flacAt(start)
	}
	if magic[0] == 0xff && magic[1]&0xf6 == 0xf0 {
		p.mime = typeAAC
	}
	return p.audioTail(start)
}

// skipID3 gives where the sound begins behind any number of ID3v2 tags.
func (s *source) skipID3(at int64) (int64, error) {
	for s.size-at >= 10 {
		var h [10]byte
		if err := s.read(h[:], at); err != nil {
			return 0, err
		}
		if string(h[:3]) != "ID3" {
			return at, nil
		}
		n := int64(h[6]&0x7f)<<21 | int64(h[7]&0x7f)<<14 | int64(h[8]&0x7f)<<7 | int64(h[9]&0x7f)
		if h[5]&0x10 != 0 {
			n += 10 // a footer
		}
		at = min(at+10+n, s.size)
	}
	return at, nil
}

func (p *plan) examineID3(at, n int64) error {
	body, err := p.src.block(at, n)
	if err != nil {
		return err
	}
	p.found(wordTags)
	upper := bytes.ToUpper(bytes.ReplaceAll(body, []byte{0}, nil)) // UTF-16 as well
	for _, name := range []string{"LATITUDE", "GPS", "LOCATION"} {
		if bytes.Contains(upper, []byte(name)) {
			p.located("ID3 tag")
		}
	}
	if bytes.Contains(body, []byte("GEOB")) || bytes.Contains(body, []byte("PRIV")) {
		p.found(wordAttached)
	}
	return nil
}

// audioTail cuts the tags behind the sound, which begins at start.
func (p *plan) audioTail(start int64) error {
	end := p.src.size
	for {
		n, err := p.src.tagBefore(start, end)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		end -= n
	}
	if end == p.src.size {
		return nil
	}
	if err := p.examineID3(end, p.src.size-end); err != nil {
		return err
	}
	return p.cut(end, p.src.size-end)
}

// tagBefore gives the length of the tag that ends at a place, 0 for none.
func (s *source) tagBefore(start, end int64) (int64, error) {
	b, err := s.block(max(start, end-256), end-max(start, end-256))
	if err != nil {
		return 0, err
	}
	from := func(n int) []byte { return b[max(0, len(b)-n):] }
	n := int64(0)
	switch {
	case len(b) >= 128 && string(from(128)[:3]) == "TAG":
		n = 128
	case len(b) >= 227 && string(from(227)[:4]) == "TAG+":
		n = 227
	case len(b) >= 32 && string(from(32)[:8]) == "APETAGEX":
		n = apeLength(from(32))
	case len(b) >= 15 && string(from(9)) == "LYRICS200":
		n = lyricsLength(string(from(15)[:6]))
	case len(b) >= 10 && string(from(10)[:3]) == "3DI":
		h := from(10)
		n = 20 + int64(h[6]&0x7f)<<21 | int64(h[7]&0x7f)<<14 | int64(h[8]&0x7f)<<7 | int64(h[9]&0x7f)
	}
	return min(n, end-start), nil
}

func apeLength(footer []byte) int64 {
	n := int64(le32(footer[12:]))
	if le32(footer[20:])&(1<<31) != 0 {
		n += 32 // a header as well
	}
	return max(n, 32)
}

func lyricsLength(digits string) (n int64) {
	if strings.Trim(digits, "0123456789") != "" {
		return 0
	}
	for _, d := range digits {
		n = n*10 + int64(d-'0')
	}
	return n + 15
}

// mpegFrame is the header of one MPEG audio frame (ISO/IEC 11172-3, 13818-3).
type mpegFrame struct {
	rate    int // samples per second
	bitrate int // bits per second, 0 when free
	samples int // per frame
	size    int // bytes, 0 when the bit rate is free
	side    int // bytes of side information behind the header (layer III)
}

var mpegRates = [3]int{44100, 48000, 32000}

// mpegKbits is indexed by version 1 or 2, layer I to III, and the header's field.
var mpegKbits = [2][3][15]int{
	{
		{0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448},
		{0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},
		{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
	},
	{
		{0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256},
		{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
		{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
	},
}

func parseMPEGFrame(head []byte) (f mpegFrame, err error) {
	if len(head) < 4 {
		return f, malformed("no room for an MPEG frame")
	}
	h := binary.BigEndian.Uint32(head)
	version := h >> 19 & 3 // version: 0 is 2.5, 2 is 2, 3 is 1
	layer := 4 - (h >> 17 & 3)
	index, rate := h>>12&15, h>>10&3
	if h>>21 != 0x7ff || version == 1 || layer == 4 || index == 15 || rate == 3 {
		return f, malformed("no MPEG frame")
	}
	old := 0 // 1 for MPEG 2 and 2.5
	f.rate = mpegRates[rate]
	switch version {
	case 2:
		old, f.rate = 1, f.rate/2
	case 0:
		old, f.rate = 1, f.rate/4
	}
	f.bitrate = 1000 * mpegKbits[old][layer-1][index]
	mono := h>>6&3 == 3
	f.sizes(int(layer), old == 1, mono, int(h>>9&1))
	return f, nil
}

func (f *mpegFrame) sizes(layer int, old, mono bool, padding int) {
	f.samples = 1152
	switch {
	case layer == 1:
		f.samples = 384
	case layer == 3 && old:
		f.samples = 576
	}
	f.side = map[[2]bool]int{{false, false}: 32, {false, true}: 17, {true, false}: 17, {true, true}: 9}[[2]bool{old, mono}]
	if f.bitrate == 0 {
		return
	}
	if layer == 1 {
		f.size = (f.samples/8/4*f.bitrate/f.rate + padding) * 4
		return
	}
	f.size = f.samples/8*f.bitrate/f.rate + padding
}
