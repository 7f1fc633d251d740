package media

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"io"
)

const pngMagic = "\x89PNG\r\n\x1a\n"

// png keeps the chunks that say how the picture looks, colour and animation
// included (PNG third edition), and drops every other one.
func (p *plan) png() error {
	at := int64(len(pngMagic))
	var first [8]byte
	if err := p.src.read(first[:], at); err != nil || string(first[:]) != "\x00\x00\x00\x0dIHDR" {
		return malformed("PNG without header")
	}
	for at < p.src.size {
		var head [8]byte
		if err := p.src.read(head[:], at); err != nil {
			return err
		}
		n := int64(be32(head[:]))
		end := at + 12 + n
		if n > 1<<31-1 || end > p.src.size {
			return malformed("PNG chunk of %d bytes at %d", n, at)
		}
		kind := string(head[4:])
		if err := p.pngChunk(kind, at, end); err != nil {
			return err
		}
		if kind == "IEND" {
			return p.cutTail(end)
		}
		at = end
	}
	return nil
}

func (p *plan) pngChunk(kind string, at, end int64) error {
	switch kind {
	case "IHDR", "PLTE", "IDAT", "IEND", "tRNS", "cHRM", "gAMA", "iCCP", "sBIT", "sRGB",
		"cICP", "mDCV", "mDCv", "cLLI", "cLLi", "bKGD", "hIST", "pHYs", "sPLT", "oFFs",
		"acTL", "fcTL", "fdAT":
		return nil
	}
	body, err := p.src.block(at+8, end-at-12)
	if err != nil {
		return err
	}
	switch kind {
	case "eXIf":
		return p.pngExif(at, end, body)
	case "tEXt", "zTXt", "iTXt":
		p.pngText(kind, body)
	case "tIME":
		p.found(wordTime)
	case "caBX":
		p.found(wordC2PA)
	default:
		p.found(wordApp)
	}
	return p.cut(at, end-at)
}

func (p *plan) pngExif(at, end int64, body []byte) error {
	upright := p.orientation == 1
	p.examineExif(bytes.TrimPrefix(body, []byte(exifMark)), "EXIF")
	if !upright || p.orientation == 1 {
		return p.cut(at, end-at)
	}
	// Directly behind IHDR, because ffmpeg takes no animation whose frame
	// header and data an eXIf chunk separates.
	const behindHeader = int64(len(pngMagic)) + 25
	if err := p.replace(behindHeader, 0, pngChunkBytes("eXIf", orientationTIFF(p.orientation))); err != nil {
		return err
	}
	return p.cut(at, end-at)
}

// pngChunkBytes is one chunk with its length and CRC.
func pngChunkBytes(kind string, body []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	b = append(b, kind...)
	b = append(b, body...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// pngText looks into a text chunk: XMP and the "raw profiles" in which older
// tools hide EXIF say more than a caption.
func (p *plan) pngText(kind string, body []byte) {
	keyword, rest, _ := bytes.Cut(body, []byte{0})
	text := pngTextValue(kind, rest)
	switch {
	case bytes.HasPrefix(keyword, []byte("XML:com.adobe.xmp")):
		p.examineXMP(text)
	case bytes.HasPrefix(keyword, []byte("Raw profile type ")):
		raw := bytes.TrimPrefix(rawProfile(text), []byte(exifMark))
		p.examineExif(raw, "EXIF in a text chunk")
		if bytes.Contains(raw, []byte("xmpmeta")) {
			p.examineXMP(raw)
		}
	case bytes.Contains(bytes.ToLower(keyword), []byte("gps")):
		p.located("text chunk")
	default:
		p.found(wordText)
	}
}

// pngTextValue gives the text of a chunk behind its keyword, inflated where it
// is compressed and at most maxMetadata bytes of it.
func pngTextValue(kind string, rest []byte) []byte {
	compressed := kind == "zTXt"
	if kind == "iTXt" && len(rest) >= 2 {
		compressed = rest[0] == 1
		_, tail, _ := bytes.Cut(rest[2:], []byte{0}) // language tag
		_, rest, _ = bytes.Cut(tail, []byte{0})      // translated keyword
	} else if compressed && len(rest) > 0 {
		rest = rest[1:] // compression method
	}
	if !compressed {
		return rest
	}
	z, err := zlib.NewReader(bytes.NewReader(rest))
	if err != nil {
		return nil
	}
	text, _ := io.ReadAll(io.LimitReader(z, maxMetadata)) // a broken tail keeps what came
	return text
}

// rawProfile decodes ImageMagick's form: "\nname\n   length\n" and hex lines.
func rawProfile(text []byte) []byte {
	lines := bytes.SplitN(bytes.TrimLeft(text, "\n"), []byte("\n"), 3)
	if len(lines) < 3 {
		return nil
	}
	digits := bytes.ReplaceAll(lines[2], []byte("\n"), nil)
	digits = bytes.TrimRight(digits, " \x00")
	raw := make([]byte, len(digits)/2)
	n, _ := hex.Decode(raw, digits[:len(digits)&^1])
	return raw[:n]
}
