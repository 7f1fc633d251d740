package media

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
)

// The words of Report.Removed, for people.
const (
	wordGPS       = "GPS position"
	wordCamera    = "camera make and model"
	wordSerial    = "camera serial number"
	wordMaker     = "maker notes"
	wordThumbnail = "embedded thumbnail"
	wordTime      = "date and time"
	wordAuthor    = "author and owner names"
	wordText      = "captions, comments and keywords"
	wordSoftware  = "software names"
	wordHistory   = "editing history"
	wordSettings  = "camera settings"
	wordXMP       = "XMP metadata"
	wordCopyright = "copyright note"
	wordUnique    = "unique identifiers"
	wordTail      = "data behind the end of the file"
	wordC2PA      = "content credentials (C2PA)"
	wordPreviews  = "embedded previews"
	wordApp       = "application data"
	wordTags      = "tags (title, artist, cover picture)"
	wordTelemetry = "sensor and position tracks"
	wordTimecode  = "recording time code"
	wordAttached  = "attached files"
)

// tagWords says what an EXIF tag tells about its maker (CIPA DC-008, DNG, TIFF/EP).
var tagWords = map[uint16]string{
	0x010e: wordText, 0x010f: wordCamera, 0x0110: wordCamera, 0x0131: wordSoftware,
	0x0132: wordTime, 0x013b: wordAuthor, 0x013c: wordSoftware, 0x8298: wordCopyright,
	0x9003: wordTime, 0x9004: wordTime, 0x927c: wordMaker, 0x9286: wordText,
	0x9c9b: wordText, 0x9c9c: wordText, 0x9c9d: wordAuthor, 0x9c9e: wordText, 0x9c9f: wordText,
	0xa420: wordUnique, 0xa430: wordAuthor, 0xa431: wordSerial, 0xa433: wordCamera,
	0xa434: wordCamera, 0xa435: wordSerial, 0xc614: wordCamera, 0xc62f: wordSerial,
	0x829a: wordSettings, 0x829d: wordSettings, 0x8827: wordSettings, 0x9209: wordSettings,
	0x920a: wordSettings, 0x83bb: wordText, 0x02bc: wordXMP, 0xc634: wordMaker,
	0xa436: wordText, 0xa437: wordAuthor, 0xa438: wordAuthor, 0xa439: wordAuthor,
	0xa43a: wordSoftware, 0xa43b: wordSoftware, 0xa43c: wordSoftware,
}

const (
	tagOrientation = 0x0112
	tagThumbnail   = 0x0201
	tagExifIFD     = 0x8769
	tagGPSIFD      = 0x8825
	tagSubIFDs     = 0x014a
	tagXMP         = 0x02bc

	maxIFDs       = 64   // directories followed in one TIFF structure
	maxIFDEntries = 2048 // entries read of one directory
)

// tiffFacts is what a TIFF structure (EXIF) tells.
type tiffFacts struct {
	orientation int // 1..8, 0 when it is silent
	words       []string
	gps         bool
	valid       bool
}

// readTIFF walks the directories of a TIFF structure. Broken ones end the walk
// and keep what was seen: EXIF goes whole in any case.
func readTIFF(r io.ReaderAt) tiffFacts {
	t := tiffReader{r: r}
	var head [8]byte
	if _, err := r.ReadAt(head[:], 0); err != nil {
		return t.facts
	}
	switch string(head[:4]) {
	case "II*\x00":
		t.order = binary.LittleEndian
	case "MM\x00*":
		t.order = binary.BigEndian
	default:
		return t.facts
	}
	t.facts.valid = true
	t.queue = append(t.queue, ifdRef{at: t.order.Uint32(head[4:]), main: true})
	for i := 0; i < len(t.queue) && i < maxIFDs; i++ {
		t.directory(t.queue[i])
	}
	return t.facts
}

type ifdRef struct {
	at        uint32
	gps, main bool
}

type tiffReader struct {
	r     io.ReaderAt
	order binary.ByteOrder
	queue []ifdRef
	facts tiffFacts
}

func (t *tiffReader) follow(ref ifdRef) {
	seen := slices.ContainsFunc(t.queue, func(q ifdRef) bool { return q.at == ref.at })
	if ref.at != 0 && !seen && len(t.queue) < maxIFDs {
		t.queue = append(t.queue, ref)
	}
}

func (t *tiffReader) word(w string) {
	if !slices.Contains(t.facts.words, w) {
		t.facts.words = append(t.facts.words, w)
	}
}

func (t *tiffReader) directory(ref ifdRef) {
	var two [2]byte
	if _, err := t.r.ReadAt(two[:], int64(ref.at)); err != nil {
		return
	}
	n := int64(min(t.order.Uint16(two[:]), maxIFDEntries))
	for i := range n {
		var e [12]byte
		if _, err := t.r.ReadAt(e[:], int64(ref.at)+2+12*i); err != nil {
			return
		}
		t.entry(ref, e[:])
	}
	var next [4]byte
	if _, err := t.r.ReadAt(next[:], int64(ref.at)+2+12*n); err == nil && ref.main {
		t.follow(ifdRef{at: t.order.Uint32(next[:])})
	}
}

func (t *tiffReader) entry(ref ifdRef, e []byte) {
	tag, value := t.order.Uint16(e), t.order.Uint32(e[8:])
	if ref.gps {
		t.gpsEntry(tag, e)
		return
	}
	switch tag {
	case tagOrientation:
		if o := int(t.order.Uint16(e[8:])); ref.main && t.facts.orientation == 0 && o >= 1 && o <= 8 {
			t.facts.orientation = o
		}
	case tagExifIFD:
		t.follow(ifdRef{at: value})
	case tagGPSIFD:
		t.follow(ifdRef{at: value, gps: true})
	case tagSubIFDs:
		t.subIFDs(t.order.Uint32(e[4:]), value)
	case tagThumbnail:
		t.word(wordThumbnail)
	case tagXMP:
		t.xmp(t.order.Uint32(e[4:]), value)
	}
	if w := tagWords[tag]; w != "" {
		t.word(w)
	}
}

// gpsEntry: latitude, longitude, their destination twins and the area's name
// are a position; a version number or a time stamp alone is not.
func (t *tiffReader) gpsEntry(tag uint16, e []byte) {
	switch tag {
	case 0x02, 0x04, 0x14, 0x16, 0x1c:
		if t.order.Uint32(e[4:]) > 0 {
			t.facts.gps = true
		}
	}
}

func (t *tiffReader) subIFDs(n, value uint32) {
	if n == 1 {
		t.follow(ifdRef{at: value})
		return
	}
	for i := range min(n, maxIFDs) {
		var b [4]byte
		if _, err := t.r.ReadAt(b[:], int64(value)+4*int64(i)); err != nil {
			return
		}
		t.follow(ifdRef{at: t.order.Uint32(b[:])})
	}
}

func (t *tiffReader) xmp(n, value uint32) {
	b := make([]byte, min(n, maxMetadata))
	got, _ := t.r.ReadAt(b, int64(value))
	words, gps := xmpFacts(b[:max(got, 0)])
	for _, w := range words {
		t.word(w)
	}
	t.facts.gps = t.facts.gps || gps
}

// examineExif notes what an EXIF block tells; the first orientation counts.
func (p *plan) examineExif(block []byte, where string) {
	facts := readTIFF(bytes.NewReader(block))
	p.found(facts.words...)
	if facts.gps {
		p.located(where)
	}
	if facts.orientation > 1 && p.orientation == 1 {
		p.orientation = facts.orientation
	}
	if len(facts.words) == 0 && !facts.gps && facts.orientation == 0 {
		p.found(wordSettings)
	}
}

// tiff looks at a TIFF or camera raw file. It cannot be taken apart without
// moving what its offsets point to, so it stays as it is, and unchecked.
func (p *plan) tiff() error {
	facts := readTIFF(p.src)
	if facts.gps {
		p.where = "EXIF"
	}
	if facts.orientation > 0 {
		p.orientation = facts.orientation
	}
	p.unchecked = true
	return nil
}

// orientationTIFF is the smallest TIFF structure that states an orientation:
// little-endian, one directory with one SHORT.
func orientationTIFF(orientation int) []byte {
	return []byte{
		'I', 'I', 42, 0, 8, 0, 0, 0,
		1, 0,
		0x12, 0x01, 3, 0, 1, 0, 0, 0, byte(orientation), 0, 0, 0,
		0, 0, 0, 0,
	}
}

// xmpWords says what an XMP property tells about its maker.
var xmpWords = []struct{ property, word string }{
	{"SerialNumber", wordSerial}, {":History", wordHistory}, {"xmpMM:", wordHistory},
	{"tiff:Make", wordCamera}, {"tiff:Model", wordCamera}, {"dc:creator", wordAuthor},
	{"dc:description", wordText}, {"dc:subject", wordText}, {"dc:title", wordText},
	{"dc:rights", wordCopyright}, {"CreatorTool", wordSoftware}, {"CreateDate", wordTime},
	{"DateCreated", wordTime}, {"OwnerName", wordAuthor},
}

// xmpPositions are property names that carry coordinates.
var xmpPositions = []string{"GPSLatitude", "GPSLongitude", "GPSDestL", "geo:lat", "geo:long", "GPSCoordinates", "location.ISO6709"}

// xmpFacts searches an XMP packet by name: it is XML that goes whole, so what
// counts is whether a property occurs, not its value.
func xmpFacts(packet []byte) (words []string, gps bool) {
	packet = bytes.ReplaceAll(packet, []byte{0}, nil) // UTF-16 and UTF-32 packets
	for _, x := range xmpWords {
		if bytes.Contains(packet, []byte(x.property)) && !slices.Contains(words, x.word) {
			words = append(words, x.word)
		}
	}
	for _, name := range xmpPositions {
		gps = gps || bytes.Contains(packet, []byte(name))
	}
	return words, gps
}

func (p *plan) examineXMP(packet []byte) {
	words, gps := xmpFacts(packet)
	p.found(wordXMP)
	p.found(words...)
	if gps {
		p.located("XMP")
	}
}
