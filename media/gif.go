package media

import (
	"errors"
	"fmt"
)

// gif keeps the picture's blocks and the loop count, and drops comments, plain
// text and other application blocks (GIF89a).
func (p *plan) gif() error {
	var screen [13]byte
	if err := p.src.read(screen[:], 0); err != nil {
		return err
	}
	at, shown := int64(13)+colorTable(screen[10]), false
	for at < p.src.size {
		var two [2]byte
		if err := p.src.read(two[:min(2, p.src.size-at)], at); err != nil {
			return err
		}
		var err error
		switch two[0] {
		case 0x3b:
			return errors.Join(p.cutTail(at+1), pictured(shown))
		case 0x2c:
			shown = true
			at, err = p.src.gifImage(at)
		case 0x21:
			at, err = p.gifExtension(at, two[1])
		default:
			return errors.Join(p.cutTail(at), pictured(shown)) // decoders stop here
		}
		if err != nil {
			return err
		}
	}
	return pictured(shown)
}

// pictured refuses a file that begins like a GIF and shows nothing.
func pictured(shown bool) error {
	if shown {
		return nil
	}
	return fmt.Errorf("%w: a GIF without a picture", ErrMalformed)
}

// colorTable gives the bytes of the colour table that a flag byte announces.
func colorTable(flags byte) int64 {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}

func (s *source) gifImage(at int64) (int64, error) {
	var d [10]byte
	if err := s.read(d[:], at); err != nil {
		return 0, err
	}
	return s.gifBlocks(at + 10 + colorTable(d[9]) + 1)
}

// gifBlocks gives where a chain of sub-blocks ends; the end of the file ends it too.
func (s *source) gifBlocks(at int64) (int64, error) {
	for at < s.size {
		w, err := s.window(at)
		if err != nil {
			return 0, err
		}
		at += 1 + int64(w[0])
		if w[0] == 0 {
			return at, nil
		}
	}
	return s.size, nil
}

func (p *plan) gifExtension(at int64, label byte) (int64, error) {
	end, err := p.src.gifBlocks(at + 2)
	if err != nil {
		return 0, err
	}
	switch label {
	case 0xf9:
		return end, nil
	case 0xff:
		return end, p.gifApplication(at, end)
	}
	p.found(wordText)
	return end, p.cut(at, end-at)
}

func (p *plan) gifApplication(at, end int64) error {
	body, err := p.src.block(at+2, end-at-2)
	if err != nil {
		return err
	}
	name := ""
	if len(body) >= 12 {
		name = string(body[1:12])
	}
	switch name {
	case "NETSCAPE2.0", "ANIMEXTS1.0":
		return nil
	case "XMP DataXMP":
		p.examineXMP(body)
	default:
		p.found(wordApp)
	}
	return p.cut(at, end-at)
}
