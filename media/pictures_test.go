package media

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/color/palette"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tiffEntry is one entry of a TIFF directory made by a test.
type tiffEntry struct {
	tag, kind uint16
	count     uint32
	data      []byte // more than four bytes go behind the directory
}

func ascii(tag uint16, s string) tiffEntry {
	return tiffEntry{tag, 2, uint32(len(s) + 1), append([]byte(s), 0)}
}

func short(tag, v uint16) tiffEntry {
	return tiffEntry{tag, 3, 1, binary.LittleEndian.AppendUint16(nil, v)}
}

func long(tag uint16, v uint32) tiffEntry {
	return tiffEntry{tag, 4, 1, binary.LittleEndian.AppendUint32(nil, v)}
}

func rationals(tag uint16, v ...uint32) tiffEntry {
	var b []byte
	for _, n := range v {
		b = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(b, n), 1)
	}
	return tiffEntry{tag, 5, uint32(len(v)), b}
}

// ifd appends a directory to a TIFF structure and gives where it stands.
func ifd(tiff *[]byte, next uint32, entries ...tiffEntry) uint32 {
	at := uint32(len(*tiff))
	le := binary.LittleEndian
	head := le.AppendUint16(nil, uint16(len(entries)))
	var behind []byte
	dataAt := at + 2 + uint32(12*len(entries)) + 4
	for _, e := range entries {
		head = le.AppendUint32(le.AppendUint16(le.AppendUint16(head, e.tag), e.kind), e.count)
		if len(e.data) <= 4 {
			head = append(head, append(slices.Clone(e.data), make([]byte, 4-len(e.data))...)...)
			continue
		}
		head = le.AppendUint32(head, dataAt+uint32(len(behind)))
		behind = append(behind, e.data...)
	}
	*tiff = append(append(*tiff, le.AppendUint32(head, next)...), behind...)
	return at
}

// personalTIFF is EXIF as a phone writes it: camera, serial number, maker
// notes, position, preview, and an orientation.
func personalTIFF(orientation uint16) []byte {
	tiff := []byte("II*\x00\x00\x00\x00\x00")
	gps := ifd(&tiff, 0, ascii(1, "N"), rationals(2, 52, 31, 12), ascii(3, "E"), rationals(4, 13, 24, 18))
	sub := ifd(&tiff, 0,
		ascii(0x9003, "2024:05:06 07:08:09"),
		tiffEntry{0x927c, 7, 24, []byte("SECRETMAKERNOTE-12345678")},
		ascii(0xa430, "Ana Owner"), ascii(0xa431, "SN-99887766"))
	var thumb bytes.Buffer
	_ = jpeg.Encode(&thumb, image.NewGray(image.Rect(0, 0, 8, 8)), nil)
	thumbAt := uint32(len(tiff))
	tiff = append(tiff, thumb.Bytes()...)
	ifd1 := ifd(&tiff, 0, short(0x0103, 6), long(0x0201, thumbAt), long(0x0202, uint32(thumb.Len())))
	main := ifd(&tiff, ifd1,
		ascii(0x010f, "CamMaker"), ascii(0x0110, "CamModel"), short(0x0112, orientation),
		ascii(0x0131, "SoftwareName"), long(0x8769, sub), long(0x8825, gps))
	binary.LittleEndian.PutUint32(tiff[4:], main)
	return tiff
}

// personalTraces are byte strings of the fixtures that must be gone.
var personalTraces = []string{"SECRETMAKERNOTE", "SN-99887766", "Ana Owner", "CamMaker", "CamModel", "SoftwareName", "2024:05:06", "GPSLatitude", "kitchen", "hidden film"}

// testProfile is an ICC profile with one tag.
var testProfile = "\x00\x00\x00\xa0" + strings.Repeat("\x00", 8) + "mntrRGB XYZ " + strings.Repeat("\x00", 12) + "acsp" + strings.Repeat("\x00", 88) +
	"\x00\x00\x00\x01cprt\x00\x00\x00\x90\x00\x00\x00\x10text\x00\x00\x00\x00nobody\x00\x00"

const personalXMP = `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description exif:GPSLatitude="52,31.2N" aux:SerialNumber="SN-99887766"><xmpMM:History/></rdf:Description></rdf:RDF></x:xmpmeta>`

// motif is a picture without symmetry, so that every orientation shows.
func motif(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.Set(x, y, color.NRGBA{uint8(x * 255 / w), uint8(y * 255 / h), 64, 255})
		}
	}
	draw.Draw(m, image.Rect(0, 0, w/4, h/4), image.White, image.Point{}, draw.Src)
	return m
}

func segment(marker byte, body string) string {
	n := len(body) + 2
	return string([]byte{0xff, marker, byte(n >> 8), byte(n)}) + body
}

func dirtyJPEG(orientation uint16) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, motif(48, 32), &jpeg.Options{Quality: 90}); err != nil {
		panic(err)
	}
	inner := segment(0xe1, exifMark+string(personalTIFF(1)))
	hidden := "\xff\xd8" + inner + string(b.Bytes()[2:])
	return []byte("\xff\xd8" +
		segment(0xe0, "JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x01\x01abc") +
		segment(0xe1, exifMark+string(personalTIFF(orientation))) +
		segment(0xe1, xmpMark+personalXMP) +
		segment(0xe2, "ICC_PROFILE\x00\x01\x01"+testProfile) +
		segment(0xe2, "MPF\x00II*\x00") +
		segment(0xed, "Photoshop 3.0\x008BIM kitchen") +
		segment(0xfe, "taken in the kitchen") +
		string(b.Bytes()[2:]) + hidden + "hidden film")
}

func dirtyPNG(orientation uint16) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, motif(48, 32)); err != nil {
		panic(err)
	}
	extra := slices.Concat(
		pngChunkBytes("gAMA", []byte{0, 0, 0xb1, 0x8f}),
		pngChunkBytes("eXIf", personalTIFF(orientation)),
		pngChunkBytes("tEXt", []byte("Comment\x00kitchen")),
		pngChunkBytes("iTXt", []byte("XML:com.adobe.xmp\x00\x00\x00\x00\x00"+personalXMP)),
		pngChunkBytes("tEXt", []byte("Raw profile type exif\x00\nexif\n  "+fmt.Sprint(len(personalTIFF(1)))+"\n"+fmt.Sprintf("%x", personalTIFF(1)))),
		pngChunkBytes("tIME", []byte{7, 0xe8, 5, 6, 7, 8, 9}),
		pngChunkBytes("prVt", []byte("SECRETMAKERNOTE")))
	after := len(pngMagic) + 25
	return slices.Concat(b.Bytes()[:after], extra, b.Bytes()[after:], []byte("hidden film"))
}

func dirtyGIF() []byte {
	var b bytes.Buffer
	anim := &gif.GIF{LoopCount: 3}
	for i := range 3 {
		p := image.NewPaletted(image.Rect(0, 0, 24, 16), palette.WebSafe)
		draw.Draw(p, p.Rect, motif(24, 16), image.Pt(i, 0), draw.Src)
		anim.Image, anim.Delay = append(anim.Image, p), append(anim.Delay, 10)
	}
	if err := gif.EncodeAll(&b, anim); err != nil {
		panic(err)
	}
	const after = 13 // a local colour table per frame, no global one
	comment := "\x21\xfe\x07kitchen\x00"
	xmp := "\x21\xff\x0bXMP DataXMP" + gifBlocks(personalXMP) + "\x00"
	return []byte(string(b.Bytes()[:after]) + comment + xmp + string(b.Bytes()[after:]) + "hidden film")
}

func gifBlocks(s string) (out string) {
	for len(s) > 0 {
		n := min(255, len(s))
		out += string([]byte{byte(n)}) + s[:n]
		s = s[n:]
	}
	return out
}

// dirtyWebP wraps the committed lossless picture as an extended file.
func dirtyWebP(t testing.TB, orientation uint16) []byte {
	t.Helper()
	plain, err := os.ReadFile("testdata/plain.webp")
	if err != nil {
		t.Fatal(err)
	}
	body := "VP8X\x0a\x00\x00\x00\x0c\x00\x00\x00\x2f\x00\x00\x1f\x00\x00" + string(plain[12:]) +
		riffBytes("EXIF", string(personalTIFF(orientation))) + riffBytes("XMP ", personalXMP) + riffBytes("prVt", "kitchen")
	return []byte("RIFF" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(body)+4))) + "WEBP" + body + "hidden film")
}

func riffBytes(kind, body string) string {
	b := kind + string(binary.LittleEndian.AppendUint32(nil, uint32(len(body)))) + body
	return b + strings.Repeat("\x00", len(body)&1)
}

func strip(t testing.TB, in []byte) ([]byte, Report) {
	t.Helper()
	var out bytes.Buffer
	report, err := Strip(context.Background(), bytes.NewReader(in), &out)
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), report
}

func dirtyPictures(t testing.TB, orientation uint16) map[string][]byte {
	return map[string][]byte{
		"jpeg": dirtyJPEG(orientation), "png": dirtyPNG(orientation), "webp": dirtyWebP(t, orientation),
	}
}

func TestPicturesLoseTheirTracesAndKeepTheirPixels(t *testing.T) {
	pictures := dirtyPictures(t, 6)
	pictures["gif"] = dirtyGIF()
	for name, dirty := range pictures {
		t.Run(name, func(t *testing.T) {
			if found, where, err := Location(bytes.NewReader(dirty)); !found || err != nil {
				t.Fatalf("Location before = %v %q %v, want a position", found, where, err)
			}
			clean, report := strip(t, dirty)
			for _, trace := range personalTraces {
				if bytes.Contains(clean, []byte(trace)) {
					t.Errorf("%q is still there", trace)
				}
			}
			want := []string{wordGPS, wordSerial}
			if name != "gif" {
				want = append(want, wordMaker, wordCamera, wordThumbnail, wordAuthor)
			}
			for _, w := range want {
				if !slices.Contains(report.Removed, w) {
					t.Errorf("report %q does not name %q", report.Removed, w)
				}
			}
			if found, where, err := Location(bytes.NewReader(clean)); found || err != nil {
				t.Errorf("Location after = %v %q %v, want none", found, where, err)
			}
			samePixels(t, dirty, clean)
			again, second := strip(t, clean)
			if !bytes.Equal(again, clean) || len(second.Removed) > 0 {
				t.Errorf("stripping twice changes the file again: %q", second.Removed)
			}
		})
	}
}

func samePixels(t *testing.T, before, after []byte) {
	t.Helper()
	a, _, err := image.Decode(bytes.NewReader(before))
	if err != nil {
		t.Fatal(err)
	}
	b, _, err := image.Decode(bytes.NewReader(after))
	if err != nil {
		t.Fatalf("the stripped picture does not decode: %v", err)
	}
	if a.Bounds() != b.Bounds() {
		t.Fatalf("bounds %v became %v", a.Bounds(), b.Bounds())
	}
	for y := a.Bounds().Min.Y; y < a.Bounds().Max.Y; y++ {
		for x := a.Bounds().Min.X; x < a.Bounds().Max.X; x++ {
			if a.At(x, y) != b.At(x, y) {
				t.Fatalf("pixel %d,%d changed from %v to %v", x, y, a.At(x, y), b.At(x, y))
			}
		}
	}
}

func TestOrientationStays(t *testing.T) {
	for o := uint16(1); o <= 8; o++ {
		for name, dirty := range dirtyPictures(t, o) {
			clean, report := strip(t, dirty)
			if report.Orientation != int(o) {
				t.Errorf("%s: report says orientation %d, want %d", name, report.Orientation, o)
			}
			for _, b := range [][]byte{dirty, clean} {
				info, err := probe(bytes.NewReader(b))
				if err != nil {
					t.Fatal(err)
				}
				want := image.Pt(48, 32)
				if o >= 5 {
					want = image.Pt(32, 48)
				}
				if info.Orientation != int(o) || info.Width != want.X || info.Height != want.Y {
					t.Errorf("%s with orientation %d: probe = %+v, want %v", name, o, info, want)
				}
			}
		}
	}
}

func TestColourProfileAndLoopStay(t *testing.T) {
	clean, _ := strip(t, dirtyJPEG(1))
	if !bytes.Contains(clean, []byte("ICC_PROFILE\x00\x01\x01"+testProfile)) || !bytes.Contains(clean, []byte("JFIF")) {
		t.Error("JPEG lost its colour profile or its density")
	}
	if clean, _ = strip(t, dirtyPNG(1)); !bytes.Contains(clean, []byte("gAMA")) {
		t.Error("PNG lost its gamma")
	}
	clean, _ = strip(t, dirtyGIF())
	g, err := gif.DecodeAll(bytes.NewReader(clean))
	if err != nil || g.LoopCount != 3 || len(g.Image) != 3 {
		t.Errorf("GIF: %v, loops %d, want 3 frames and 3 loops", err, g.LoopCount)
	}
}

func TestExiftoolFindsNothingInPictures(t *testing.T) {
	need(t, "exiftool")
	pictures := dirtyPictures(t, 6)
	pictures["gif"] = dirtyGIF()
	for name, dirty := range pictures {
		path := filepath.Join(t.TempDir(), "p."+name)
		if err := os.WriteFile(path, dirty, 0o600); err != nil {
			t.Fatal(err)
		}
		if len(tellingTags(t, path)) == 0 {
			t.Fatalf("%s: exiftool finds nothing in the fixture, the test says nothing", name)
		}
		clean, _ := stripTo(t, path)
		if left := tellingTags(t, clean); len(left) > 0 {
			t.Errorf("%s: exiftool still finds %q", name, left)
		}
		tags := exif(t, clean)
		if tags["IFD0:Orientation"] != 6.0 && name != "gif" {
			t.Errorf("%s: orientation = %v, want 6", name, tags["IFD0:Orientation"])
		}
		if tags["ExifTool:Warning"] != nil || tags["ExifTool:Error"] != nil {
			t.Errorf("%s: exiftool warns: %v %v", name, tags["ExifTool:Warning"], tags["ExifTool:Error"])
		}
	}
}

// TestExiftoolWritesAndWeStrip lets exiftool write every group it can.
func TestExiftoolWritesAndWeStrip(t *testing.T) {
	need(t, "ffmpeg", "exiftool")
	for _, f := range []struct {
		name string
		args []string
	}{
		{"a.jpg", nil}, {"a.png", nil}, {"animated.png", []string{"-f", "apng", "-plays", "0"}},
		{"lossy.webp", []string{"-c:v", "libwebp"}},
		{"lossless.webp", []string{"-c:v", "libwebp", "-lossless", "1"}},
		{"animated.webp", []string{"-c:v", "libwebp_anim"}},
		{"a.gif", nil},
		{"a.avif", []string{"-c:v", "libaom-av1", "-cpu-used", "8", "-still-picture", "1", "-pix_fmt", "yuv420p"}},
	} {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			frameCount := "1"
			if strings.HasPrefix(f.name, "animated") || f.name == "a.gif" {
				frameCount = "4"
			}
			path := filepath.Join(t.TempDir(), f.name)
			args := append([]string{"-f", "lavfi", "-i", "testsrc=size=64x48:rate=4", "-frames:v", frameCount}, f.args...)
			ff(t, append(args, path)...)
			bare := filepath.Join(t.TempDir(), f.name)
			b, _ := os.ReadFile(path)
			_ = os.WriteFile(bare, b, 0o600)
			tags := []string{"-q", "-overwrite_original", "-XMP:GPSLatitude=52.5", "-XMP:GPSLongitude=13.4", "-XMP:Creator=Ana", "-XMP:SerialNumber=SN1", "-Comment=kitchen"}
			if f.name != "a.gif" {
				tags = append(tags, "-EXIF:GPSLatitude=52.5", "-EXIF:GPSLatitudeRef=N", "-EXIF:GPSLongitude=13.4", "-EXIF:GPSLongitudeRef=E", "-EXIF:SerialNumber=SN1", "-EXIF:Make=Cam", "-EXIF:Model=X1", "-EXIF:Artist=Ana", "-EXIF:Orientation#=8")
			}
			if f.name == "a.jpg" {
				tags = append(tags, "-IPTC:City=Berlin", "-IPTC:Keywords=home", "-ThumbnailImage<="+bare)
			}
			sh(t, "exiftool", append(tags, path)...)
			if found, _ := locationOf(t, path); !found {
				t.Error("no position found in the file that exiftool wrote")
			}
			clean, report := stripTo(t, path)
			if left := tellingTags(t, clean); len(left) > 0 {
				t.Errorf("exiftool still finds %q", left)
			}
			if found, where := locationOf(t, clean); found {
				t.Errorf("a position is left in %s", where)
			}
			if f.name != "a.gif" && (report.Orientation != 8 || exif(t, clean)["IFD0:Orientation"] != 8.0) {
				t.Errorf("orientation = %d, exiftool says %v, want 8", report.Orientation, exif(t, clean)["IFD0:Orientation"])
			}
			if frameCount == "1" || f.name != "animated.webp" { // ffmpeg 5 decodes no animated WebP
				if want, got := stillFrames(t, bare), stillFrames(t, clean); got != want {
					t.Errorf("frames changed:\n%s\n%s", want, got)
				}
			}
		})
	}
}

// stillFrames decodes without applying an orientation.
func stillFrames(t *testing.T, path string) string {
	t.Helper()
	return sh(t, "ffmpeg", "-hide_banner", "-nostdin", "-v", "error", "-noautorotate", "-i", path, "-f", "framemd5", "-")
}
