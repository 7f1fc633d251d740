package media

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// wav keeps format and sound, and drops every chunk that speaks about them
// (LIST INFO, bext, iXML, id3, _PMX, cue lists).
func (p *plan) wav() error {
	end, open, err := p.wavEnd()
	if err != nil {
		return err
	}
	w := wavPlan{plan: p}
	err = p.src.riffChunks(12, end, func(c riffChunk) error { return w.chunk(c, end) })
	if err != nil && !errors.Is(err, errStop) {
		return err
	}
	if err := p.cutTail(end); err != nil {
		return err
	}
	if w.change == 0 || open {
		return nil
	}
	return w.resize(end)
}

// wavEnd gives where the RIFF form ends. Recorders that were never stopped, and
// RF64 files, leave all ones or zero in the header: then it is the whole file.
func (p *plan) wavEnd() (end int64, open bool, err error) {
	var head [12]byte
	if err := p.src.read(head[:], 0); err != nil {
		return 0, false, err
	}
	n := le32(head[4:])
	if n == 0 || n == 1<<32-1 {
		return p.src.size, string(head[:4]) == "RIFF", nil
	}
	return min(8+int64(n)+int64(n&1), p.src.size), false, nil
}

type wavPlan struct {
	*plan
	change int64
	ds64   int64 // where the 64-bit sizes stand, 0 without
	long   int64 // bytes of the data chunk by ds64, 0 without
}

func (w *wavPlan) chunk(c riffChunk, end int64) error {
	switch c.kind {
	case "fmt ", "fact":
		return nil
	case "ds64":
		return w.sizes64(c)
	case "data":
		return w.sound(c, end)
	case "JUNK", "junk", "PAD ", "FLLR":
		empty, err := w.src.allZero(c.body, c.end)
		if err != nil || empty {
			return err
		}
		w.found(wordApp)
		return w.blank(c.body, c.end-c.body)
	}
	if err := w.examine(c); err != nil {
		return err
	}
	w.change -= c.end - c.at
	return w.cut(c.at, c.end-c.at)
}

func (w *wavPlan) sizes64(c riffChunk) error {
	var b [16]byte
	if c.size < 24 {
		return malformed("64-bit size chunk of %d bytes", c.size)
	}
	if err := w.src.read(b[:], c.body); err != nil {
		return err
	}
	w.ds64, w.long = c.body, int64(le64(b[8:])&(1<<62-1))
	return nil
}

// sound passes over the samples. Where their chunk is longer than 32 bits say,
// chunks behind it are walked from where the 64-bit size ends it.
func (w *wavPlan) sound(c riffChunk, end int64) error {
	if w.long == 0 || w.long <= c.size {
		return nil
	}
	next := c.body + w.long + w.long&1
	if next >= end {
		return errStop
	}
	w.long = 0 // its end is known now; another data chunk is a short one
	if err := w.src.riffChunks(next, end, func(c riffChunk) error { return w.chunk(c, end) }); err != nil {
		return err
	}
	return errStop
}

func (w *wavPlan) examine(c riffChunk) error {
	body, err := w.src.block(c.body, c.size)
	if err != nil {
		return err
	}
	switch c.kind {
	case "bext", "iXML", "axml":
		w.found(wordAuthor, wordTime)
		if bytes.Contains(bytes.ToUpper(body), []byte("LATITUDE")) || bytes.Contains(body, []byte("LOCATION_GPS")) {
			w.located(c.kind + " chunk")
		}
	case "_PMX":
		w.examineXMP(body)
	case "LIST", "id3 ", "ID3 ":
		w.found(wordTags)
	default:
		w.found(wordApp)
	}
	return nil
}

// resize corrects the length of the form.
func (w *wavPlan) resize(end int64) error {
	size := uint64(end - 8 + w.change)
	if w.ds64 != 0 {
		return w.replace(w.ds64, 8, binary.LittleEndian.AppendUint64(nil, size))
	}
	return w.replace(4, 4, binary.LittleEndian.AppendUint32(nil, uint32(size)))
}
