package media

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
)

// Report says what Strip did.
type Report struct {
	Type        string   // media type, as Sniff names it
	Removed     []string // what was taken out, in words for people, each once
	Orientation int      // EXIF orientation 1..8 that the file keeps; 1 is upright
	Unchecked   bool     // the format is not known here: nothing was looked at or taken out
}

// Strip writes to out what in holds, without what it tells about its maker:
// position, camera and serial numbers, maker notes, embedded previews, names,
// editing history. It rewrites the container and encodes nothing again. Formats
// it does not know are copied as they are and the report says Unchecked; one of
// these that is seen to carry a position (TIFF) is refused with ErrUnsupported.
// docs/guide/what-is-removed.md lists formats and fields.
//
// in is read twice from its beginning. Nothing is written before the whole
// container was understood, so ErrMalformed, ErrUnsupported and ErrTooLarge
// leave out untouched.
func Strip(ctx context.Context, in io.ReadSeeker, out io.Writer) (Report, error) {
	p, err := planFor(in)
	if err != nil {
		return Report{}, fmt.Errorf("media: reading the container: %w", err)
	}
	if p.unchecked && p.where != "" {
		return Report{}, fmt.Errorf("media: %w: the position in %s cannot be taken out of %s", ErrUnsupported, p.where, p.mime)
	}
	edits, err := settle(p.edits)
	if err != nil {
		return Report{}, err
	}
	if err := p.src.copyEdited(ctx, out, edits); err != nil {
		return Report{}, fmt.Errorf("media: writing the stripped file: %w", err)
	}
	return p.report(), nil
}

// Location tells whether a file says where it was made, and in which of its
// parts (for the person who is refused). It knows what Strip knows; a format
// that Strip does not know is reported as not found.
func Location(in io.ReadSeeker) (found bool, where string, err error) {
	p, err := planFor(in)
	if err != nil {
		return false, "", fmt.Errorf("media: reading the container: %w", err)
	}
	return p.where != "", p.where, nil
}

// edit replaces cut bytes of the input by put and then pad zero bytes.
type edit struct {
	at, cut int64
	put     []byte
	pad     int64
}

// blanks tells whether an edit only turns bytes to zero.
func (e edit) blanks() bool { return len(e.put) == 0 && e.pad == e.cut }

// plan is what is to be done with a file, and what was seen in it.
type plan struct {
	src         *source
	mime        string
	edits       []edit
	removed     []string
	where       string
	orientation int
	unchecked   bool
	depth       int
}

func planFor(in io.ReadSeeker) (*plan, error) {
	src, err := newSource(in)
	if err != nil {
		return nil, err
	}
	return planSource(src, 0)
}

func planSource(src *source, depth int) (*plan, error) {
	head, err := src.head()
	if err != nil {
		return nil, err
	}
	p := &plan{src: src, mime: sniff(head), orientation: 1, depth: depth}
	return p, p.walk()
}

func (p *plan) walk() error {
	switch p.mime {
	case typeJPEG:
		return p.jpeg()
	case typePNG:
		return p.png()
	case typeGIF:
		return p.gif()
	case typeWebP:
		return p.webp()
	case typeWAV:
		return p.wav()
	case typeFLAC:
		return p.flac()
	case typeMP3, typeAAC:
		return p.mp3()
	case typeOgg, typeOgv:
		return p.ogg()
	case typeWebM, typeWebMA, typeMKV, typeMKA:
		return p.matroska()
	case typeMP4, typeM4A, typeMOV, type3GP, typeHEIC, typeHEIF, typeAVIF:
		return p.iso()
	case typeTIFF:
		return p.tiff()
	}
	p.unchecked = true
	return nil
}

func (p *plan) report() Report {
	return Report{Type: p.mime, Removed: p.removed, Orientation: p.orientation, Unchecked: p.unchecked}
}

// found notes something that goes, once per word.
func (p *plan) found(words ...string) {
	for _, w := range words {
		if !slices.Contains(p.removed, w) {
			p.removed = append(p.removed, w)
		}
	}
}

// located notes that a part of the file tells a position.
func (p *plan) located(where string) {
	p.found(wordGPS)
	if p.where == "" {
		p.where = where
	}
}

func (p *plan) edit(e edit) error {
	if e.cut < 0 || e.at < 0 || e.at > p.src.size || e.cut > p.src.size-e.at {
		return malformed("a part of %d bytes at %d leaves the file", e.cut, e.at)
	}
	if len(p.edits) >= maxEdits {
		return fmt.Errorf("%w: more than %d parts to rewrite", ErrTooLarge, maxEdits)
	}
	p.edits = append(p.edits, e)
	return nil
}

func (p *plan) cut(at, n int64) error { return p.edit(edit{at: at, cut: n}) }

func (p *plan) replace(at, n int64, put []byte) error {
	return p.edit(edit{at: at, cut: n, put: put})
}

// blank overwrites n bytes with head and zeros; the file keeps its size.
func (p *plan) blank(at, n int64, head ...byte) error {
	if n == 0 {
		return nil
	}
	if int64(len(head)) > n {
		head = head[:n]
	}
	if last := len(p.edits) - 1; last >= 0 && len(head) == 0 && p.edits[last].blanks() && p.edits[last].at+p.edits[last].cut == at && n <= p.src.size-at {
		p.edits[last].cut += n
		p.edits[last].pad += n
		return nil
	}
	return p.edit(edit{at: at, cut: n, put: head, pad: n - int64(len(head))})
}

// cutTail drops what follows the end of the format: previews, films, notes.
func (p *plan) cutTail(at int64) error {
	if at >= p.src.size {
		return nil
	}
	p.found(wordTail)
	p.examineTail(at)
	return p.cut(at, p.src.size-at)
}

// examineTail looks into a picture or film that hangs behind this one (multi
// picture format, motion photos), so that its position is known of.
func (p *plan) examineTail(at int64) {
	w, err := p.src.window(at)
	if err != nil || p.depth >= maxTails {
		return
	}
	skip := tailStart(w)
	if skip < 0 {
		return
	}
	inner, err := planSource(p.src.part(at+int64(skip)), p.depth+1)
	if err != nil && inner == nil {
		return
	}
	p.found(inner.removed...)
	if inner.where != "" {
		p.located(inner.where)
	}
}

// settle sorts edits, joins blanked ranges that overlap and refuses others.
func settle(edits []edit) ([]edit, error) {
	slices.SortStableFunc(edits, func(a, b edit) int { // what is put in stands before what is cut
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(min(a.cut, 1), min(b.cut, 1)))
	})
	out := edits[:0]
	for _, e := range edits {
		last := len(out) - 1
		if last < 0 || e.at >= out[last].at+out[last].cut {
			out = append(out, e)
			continue
		}
		prev := &out[last]
		if !e.blanks() || prev.pad+int64(len(prev.put)) != prev.cut {
			return nil, malformed("two parts share the bytes at %d", e.at)
		}
		if grow := e.at + e.cut - (prev.at + prev.cut); grow > 0 {
			prev.cut += grow
			prev.pad += grow
		}
	}
	return out, nil
}

// copyEdited streams the file with the edits, which are sorted and apart.
func (s *source) copyEdited(ctx context.Context, w io.Writer, edits []edit) error {
	at := int64(0)
	for _, e := range edits {
		if err := s.copyRange(ctx, w, at, e.at); err != nil {
			return err
		}
		if _, err := w.Write(e.put); err != nil {
			return err
		}
		if err := writeZeros(ctx, w, e.pad); err != nil {
			return err
		}
		at = e.at + e.cut
	}
	return s.copyRange(ctx, w, at, s.size)
}

func (s *source) copyRange(ctx context.Context, w io.Writer, from, to int64) error {
	for from < to {
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := s.window(from)
		if err != nil {
			return err
		}
		b = b[:min(int64(len(b)), to-from)]
		if _, err := w.Write(b); err != nil {
			return err
		}
		from += int64(len(b))
	}
	return nil
}

var zeros [32 << 10]byte // never written to

func writeZeros(ctx context.Context, w io.Writer, n int64) error {
	for n > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		k := min(n, int64(len(zeros)))
		if _, err := w.Write(zeros[:k]); err != nil {
			return err
		}
		n -= k
	}
	return nil
}
