package media

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// The types that this package names. Audio and video in one container differ
// by what the first bytes say; Probe knows better once the tracks were read.
const (
	typeJPEG  = "image/jpeg"
	typePNG   = "image/png"
	typeGIF   = "image/gif"
	typeWebP  = "image/webp"
	typeHEIC  = "image/heic"
	typeHEIF  = "image/heif"
	typeAVIF  = "image/avif"
	typeTIFF  = "image/tiff"
	typeSVG   = "image/svg+xml"
	typeMP4   = "video/mp4"
	typeM4A   = "audio/mp4"
	typeMOV   = "video/quicktime"
	type3GP   = "video/3gpp"
	typeCR3   = "image/x-canon-cr3"
	typeWebM  = "video/webm"
	typeWebMA = "audio/webm"
	typeMKV   = "video/x-matroska"
	typeMKA   = "audio/x-matroska"
	typeOgg   = "audio/ogg"
	typeOgv   = "video/ogg"
	typeMP3   = "audio/mpeg"
	typeAAC   = "audio/aac"
	typeWAV   = "audio/wav"
	typeFLAC  = "audio/flac"
	typeAVI   = "video/x-msvideo"
	typePDF   = "application/pdf"
	typeHTML  = "text/html"
	typeText  = "text/plain"
	typeAny   = "application/octet-stream"
)

// extensions gives the one file name ending that we write for a type.
var extensions = map[string]string{
	typeJPEG: ".jpg", typePNG: ".png", typeGIF: ".gif", typeWebP: ".webp",
	typeHEIC: ".heic", typeHEIF: ".heif", typeAVIF: ".avif", typeTIFF: ".tiff",
	typeSVG: ".svg", typeMP4: ".mp4", typeM4A: ".m4a", typeMOV: ".mov",
	type3GP: ".3gp", typeCR3: ".cr3", typeWebM: ".webm", typeWebMA: ".webm",
	typeMKV: ".mkv", typeMKA: ".mka", typeOgg: ".ogg", typeOgv: ".ogv",
	typeMP3: ".mp3", typeAAC: ".aac", typeWAV: ".wav", typeFLAC: ".flac",
	typeAVI: ".avi", typePDF: ".pdf", typeHTML: ".html", typeText: ".txt",
	typeAny: ".bin",
}

// Extension gives the file name ending of a type that Sniff or Probe named,
// with its dot, or "" for a type that this package does not know.
func Extension(mime string) string { return extensions[mime] }

// Active tells whether a browser would run what a file of this type holds
// (SVG and HTML carry scripts), so that it must not be served inline.
func Active(mime string) bool { return mime == typeSVG || mime == typeHTML }

// Sniff tells from the beginning of a file (SniffLen bytes are enough) what it
// is: its media type and file name ending with the dot. It believes the bytes
// alone, never a name. What it does not know is text/plain when it is UTF-8
// without control characters, and application/octet-stream otherwise.
func Sniff(head []byte) (mime, ext string) {
	mime = sniff(head)
	return mime, extensions[mime]
}

func sniff(head []byte) string {
	for _, look := range []func([]byte) string{sniffMagic, sniffRIFF, sniffISO, sniffMatroska, sniffOgg, sniffAudio} {
		if mime := look(head); mime != "" {
			return mime
		}
	}
	return sniffText(head)
}

func sniffMagic(head []byte) string {
	for _, m := range []struct{ magic, mime string }{
		{"\xff\xd8\xff", typeJPEG},
		{pngMagic, typePNG},
		{"GIF87a", typeGIF}, {"GIF89a", typeGIF},
		{"II*\x00", typeTIFF}, {"MM\x00*", typeTIFF},
		{"fLaC", typeFLAC},
		{"%PDF-", typePDF},
	} {
		if bytes.HasPrefix(head, []byte(m.magic)) {
			return m.mime
		}
	}
	return ""
}

func sniffRIFF(head []byte) string {
	if len(head) < 12 {
		return ""
	}
	switch string(head[:4]) + string(head[8:12]) {
	case "RIFFWEBP":
		return typeWebP
	case "RIFFWAVE", "RF64WAVE", "BW64WAVE":
		return typeWAV
	case "RIFFAVI ":
		return typeAVI
	}
	return ""
}

// sniffISO reads the brands of an ISO base media file (ISO/IEC 14496-12), or
// recognises a QuickTime file from before there were brands.
func sniffISO(head []byte) string {
	if len(head) < 12 {
		return ""
	}
	switch string(head[4:8]) {
	case "ftyp":
		return brandType(head)
	case "moov", "mdat", "wide", "pnot":
		return typeMOV
	}
	return ""
}

func brandType(head []byte) string {
	size := min(int(be32(head)&0xffff), len(head))
	brands := []string{string(head[8:12])}
	for at := 16; at+4 <= size; at += 4 {
		brands = append(brands, string(head[at:at+4]))
	}
	for _, b := range brands {
		if mime := brands4[b]; mime != "" {
			return mime
		}
	}
	if strings.HasPrefix(brands[0], "3g") {
		return type3GP
	}
	for _, b := range brands {
		if b == "mif1" || b == "msf1" {
			return typeHEIF
		}
	}
	return typeMP4
}

// brands4 maps the brands that decide; mif1 and msf1 only say "some HEIF".
var brands4 = map[string]string{
	"heic": typeHEIC, "heix": typeHEIC, "heim": typeHEIC, "heis": typeHEIC,
	"hevc": typeHEIC, "hevx": typeHEIC,
	"avif": typeAVIF, "avis": typeAVIF,
	"qt  ": typeMOV, "M4A ": typeM4A, "M4B ": typeM4A, "M4P ": typeM4A,
	"crx ": typeCR3,
}

func sniffMatroska(head []byte) string {
	if !bytes.HasPrefix(head, []byte("\x1a\x45\xdf\xa3")) {
		return ""
	}
	webm := bytes.Contains(head[:min(len(head), 64)], []byte("webm"))
	video := bytes.Contains(head, []byte("\x86\x85V_")) || bytes.Contains(head, []byte("V_"))
	audio := bytes.Contains(head, []byte("A_"))
	switch {
	case webm && audio && !video:
		return typeWebMA
	case webm:
		return typeWebM
	case audio && !video:
		return typeMKA
	}
	return typeMKV
}

func sniffOgg(head []byte) string {
	if !bytes.HasPrefix(head, []byte("OggS")) {
		return ""
	}
	if bytes.Contains(head, []byte("\x80theora")) {
		return typeOgv
	}
	return typeOgg
}

func sniffAudio(head []byte) string {
	if bytes.HasPrefix(head, []byte("ID3")) {
		return typeMP3
	}
	if len(head) < 4 || head[0] != 0xff {
		return ""
	}
	if head[1]&0xf6 == 0xf0 { // ADTS: layer bits are zero
		return typeAAC
	}
	if _, err := parseMPEGFrame(head); err == nil {
		return typeMP3
	}
	return ""
}

func sniffText(head []byte) string {
	text := bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
	if len(text) == 0 || !isText(text) {
		return typeAny
	}
	return markupType(bytes.ToLower(text))
}

// markupType tells HTML and SVG from plain text. It prefers a false alarm to a
// script that is served inline.
func markupType(lower []byte) string {
	trimmed := bytes.TrimSpace(lower)
	if !bytes.HasPrefix(trimmed, []byte("<")) {
		return typeText
	}
	if bytes.Contains(lower, []byte("<svg")) {
		return typeSVG
	}
	for _, tag := range []string{"<!doctype html", "<html", "<head", "<body", "<script", "<iframe", "<h1", "<div", "<font", "<table", "<a", "<style", "<title", "<b", "<br", "<p", "<!--"} {
		if bytes.Contains(lower, []byte(tag)) {
			return typeHTML
		}
	}
	return typeText
}

func isText(b []byte) bool {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			return !utf8.FullRune(b) // a character cut off by the end of the head
		}
		if r < ' ' && r != '\n' && r != '\r' && r != '\t' && r != '\f' {
			return false
		}
		b = b[n:]
	}
	return true
}
