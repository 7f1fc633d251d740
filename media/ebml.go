package media

import "math/bits"

// element is one EBML element (RFC 8794). An unknown size ends where the parent does.
type element struct {
	id            uint32
	at, body, end int64
	unknown       bool
}

// elementAt reads the header of the element at a place in a parent ending at to.
func (s *source) elementAt(at, to int64) (element, error) {
	id, idLen, err := s.vint(at, to, 4)
	if err != nil {
		return element{}, err
	}
	size, sizeLen, err := s.vint(at+idLen, to, 8)
	if err != nil {
		return element{}, err
	}
	e := element{id: uint32(id), at: at, body: at + idLen + sizeLen}
	value := size &^ (1 << (7 * sizeLen))
	if value == 1<<(7*sizeLen)-1 {
		e.end, e.unknown = to, true
		return e, nil
	}
	if value > uint64(to-e.body) {
		return element{}, malformed("element %x of %d bytes at %d leaves its parent", e.id, value, at)
	}
	e.end = e.body + int64(value)
	return e, nil
}

// vint reads a variable-length number with its length mark.
func (s *source) vint(at, to int64, most int) (v uint64, n int64, err error) {
	var b [8]byte
	if at >= to {
		return 0, 0, malformed("element at %d is cut short", at)
	}
	if err := s.read(b[:1], at); err != nil {
		return 0, 0, err
	}
	length := bits.LeadingZeros8(b[0]) + 1
	if length > most || int64(length) > to-at {
		return 0, 0, malformed("element at %d has no valid length mark", at)
	}
	if err := s.read(b[:length], at); err != nil {
		return 0, 0, err
	}
	for _, c := range b[:length] {
		v = v<<8 | uint64(c)
	}
	return v, int64(length), nil
}

// eachElement walks the elements of a parent.
func (s *source) eachElement(at, to int64, each func(element) error) error {
	for at < to {
		e, err := s.elementAt(at, to)
		if err != nil {
			return err
		}
		if err := each(e); err != nil {
			return err
		}
		at = e.end
	}
	return nil
}

// uintOf reads an unsigned integer element of up to 8 bytes.
func (s *source) uintOf(e element) (v uint64, err error) {
	if e.end-e.body > 8 {
		return 0, malformed("number of %d bytes at %d", e.end-e.body, e.at)
	}
	var b [8]byte
	if err := s.read(b[8-(e.end-e.body):], e.body); err != nil {
		return 0, err
	}
	return be64(b[:]), nil
}

// Matroska element IDs (RFC 9559).
const (
	idEBML        = 0x1a45dfa3
	idSegment     = 0x18538067
	idSeekHead    = 0x114d9b74
	idSeek        = 0x4dbb
	idSeekID      = 0x53ab
	idInfo        = 0x1549a966
	idScale       = 0x2ad7b1
	idDuration    = 0x4489
	idDate        = 0x4461
	idTitle       = 0x7ba9
	idMuxingApp   = 0x4d80
	idWritingApp  = 0x5741
	idTracks      = 0x1654ae6b
	idTrackEntry  = 0xae
	idTrackType   = 0x83
	idTrackName   = 0x536e
	idCodecID     = 0x86
	idVideo       = 0xe0
	idPixelWidth  = 0xb0
	idPixelHeight = 0xba
	idCluster     = 0x1f43b675
	idTimestamp   = 0xe7
	idSimpleBlock = 0xa3
	idBlockGroup  = 0xa0
	idBlock       = 0xa1
	idBlockLen    = 0x9b
	idCues        = 0x1c53bb6b
	idChapters    = 0x1043a770
	idAttachments = 0x1941a469
	idTags        = 0x1254c367
	idVoid        = 0xec
	idCRC32       = 0xbf
)

// topLevel tells whether an element stands directly in the segment, which is
// how a cluster of unknown size ends.
func topLevel(id uint32) bool {
	switch id {
	case idSeekHead, idInfo, idTracks, idCluster, idCues, idChapters, idAttachments, idTags:
		return true
	}
	return false
}
