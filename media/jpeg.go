package media

import (
	"bytes"
	"errors"
	"io"
)

// JPEG markers (ITU-T T.81, table B.1).
const (
	mSOI  = 0xd8
	mEOI  = 0xd9
	mSOS  = 0xda
	mTEM  = 0x01
	mRST0 = 0xd0
	mRST7 = 0xd7
	mCOM  = 0xfe
	mAPP0 = 0xe0
)

const (
	exifMark   = "Exif\x00\x00"
	xmpMark    = "http://ns.adobe.com/xap/1.0/\x00"
	xmpExtMark = "http://ns.adobe.com/xmp/extension/\x00"
)

// jpeg keeps picture data, JFIF, ICC profile and the Adobe colour mark, and
// drops every other application segment, every comment and whatever follows
// the end of the picture. The orientation stays in an EXIF block of its own.
func (p *plan) jpeg() error {
	at := int64(2)
	for {
		marker, start, next, err := p.jpegMarker(at)
		if errors.Is(err, io.EOF) {
			return nil // cut short: what is there is picture data
		}
		if err != nil {
			return err
		}
		if marker == mEOI {
			return p.cutTail(next)
		}
		if marker == mTEM || marker == mSOI || marker >= mRST0 && marker <= mRST7 {
			at = next
			continue
		}
		at, err = p.jpegSegment(marker, start, next)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// jpegMarker finds the marker at or behind a place. What lies between belongs
// to nothing and is cut. start is the 0xff before the code, next what follows it.
func (p *plan) jpegMarker(at int64) (marker byte, start, next int64, err error) {
	marker, start, err = p.src.findMarker(at)
	if err != nil {
		return 0, 0, 0, err
	}
	if start > at {
		p.found(wordApp)
		if err := p.cut(at, start-at); err != nil {
			return 0, 0, 0, err
		}
	}
	return marker, start, start + 2, nil
}

// findMarker gives the next marker at or behind a place: 0xff and a code that
// is neither stuffing, fill nor (since it can stand in data) a restart.
func (s *source) findMarker(at int64) (marker byte, start int64, err error) {
	for {
		w, err := s.window(at)
		if err != nil {
			return 0, 0, err
		}
		i := bytes.IndexByte(w, 0xff)
		if i < 0 {
			at += int64(len(w))
			continue
		}
		at += int64(i)
		var two [2]byte
		if s.size-at < 2 {
			return 0, 0, io.EOF
		}
		if err := s.read(two[:], at); err != nil {
			return 0, 0, err
		}
		switch c := two[1]; {
		case c == 0xff:
			at++
		case c == 0 || c >= mRST0 && c <= mRST7:
			at += 2
		default:
			return c, at, nil
		}
	}
}

// jpegSegment decides on one segment and gives where the next marker may stand.
func (p *plan) jpegSegment(marker byte, start, next int64) (int64, error) {
	var two [2]byte
	if err := p.src.read(two[:], next); err != nil {
		return 0, err
	}
	n := int64(be16(two[:]))
	end := next + n
	if n < 2 || end > p.src.size {
		return 0, malformed("JPEG segment of %d bytes at %d", n, start)
	}
	if marker == mCOM || marker >= mAPP0 && marker <= mAPP0+15 {
		body := make([]byte, n-2)
		if err := p.src.read(body, next+2); err != nil {
			return 0, err
		}
		return end, p.jpegApp(marker, start, end, body)
	}
	if marker != mSOS {
		return end, nil
	}
	_, at, err := p.src.findMarker(end) // skips the coded data of the scan
	return at, err
}

func (p *plan) jpegApp(marker byte, start, end int64, body []byte) error {
	is := func(app byte, mark string) bool {
		return marker == mAPP0+app && bytes.HasPrefix(body, []byte(mark))
	}
	switch {
	case is(0, "JFIF\x00"):
		return p.jfif(start, end, body)
	case is(2, "ICC_PROFILE\x00"), is(14, "Adobe"):
		return nil
	case is(1, exifMark):
		return p.jpegExif(start, end, body[len(exifMark):])
	case is(1, xmpMark):
		p.examineXMP(body[len(xmpMark):])
	case is(1, xmpExtMark):
		p.examineXMP(body[len(xmpExtMark):])
	case is(2, "MPF\x00"), is(2, "FPXR\x00"), is(0, "JFXX\x00"):
		p.found(wordPreviews)
	case is(13, ""):
		p.found(wordText)
	case is(11, "JP"):
		p.found(wordC2PA)
	case marker == mCOM:
		p.found(wordText)
	default:
		p.found(wordApp)
	}
	return p.cut(start, end-start)
}

// jpegExif puts an orientation of its own in the place of the first EXIF block
// that states one.
func (p *plan) jpegExif(start, end int64, block []byte) error {
	upright := p.orientation == 1
	p.examineExif(block, "EXIF")
	if !upright || p.orientation == 1 {
		return p.cut(start, end-start)
	}
	body := append([]byte(exifMark), orientationTIFF(p.orientation)...)
	n := len(body) + 2
	return p.replace(start, end-start, append([]byte{0xff, mAPP0 + 1, byte(n >> 8), byte(n)}, body...))
}

// jfif keeps version and density and drops the thumbnail that may follow them.
func (p *plan) jfif(start, end int64, body []byte) error {
	const plain = 14 // bytes of a JFIF body without thumbnail
	if len(body) < plain || len(body) == plain && body[12] == 0 && body[13] == 0 {
		return nil
	}
	p.found(wordThumbnail)
	head := append([]byte{0xff, mAPP0, 0, plain + 2}, body[:plain]...)
	head[len(head)-2], head[len(head)-1] = 0, 0
	return p.replace(start, end-start, head)
}

// tailStart finds where a file begins in what hangs behind another.
func tailStart(w []byte) int {
	jpeg := bytes.Index(w, []byte("\xff\xd8\xff"))
	film := bytes.Index(w, []byte("ftyp")) - 4
	if film >= 0 && (jpeg < 0 || film < jpeg) {
		return film
	}
	return jpeg
}
