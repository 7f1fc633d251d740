package media

import (
	"bytes"
	"fmt"
)

// isoKeep lists, per parent, the boxes that say how to play a film (ISO/IEC
// 14496-12 and the QuickTime File Format). All others become free boxes of the
// same size, so that no offset moves. "" is the file itself.
var isoKeep = map[string]map[string]bool{
	"":     words("ftyp styp moov moof mdat mfra sidx ssix pdin meta"),
	"moov": words("mvhd trak mvex iods pssh"),
	"trak": words("tkhd edts tref mdia load clip matt kmat tapt trgr"),
	"mdia": words("mdhd hdlr minf elng"),
	"minf": words("vmhd smhd hmhd nmhd sthd gmhd dinf stbl hdlr"),
	"stbl": words("stsd stts ctts cslg stsc stsz stz2 stco co64 stss stsh stps padb stdp sdtp sbgp sgpd subs saiz saio senc"),
	"mvex": words("mehd trex leva trep"),
	"moof": words("mfhd traf pssh"),
	"traf": words("tfhd trun tfdt sbgp sgpd subs saiz saio senc sdtp"),
	"dinf": words("dref"),
	// HEIF (ISO/IEC 23008-12): the picture's items and how they hang together.
	"meta": words("hdlr pitm iinf iloc iprp idat iref dinf grpl ipro"),
	"iprp": words("ipco ipma"),
}

func words(list string) map[string]bool {
	m := map[string]bool{}
	for _, w := range bytes.Fields([]byte(list)) {
		m[string(w)] = true
	}
	return m
}

// isoInner are the boxes that are walked into.
var isoInner = words("moov trak mdia minf stbl mvex dinf moof traf iprp")

// isoPlan walks an ISO base media file: MP4, MOV, M4A, HEIC, AVIF.
type isoPlan struct {
	*plan
	media   bool            // a moov or a picture's meta box was seen
	moofAt  int64           // where the fragment at hand begins
	mdats   []box           // where samples may lie
	dropped map[uint32]trex // tracks that go, with their defaults in fragments
	trexes  map[uint32]trex
	order   []droppedTrack
}

func (p *plan) iso() error {
	w := isoPlan{plan: p, dropped: map[uint32]trex{}, trexes: map[uint32]trex{}}
	for at := int64(0); at < p.src.size; {
		b, err := p.src.boxAt(at, p.src.size)
		if err != nil || !printable(b.kind) {
			if !w.media {
				return malformed("no film and no picture before %d", at)
			}
			if err := p.cutTail(at); err != nil {
				return err
			}
			break
		}
		if err := w.topBox(b); err != nil {
			return err
		}
		at = b.end
	}
	if !w.media {
		return malformed("no film and no picture in the file")
	}
	return w.dropSamples()
}

// printable tells a box name from chance bytes behind the last box.
func printable(kind string) bool {
	for _, c := range []byte(kind) {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return true
}

func (w *isoPlan) topBox(b box) error {
	switch b.kind {
	case "moov":
		w.media = true
		return w.moov(b)
	case "moof":
		w.media = true
		return w.moof(b)
	case "meta":
		return w.topMeta(b)
	case "mdat":
		return w.addMdat(b)
	case "mfra":
		if len(w.dropped) > 0 {
			return w.free(b)
		}
		return nil
	}
	if !isoKeep[""][b.kind] {
		return w.drop(b)
	}
	return nil
}

// addMdat remembers where samples lie; a film in very many fragments is
// remembered as one range, which is only wider.
func (w *isoPlan) addMdat(b box) error {
	if len(w.mdats) >= maxTracks {
		w.mdats[len(w.mdats)-1].end = b.end
		return nil
	}
	w.mdats = append(w.mdats, b)
	return nil
}

// children applies the list of a parent to its boxes.
func (w *isoPlan) children(parent box, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%w: boxes nest deeper than %d", ErrTooLarge, maxDepth)
	}
	return w.src.eachBox(parent.body, parent.end, func(b box) error {
		if !isoKeep[parent.kind][b.kind] {
			return w.drop(b)
		}
		return w.keptBox(b, depth)
	})
}

func (w *isoPlan) keptBox(b box, depth int) error {
	switch b.kind {
	case "mvhd", "tkhd", "mdhd":
		return w.zeroTimes(b)
	case "hdlr":
		return w.zeroHandlerName(b)
	case "dref":
		return w.zeroAliases(b)
	case "stsd":
		return w.zeroVendors(b)
	case "tref":
		return w.trackRefs(b)
	case "trak":
		return w.trak(b, depth)
	case "traf":
		return w.traf(b)
	}
	if isoInner[b.kind] {
		return w.children(b, depth+1)
	}
	return nil
}

// free turns a box into a free box of the same size, all zeros inside.
func (w *isoPlan) free(b box) error {
	head := make([]byte, b.body-b.at)
	if err := w.src.read(head, b.at); err != nil {
		return err
	}
	copy(head[4:], "free")
	return w.blank(b.at, b.size(), head...)
}

// drop frees a box that is not on the list, and notes what it told.
func (w *isoPlan) drop(b box) error {
	switch b.kind {
	case "free", "skip", "wide":
		return w.zeroFree(b)
	case "cmov":
		return fmt.Errorf("%w: compressed movie header", ErrUnsupported)
	}
	if err := w.examineBox(b, 0); err != nil {
		return err
	}
	return w.free(b)
}

// zeroFree empties a free box: editors leave the old metadata in them.
func (w *isoPlan) zeroFree(b box) error {
	empty, err := w.src.allZero(b.body, b.end)
	if err != nil || empty {
		return err
	}
	w.found(wordApp)
	return w.blank(b.body, b.end-b.body)
}

// allZero tells whether a range holds zeros only.
func (s *source) allZero(at, to int64) (bool, error) {
	for at < to {
		b, err := s.window(at)
		if err != nil {
			return false, err
		}
		b = b[:min(int64(len(b)), to-at)]
		if len(bytes.TrimLeft(b, "\x00")) > 0 {
			return false, nil
		}
		at += int64(len(b))
	}
	return true, nil
}

// zeroTimes clears creation and modification time of a header box.
func (w *isoPlan) zeroTimes(b box) error {
	var version [1]byte
	if err := w.src.read(version[:], b.body); err != nil {
		return err
	}
	n := int64(8)
	if version[0] == 1 {
		n = 16
	}
	if b.body+4+n > b.end {
		return malformed("box %q at %d is too short", b.kind, b.at)
	}
	empty, err := w.src.allZero(b.body+4, b.body+4+n)
	if err != nil || empty {
		return err
	}
	w.found(wordTime)
	return w.blank(b.body+4, n)
}

// zeroHandlerName clears manufacturer and name ("GoPro AVC") behind the type.
func (w *isoPlan) zeroHandlerName(b box) error {
	const behindType = 12 // version and flags, predefined, handler type
	if b.end-b.body <= behindType {
		return nil
	}
	return w.blank(b.body+behindType, b.end-b.body-behindType)
}

// zeroAliases clears the file names and disk names of data references.
func (w *isoPlan) zeroAliases(b box) error {
	return w.src.eachBox(b.body+8, b.end, func(entry box) error {
		if entry.end-entry.body <= 4 {
			return nil
		}
		return w.blank(entry.body+4, entry.end-entry.body-4)
	})
}

// zeroVendors clears vendor and compressor name of the sample entries.
func (w *isoPlan) zeroVendors(b box) error {
	const vendorAt, nameAt, nameLen, visual = 12, 42, 32, 78
	return w.src.eachBox(b.body+8, b.end, func(entry box) error {
		if isText := textEntries[entry.kind]; isText || entry.end-entry.body < vendorAt+4 {
			return nil
		}
		if err := w.blank(entry.body+vendorAt, 4); err != nil {
			return err
		}
		if audioEntries[entry.kind] || entry.end-entry.body < visual || !w.looksVisual(entry) {
			return nil
		}
		return w.blank(entry.body+nameAt, nameLen)
	})
}

var (
	textEntries  = words("tx3g text wvtt stpp sbtt c608 c708 mp4s")
	audioEntries = words("mp4a Opus fLaC alac ac-3 ec-3 ac-4 samr sawb sowt twos lpcm ipcm fpcm in24 in32 fl32 fl64 ulaw alaw dtsc mha1 mhm1 .mp3 enca QDM2 NONE ima4 raw")
)

// looksVisual: a visual sample entry ends its fixed part with a pre_defined of -1
// (a colour table number in QuickTime) and one frame per sample.
func (w *isoPlan) looksVisual(entry box) bool {
	var b [78]byte
	return w.src.read(b[:], entry.body) == nil && be16(b[40:]) == 1 && b[76] == 0xff && b[77] == 0xff
}

// trackRefs frees references to tracks that never stay.
func (w *isoPlan) trackRefs(b box) error {
	return w.src.eachBox(b.body, b.end, func(ref box) error {
		switch ref.kind {
		case "cdsc", "tmcd", "hint", "hind", "cdtg":
			return w.free(ref)
		}
		return nil
	})
}
