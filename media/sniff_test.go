package media

import (
	"os"
	"testing"
)

func TestSniff(t *testing.T) {
	ftyp := func(brands string) string { return "\x00\x00\x00" + string(rune(8+len(brands))) + "ftyp" + brands }
	for _, c := range []struct{ head, mime, ext string }{
		{"\xff\xd8\xff\xe0", "image/jpeg", ".jpg"},
		{"\x89PNG\r\n\x1a\n....", "image/png", ".png"},
		{"GIF89a..", "image/gif", ".gif"},
		{"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp", ".webp"},
		{"RIFF\x00\x00\x00\x00WAVEfmt ", "audio/wav", ".wav"},
		{"RF64\xff\xff\xff\xffWAVEds64", "audio/wav", ".wav"},
		{ftyp("heic\x00\x00\x00\x00mif1heic"), "image/heic", ".heic"},
		{ftyp("mif1\x00\x00\x00\x00mif1heic"), "image/heic", ".heic"},
		{ftyp("mif1\x00\x00\x00\x00mif1miaf"), "image/heif", ".heif"},
		{ftyp("mif1\x00\x00\x00\x00avifmif1"), "image/avif", ".avif"},
		{ftyp("isom\x00\x00\x02\x00isomiso2avc1mp41"), "video/mp4", ".mp4"},
		{ftyp("qt  \x00\x00\x02\x00qt  "), "video/quicktime", ".mov"},
		{ftyp("M4A \x00\x00\x02\x00M4A mp42"), "audio/mp4", ".m4a"},
		{ftyp("3gp5\x00\x00\x02\x003gp5"), "video/3gpp", ".3gp"},
		{"\x00\x00\x00\x08wide\x00\x00\x10\x00mdat", "video/quicktime", ".mov"},
		{"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm....\x86\x85V_VP8", "video/webm", ".webm"},
		{"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm....\x86\x86A_OPUS", "audio/webm", ".webm"},
		{"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x88matroska", "video/x-matroska", ".mkv"},
		{"OggS\x00\x02......OpusHead", "audio/ogg", ".ogg"},
		{"OggS\x00\x02......\x80theora", "video/ogg", ".ogv"},
		{"ID3\x04\x00", "audio/mpeg", ".mp3"},
		{"\xff\xfb\x90\x64", "audio/mpeg", ".mp3"},
		{"\xff\xf1\x50\x80", "audio/aac", ".aac"},
		{"fLaC\x00\x00\x00\x22", "audio/flac", ".flac"},
		{"%PDF-1.7\n", "application/pdf", ".pdf"},
		{"  <!DOCTYPE html><p>", "text/html", ".html"},
		{"\xef\xbb\xbf<script>alert(1)</script>", "text/html", ".html"},
		{"<?xml version='1.0'?>\n<svg xmlns='x'>", "image/svg+xml", ".svg"},
		{"<!-- hi --><SVG onload=x>", "image/svg+xml", ".svg"},
		{"a < b, said Ana", "text/plain", ".txt"},
		{"caf\xc3", "text/plain", ".txt"}, // cut within a character
		{"\x00\x01\x02", "application/octet-stream", ".bin"},
		{"MZ\x90\x00\x03", "application/octet-stream", ".bin"},
		{"", "application/octet-stream", ".bin"},
	} {
		if mime, ext := Sniff([]byte(c.head)); mime != c.mime || ext != c.ext {
			t.Errorf("Sniff(%q) = %s %s, want %s %s", c.head, mime, ext, c.mime, c.ext)
		}
	}
	for _, mime := range []string{"text/html", "image/svg+xml"} {
		if !Active(mime) {
			t.Errorf("%s is active content", mime)
		}
	}
	if Active("image/png") {
		t.Error("a PNG is no active content")
	}
}

func TestSniffFixtures(t *testing.T) {
	for _, path := range fixtures(t) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if mime, _ := Sniff(b[:min(len(b), SniffLen)]); mime == typeAny || mime == typeText {
			t.Errorf("%s is %s", path, mime)
		}
	}
}
