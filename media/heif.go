package media

import (
	"bytes"
	"fmt"
)

// heifItem is one item that a HEIF picture lists and that is no picture.
type heifItem struct {
	id      uint32
	kind    string
	content string // media type of a "mime" item
	extents []extent
}

type extent struct{ at, n int64 }

const emptyXMP = "<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"

// pictureItems are the item types that are pictures or ways to combine them
// (ISO/IEC 23008-12, 23000-22). The data of every other item is overwritten.
var pictureItems = words("hvc1 hvc2 lhv1 hvt1 av01 avc1 svc1 mvc1 vvc1 vvs1 j2k1 jpeg unci grid iovl iden tmap mski sato")

// topMeta takes the metadata of a film out, and goes through that of a picture,
// which is what the picture is made of.
func (w *isoPlan) topMeta(b box) error {
	picture, err := w.src.isPicture(b)
	if err != nil {
		return err
	}
	if !picture {
		return w.drop(b)
	}
	w.media = true
	inner := box{kind: "meta", at: b.at, body: b.body + 4, end: b.end} // a full box
	if err := w.children(inner, 1); err != nil {
		return err
	}
	items, err := w.src.otherItems(inner)
	if err != nil {
		return err
	}
	if err := w.properties(inner); err != nil {
		return err
	}
	for _, it := range items {
		if err := w.blankItem(it); err != nil {
			return err
		}
	}
	return nil
}

func (s *source) isPicture(meta box) (bool, error) {
	if meta.end-meta.body < 4 {
		return false, nil
	}
	var version [4]byte
	if err := s.read(version[:], meta.body); err != nil || be32(version[:]) != 0 {
		return false, err // QuickTime's meta is no full box: a child's size stands here
	}
	hdlr, ok, err := s.child(box{body: meta.body + 4, end: meta.end}, "hdlr")
	if err != nil || !ok || hdlr.end-hdlr.body < 12 {
		return false, err
	}
	var h [12]byte
	err = s.read(h[:], hdlr.body)
	return string(h[8:]) == "pict", err
}

// properties clears what people wrote about the items and when they were made.
func (w *isoPlan) properties(meta box) error {
	ipco, ok, err := w.src.path(meta, "iprp", "ipco")
	if err != nil || !ok {
		return err
	}
	return w.src.eachBox(ipco.body, ipco.end, func(b box) error {
		switch b.kind {
		case "udes", "altt", "crtt", "mdft", "uuid", "free", "skip":
			if b.end-b.body <= 4 {
				return nil
			}
			w.found(wordText)
			return w.blank(b.body+4, b.end-b.body-4)
		}
		return nil
	})
}

// blankItem overwrites an item's data: EXIF by the orientation alone, XMP by
// an empty packet, anything else by zeros.
func (w *isoPlan) blankItem(it heifItem) error {
	data, err := w.itemData(it)
	if err != nil {
		return err
	}
	put := []byte(nil)
	switch {
	case it.kind == "Exif":
		put = w.heifExif(data)
	case it.content == "application/rdf+xml":
		put = []byte(emptyXMP)
		if string(bytes.TrimRight(data, "\x00")) != emptyXMP {
			w.examineXMP(data)
		}
	default:
		w.found(wordApp)
	}
	for _, e := range it.extents {
		if int64(len(put)) > e.n {
			put = nil
		}
		if err := w.blank(e.at, e.n, put...); err != nil {
			return err
		}
		put = nil
	}
	return nil
}

func (w *isoPlan) itemData(it heifItem) (data []byte, err error) {
	for _, e := range it.extents {
		room := maxMetadata - int64(len(data))
		b, err := w.src.block(e.at, min(e.n, room))
		if err != nil {
			return nil, err
		}
		data = append(data, b...)
	}
	return data, nil
}

// heifExif: four bytes say where behind them the TIFF structure begins.
func (w *isoPlan) heifExif(data []byte) []byte {
	if len(data) < 4 {
		return nil
	}
	skip := min(int64(be32(data)), int64(len(data)-4))
	w.examineExif(bytes.TrimPrefix(data[4+skip:], []byte(exifMark)), "EXIF")
	return append(make([]byte, 4), orientationTIFF(w.orientation)...)
}

// otherItems lists the items that are no pictures, with where their data lies.
func (s *source) otherItems(meta box) ([]heifItem, error) {
	items, err := s.itemInfos(meta)
	if err != nil || len(items) == 0 {
		return nil, err
	}
	iloc, ok, err := s.child(meta, "iloc")
	if err != nil || !ok {
		return nil, err
	}
	idat, _, err := s.child(meta, "idat")
	if err != nil {
		return nil, err
	}
	return items, s.locateItems(items, iloc, idat)
}

func (s *source) itemInfos(meta box) (items []heifItem, err error) {
	iinf, ok, err := s.child(meta, "iinf")
	if err != nil || !ok {
		return nil, err
	}
	h, err := s.block(iinf.body, 1)
	if err != nil || len(h) < 1 {
		return nil, err
	}
	skip := int64(6)
	if h[0] > 0 {
		skip = 8
	}
	err = s.eachBox(iinf.body+skip, iinf.end, func(b box) error {
		it, ok, err := s.itemInfo(b)
		if err != nil || !ok {
			return err
		}
		if len(items) >= maxItems {
			return fmt.Errorf("%w: more than %d items", ErrTooLarge, maxItems)
		}
		items = append(items, it)
		return nil
	})
	return items, err
}

// itemInfo reads an infe box; ok is false for pictures.
func (s *source) itemInfo(b box) (it heifItem, ok bool, err error) {
	h, err := s.block(b.body, min(b.end-b.body, 256))
	if err != nil || b.kind != "infe" || len(h) < 12 {
		return it, false, err
	}
	switch h[0] {
	case 2:
		it.id, h = uint32(be16(h[4:])), h[8:]
	case 3:
		if len(h) < 14 {
			return it, false, nil
		}
		it.id, h = be32(h[4:]), h[10:]
	default:
		return it, false, nil
	}
	it.kind, h = string(h[:4]), h[4:]
	if pictureItems[it.kind] {
		return it, false, nil
	}
	if it.kind == "mime" {
		_, rest, _ := bytes.Cut(h, []byte{0})
		content, _, _ := bytes.Cut(rest, []byte{0})
		it.content = string(content)
	}
	return it, true, nil
}

// locateItems fills in where the items' data lies, from the iloc box.
func (s *source) locateItems(items []heifItem, iloc, idat box) error {
	r := ilocReader{src: s, at: iloc.body, end: iloc.end}
	version := r.uint(1)
	r.uint(3)
	sizes := r.uint(2)
	offsetSize, lengthSize, baseSize, indexSize := sizes>>12, sizes>>8&15, sizes>>4&15, sizes&15
	if version == 0 || version > 2 {
		indexSize = 0
	}
	wide := uint64(2)
	if version == 2 {
		wide = 4
	}
	byID := map[uint32]*heifItem{}
	for i := range items {
		byID[items[i].id] = &items[i]
	}
	count := r.uint(wide)
	for ; count > 0 && r.err == nil; count-- {
		it := byID[uint32(r.uint(wide))]
		method := uint64(0)
		if version > 0 {
			method = r.uint(2) & 15
		}
		r.uint(2) // data reference
		base := r.uint(baseSize)
		for n := r.uint(2); n > 0 && r.err == nil; n-- {
			r.uint(indexSize)
			e := extent{at: int64((base + r.uint(offsetSize)) & (1<<62 - 1)), n: int64(r.uint(lengthSize) & (1<<62 - 1))}
			if err := it.add(e, method, idat, s.size); err != nil {
				return err
			}
		}
	}
	return r.err
}

// add notes an extent of an item; a nil item is a picture and stays as it is.
func (it *heifItem) add(e extent, method uint64, idat box, size int64) error {
	if it == nil {
		return nil
	}
	switch method {
	case 0:
	case 1:
		e.at += idat.body
		size = idat.end
	default:
		return fmt.Errorf("%w: metadata item built from other items", ErrUnsupported)
	}
	if len(it.extents) >= maxTracks || e.at > size || e.n > size-e.at {
		return malformed("item data of %d bytes at %d leaves the file", e.n, e.at)
	}
	it.extents = append(it.extents, e)
	return nil
}

// ilocReader reads big-endian numbers of 0 to 8 bytes in a row.
type ilocReader struct {
	src     *source
	at, end int64
	err     error
}

func (r *ilocReader) uint(n uint64) (v uint64) {
	var b [8]byte
	if r.err != nil || n == 0 {
		return 0
	}
	if n > 8 || int64(n) > r.end-r.at {
		r.err = malformed("item location box is too short")
		return 0
	}
	r.err = r.src.read(b[8-n:], r.at)
	r.at += int64(n)
	return be64(b[:])
}
