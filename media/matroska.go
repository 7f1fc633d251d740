package media

import (
	"bytes"
	"errors"
)

// matroska turns tags, attachments, titles, dates and names into Void elements
// of the same size, so that no offset of the index moves (RFC 9559, RFC 8794).
func (p *plan) matroska() error {
	for at := int64(0); at < p.src.size; {
		e, err := p.src.elementAt(at, p.src.size)
		if err != nil || at == 0 && e.id != idEBML {
			return p.matroskaTail(at, err)
		}
		switch e.id {
		case idEBML:
		case idSegment:
			if e.end, err = p.segment(e); err != nil {
				return err
			}
		case idVoid:
			err = p.voidElement(e)
		default:
			return p.cutTail(at)
		}
		if err != nil {
			return err
		}
		at = e.end
	}
	return nil
}

// matroskaTail cuts what is no element behind the file's own.
func (p *plan) matroskaTail(at int64, err error) error {
	if at == 0 {
		return errors.Join(malformed("no EBML header"), err)
	}
	return p.cutTail(at)
}

// segment walks the segment and gives where it ends. A recording that was cut
// off ends in the middle of a cluster; what follows the last whole element is
// picture and sound.
func (p *plan) segment(seg element) (int64, error) {
	at := seg.body
	for at < seg.end {
		e, err := p.src.elementAt(at, seg.end)
		if err != nil {
			if cut, ok := p.src.cutCluster(at); ok {
				return cut, nil
			}
			return 0, err
		}
		if seg.unknown && (e.id == idSegment || e.id == idEBML) {
			return at, nil
		}
		if e.unknown {
			if e.id != idCluster {
				return 0, malformed("element %x at %d has no size", e.id, at)
			}
			e.end = p.src.clusterEnd(e)
		}
		if err := p.segmentPart(e); err != nil {
			return 0, err
		}
		at = e.end
	}
	return at, nil
}

// cutCluster tells whether the last element is a cluster that the end of the
// file cuts short, and gives that end.
func (s *source) cutCluster(at int64) (int64, bool) {
	id, n, err := s.vint(at, s.size, 4)
	if err != nil || id != idCluster {
		return 0, false
	}
	_, _, err = s.vint(at+n, s.size, 8)
	return s.size, err == nil
}

// clusterEnd finds where a cluster of unknown size ends: at the next element of
// the segment, or where the recording was cut off.
func (s *source) clusterEnd(cluster element) int64 {
	at := cluster.body
	for at < cluster.end {
		e, err := s.elementAt(at, cluster.end)
		if err != nil {
			return cluster.end
		}
		if topLevel(e.id) || e.unknown {
			return at
		}
		at = e.end
	}
	return at
}

func (p *plan) segmentPart(e element) error {
	switch e.id {
	case idCluster, idCues, idChapters:
		return nil
	case idSeekHead:
		return p.eachIn(e, p.seekEntry)
	case idInfo:
		return p.eachIn(e, p.infoPart)
	case idTracks:
		return p.eachIn(e, func(t element) error {
			if t.id == idTrackEntry {
				return p.eachIn(t, p.trackPart)
			}
			return p.checksum(t)
		})
	case idVoid, idCRC32:
		return p.voidElement(e)
	case idTags:
		return p.tags(e)
	case idAttachments:
		p.found(wordAttached)
	default:
		p.found(wordApp)
	}
	return p.void(e)
}

func (p *plan) eachIn(e element, each func(element) error) error {
	return p.src.eachElement(e.body, e.end, each)
}

// seekEntry takes the index entries of what goes out of the seek head.
func (p *plan) seekEntry(e element) error {
	if e.id != idSeek {
		return p.checksum(e)
	}
	gone := false
	if err := p.eachIn(e, func(c element) error {
		if c.id != idSeekID || c.end-c.body > 4 {
			return nil
		}
		id, err := p.src.uintOf(c)
		gone = gone || id == idTags || id == idAttachments
		return err
	}); err != nil {
		return err
	}
	if !gone {
		return nil
	}
	return p.void(e)
}

func (p *plan) infoPart(e element) error {
	switch e.id {
	case idScale, idDuration, idMuxingApp:
		return nil
	case idWritingApp: // mandatory: an empty string of the same size
		return p.blank(e.body, e.end-e.body)
	case idDate:
		p.found(wordTime)
	case idTitle:
		p.found(wordTags)
	case idVoid, idCRC32:
		return p.voidElement(e)
	default: // segment numbers and file names of a recording in parts
		p.found(wordUnique)
	}
	return p.void(e)
}

func (p *plan) trackPart(e element) error {
	if e.id == idTrackName {
		return p.void(e)
	}
	return p.checksum(e)
}

// checksum voids a CRC-32, which would no longer be right.
func (p *plan) checksum(e element) error {
	if e.id == idCRC32 || e.id == idVoid {
		return p.voidElement(e)
	}
	return nil
}

// tags notes what the tags tell before they go.
func (p *plan) tags(e element) error {
	text, err := p.src.block(e.body, e.end-e.body)
	if err != nil {
		return err
	}
	upper := bytes.ToUpper(text)
	for _, name := range []string{"LOCATION", "GPS", "LATITUDE", "\xa9XYZ"} {
		if bytes.Contains(upper, []byte(name)) {
			p.located("tags")
		}
	}
	if bytes.Contains(upper, []byte("MAKE")) || bytes.Contains(upper, []byte("MODEL")) {
		p.found(wordCamera)
	}
	if bytes.Contains(upper, []byte("SERIAL")) {
		p.found(wordSerial)
	}
	p.found(wordTags)
	return p.void(e)
}

// voidElement empties a Void element, in which editors leave the old metadata,
// and turns a CRC-32 into one.
func (p *plan) voidElement(e element) error {
	if e.id == idCRC32 {
		return p.void(e)
	}
	empty, err := p.src.allZero(e.body, e.end)
	if err != nil || empty {
		return err
	}
	p.found(wordApp)
	return p.blank(e.body, e.end-e.body)
}

// void turns a whole element into a Void element of the same size.
func (p *plan) void(e element) error {
	n := e.end - e.at
	if n-2 <= 126 {
		return p.blank(e.at, n, idVoid, byte(0x80|(n-2)))
	}
	size := uint64(n - 9)
	head := []byte{idVoid, 1}
	for shift := 48; shift >= 0; shift -= 8 {
		head = append(head, byte(size>>shift))
	}
	return p.blank(e.at, n, head...)
}
