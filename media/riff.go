package media

import "encoding/binary"

// riffChunk is one chunk of a RIFF file (WebP, WAV).
type riffChunk struct {
	kind          string
	at, body, end int64 // end includes the padding byte
	size          int64 // of the body, without padding
}

// riffChunks walks chunks from a place; a last chunk that the file cuts short
// ends at the end of the file.
func (s *source) riffChunks(at, to int64, each func(riffChunk) error) error {
	for at+8 <= to {
		var head [8]byte
		if err := s.read(head[:], at); err != nil {
			return err
		}
		c := riffChunk{kind: string(head[:4]), at: at, body: at + 8, size: int64(le32(head[4:]))}
		c.end = min(c.body+c.size+c.size&1, to)
		c.size = min(c.size, c.end-c.body)
		if err := each(c); err != nil {
			return err
		}
		at = c.end
	}
	return nil
}

// webp keeps picture, animation, alpha and colour profile chunks.
func (p *plan) webp() error {
	end, err := p.riffEnd()
	if err != nil {
		return err
	}
	var w webpPlan
	w.plan = p
	if err := p.src.riffChunks(12, end, w.chunk); err != nil {
		return err
	}
	if len(p.edits) == 0 && w.flagsAt == 0 {
		return p.cutTail(end)
	}
	return w.finish(end)
}

// riffEnd gives where the RIFF form ends by its own word, within the file.
func (p *plan) riffEnd() (int64, error) {
	var head [12]byte
	if err := p.src.read(head[:], 0); err != nil {
		return 0, err
	}
	n := int64(le32(head[4:]))
	return min(8+n+n&1, p.src.size), nil
}

type webpPlan struct {
	*plan
	flagsAt int64 // where the VP8X flags stand, 0 without
	flags   byte
	exif    bool // an orientation was written
	change  int64
}

func (w *webpPlan) chunk(c riffChunk) error {
	switch c.kind {
	case "VP8 ", "VP8L", "ALPH", "ANIM", "ANMF", "ICCP":
		return nil
	case "VP8X":
		var b [1]byte
		w.flagsAt = c.body
		err := w.src.read(b[:], c.body)
		w.flags = b[0]
		return err
	}
	body, err := w.src.block(c.body, c.size)
	if err != nil {
		return err
	}
	switch c.kind {
	case "EXIF":
		return w.exifChunk(c, body)
	case "XMP ":
		w.examineXMP(body)
	case "C2PA":
		w.found(wordC2PA)
	default:
		w.found(wordApp)
	}
	return w.drop(c, nil)
}

func (w *webpPlan) exifChunk(c riffChunk, body []byte) error {
	if len(body) > len(exifMark) && string(body[:len(exifMark)]) == exifMark {
		body = body[len(exifMark):]
	}
	w.examineExif(body, "EXIF")
	if w.exif || w.orientation == 1 {
		return w.drop(c, nil)
	}
	w.exif = true
	tiff := orientationTIFF(w.orientation)
	put := binary.LittleEndian.AppendUint32([]byte("EXIF"), uint32(len(tiff)))
	return w.drop(c, append(put, tiff...))
}

func (w *webpPlan) drop(c riffChunk, put []byte) error {
	w.change += int64(len(put)) - (c.end - c.at)
	return w.replace(c.at, c.end-c.at, put)
}

// finish corrects the length of the form and the flags that announce chunks.
func (w *webpPlan) finish(end int64) error {
	const flagXMP, flagEXIF = 0x04, 0x08
	size := binary.LittleEndian.AppendUint32(nil, uint32(end-8+w.change))
	if err := w.replace(4, 4, size); err != nil {
		return err
	}
	if flags := w.flags &^ (flagXMP | flagEXIF); w.flagsAt != 0 {
		if w.exif {
			flags |= flagEXIF
		}
		if err := w.replace(w.flagsAt, 1, []byte{flags}); err != nil {
			return err
		}
	}
	return w.cutTail(end)
}
