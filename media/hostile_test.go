package media

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
)

func boxBytes(kind, body string) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(body)+8))) + kind + body
}

// TestLyingLengthsTakeNoMemory: every file announces far more than it holds.
func TestLyingLengthsTakeNoMemory(t *testing.T) {
	ftyp := boxBytes("ftyp", "isom\x00\x00\x00\x00isom")
	stbl := func(boxes string) string {
		return boxBytes("moov", boxBytes("trak", boxBytes("mdia", boxBytes("hdlr", "\x00\x00\x00\x00\x00\x00\x00\x00meta\x00")+boxBytes("minf", boxBytes("stbl", boxes)))))
	}
	nested := ""
	for range 200 {
		nested = boxBytes("moov", nested)
	}
	for name, b := range map[string]string{
		"box":        ftyp + "\x00\x00\x00\x01moov\x7f\xff\xff\xff\xff\xff\xff\xff",
		"nested":     ftyp + nested,
		"stsz":       ftyp + stbl(boxBytes("stsz", "\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff")+boxBytes("stco", "\x00\x00\x00\x00\xff\xff\xff\xff\x00\x00\x00\x20")+boxBytes("stsc", "\x00\x00\x00\x00\xff\xff\xff\xff\x00\x00\x00\x01\xff\xff\xff\xff\x00\x00\x00\x01")),
		"uniform":    ftyp + stbl(boxBytes("stsz", "\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff")+boxBytes("stco", "\x00\x00\x00\x00\xff\xff\xff\xff\x00\x00\x00\x20")+boxBytes("stsc", "\x00\x00\x00\x00\xff\xff\xff\xff\x00\x00\x00\x01\xff\xff\xff\xff\x00\x00\x00\x01")),
		"iloc":       boxBytes("ftyp", "avif\x00\x00\x00\x00avif") + boxBytes("meta", "\x00\x00\x00\x00"+boxBytes("hdlr", "\x00\x00\x00\x00\x00\x00\x00\x00pict\x00")+boxBytes("iinf", "\x00\x00\x00\x00\xff\xff"+boxBytes("infe", "\x02\x00\x00\x00\x00\x01\x00\x00Exif\x00"))+boxBytes("iloc", "\x02\x00\x00\x00\x44\x40\xff\xff\xff\xff\x00\x00\x00\x01")),
		"png":        pngMagic + "\x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00\x00\x00\x00\x00\x7f\xff\xff\xfftEXt",
		"jpeg":       "\xff\xd8\xff\xe1\xff\xffExif\x00\x00",
		"webp":       "RIFF\xff\xff\xff\xffWEBPEXIF\xff\xff\xff\xff",
		"wav":        "RIFF\xff\xff\xff\xffWAVELIST\xff\xff\xff\xff",
		"matroska":   "\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff\x12\x54\xc3\x67\x01\x00\xff\xff\xff\xff\xff\xff",
		"ogg":        "OggS\x00\x02" + strings.Repeat("\x00", 20) + "\xff" + strings.Repeat("\xff", 255),
		"flac":       "fLaC\x84\xff\xff\xff",
		"id3":        "ID3\x04\x00\x00\x7f\x7f\x7f\x7f",
		"gif":        "GIF89a\x01\x00\x01\x00\xf7\x00\x00",
		"zip in png": pngMagic + string(pngChunkBytes("IHDR", make([]byte, 13))) + string(pngChunkBytes("zTXt", []byte("XML:com.adobe.xmp\x00\x00\x78\x9c"))),
		"tiff loop":  "\xff\xd8" + segment(0xe1, exifMark+"II*\x00\x08\x00\x00\x00\x01\x00\x69\x87\x04\x00\x01\x00\x00\x00\x08\x00\x00\x00\x08\x00\x00\x00") + "\xff\xd9",
	} {
		t.Run(name, func(t *testing.T) { checkMemoryOf(t, []byte(b)) })
	}
}

func checkMemoryOf(t *testing.T, b []byte) {
	t.Helper()
	defer checkMemory(t, len(b))()
	_, _ = probe(bytes.NewReader(b))
	var out bytes.Buffer
	if _, err := Strip(context.Background(), bytes.NewReader(b), &out); err != nil && out.Len() > 0 {
		t.Errorf("%d bytes written before %v", out.Len(), err)
	}
}

// TestSamplesOutsideTheMediaDataAreRefused: following such a table would zero
// the film's own headers.
func TestSamplesOutsideTheMediaDataAreRefused(t *testing.T) {
	film := boxBytes("ftyp", "isom\x00\x00\x00\x00isom") +
		boxBytes("moov", boxBytes("trak", boxBytes("mdia", boxBytes("hdlr", "\x00\x00\x00\x00\x00\x00\x00\x00meta\x00")+boxBytes("minf", boxBytes("stbl",
			boxBytes("stsz", "\x00\x00\x00\x00\x00\x00\x00\x10\x00\x00\x00\x01")+
				boxBytes("stco", "\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x20")+
				boxBytes("stsc", "\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01")))))) +
		boxBytes("mdat", "sound")
	if _, err := Strip(context.Background(), strings.NewReader(film), io.Discard); !errors.Is(err, ErrMalformed) {
		t.Errorf("Strip = %v, want ErrMalformed", err)
	}
}

func TestUnknownFilesAreCopiedAndSaidToBeUnchecked(t *testing.T) {
	for _, s := range []string{"just text", "%PDF-1.7 Author(Ana)", "<svg></svg>", "\x00\x01\x02\x03", ""} {
		var out bytes.Buffer
		report, err := Strip(t.Context(), strings.NewReader(s), &out)
		if err != nil || !report.Unchecked || out.String() != s {
			t.Errorf("%q: %+v, %v, copy %q", s, report, err, out.String())
		}
	}
}

func TestCancelledStripStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Strip(ctx, bytes.NewReader(dirtyJPEG(1)), io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("Strip = %v, want context.Canceled", err)
	}
}

// zerosBehind is a virtual file of any size: a beginning, and zeros behind it.
type zerosBehind struct{ head string }

func (z zerosBehind) ReadAt(p []byte, at int64) (int, error) {
	clear(p)
	if at < int64(len(z.head)) {
		copy(p, z.head[at:])
	}
	return len(p), nil
}

// TestMemoryDoesNotGrowWithTheFile strips a film of 512 MB.
func TestMemoryDoesNotGrowWithTheFile(t *testing.T) {
	const size = 512 << 20
	head := boxBytes("ftyp", "isom\x00\x00\x00\x00isom") + boxBytes("moov", boxBytes("udta", boxBytes("\xa9xyz", "\x00\x12\x00\x00+52.52+013.40/")))
	head += string(binary.BigEndian.AppendUint32(nil, uint32(size-len(head)))) + "mdat"
	defer checkMemory(t, size)()
	var n countWriter
	report, err := Strip(t.Context(), io.NewSectionReader(zerosBehind{head}, 0, size), &n)
	if err != nil || n != size || len(report.Removed) == 0 {
		t.Errorf("%d bytes, %+v, %v; want %d bytes", n, report, err, size)
	}
}

type countWriter int64

func (c *countWriter) Write(p []byte) (int, error) {
	*c += countWriter(len(p))
	return len(p), nil
}
