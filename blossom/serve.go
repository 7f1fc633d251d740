package blossom

import (
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"mural/blob"
)

const (
	unknownType = "application/octet-stream"
	sniffBytes  = 4 << 10 // bytes of a file's head that are looked at

	// sandbox keeps a blob that is opened as a page from running anything or reading this origin.
	sandbox = "sandbox; default-src 'none'; img-src 'self' data:; media-src 'self'; style-src 'unsafe-inline'"
)

// typeOf gives the media type to serve: what was declared, else what the bytes
// look like. BUD-01: "it MUST default to application/octet-stream".
func (s *Server) typeOf(f *blob.File) (string, error) {
	declared := cleanType(f.Info().Type)
	if declared != unknownType || s.Sniff == nil || f.Info().Size == 0 {
		return declared, nil
	}
	head := make([]byte, sniffBytes)
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return "", err
	}
	found, _ := s.Sniff(head[:n])
	return cleanType(found), nil
}

// cleanType gives a well-formed media type, application/octet-stream where t is none.
func cleanType(t string) string {
	name, params, err := mime.ParseMediaType(t)
	if err != nil || !strings.Contains(name, "/") || len(t) > blob.MaxTypeBytes {
		return unknownType
	}
	if clean := mime.FormatMediaType(name, params); clean != "" {
		return clean
	}
	return unknownType
}

// describe sets the headers of a blob. A name never means other bytes, so it
// may be cached for good.
func describe(h http.Header, name blob.Hash, mimeType string) {
	h.Set("Content-Type", mimeType)
	h.Set("ETag", `"`+name.String()+`"`)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", sandbox)
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	if !isPassive(mimeType) {
		h.Set("Content-Disposition", `attachment; filename="`+name.String()+"."+extension(mimeType)+`"`)
	}
}

// isPassive says whether a browser may show a type as it is: pictures, sound,
// clips and plain text. SVG is a page that calls itself a picture.
func isPassive(mimeType string) bool {
	name, _, _ := strings.Cut(mimeType, ";")
	name = strings.TrimSpace(name)
	kind, _, _ := strings.Cut(name, "/")
	switch kind {
	case "image":
		return !strings.Contains(name, "xml") && !strings.Contains(name, "svg")
	case "audio", "video":
		return !strings.Contains(name, "xml")
	}
	return name == "text/plain"
}

// extensions of the types that people post. BUD-02: "Servers MUST include a
// file extension in the URL"; BUD-10: unknown is bin.
var extensions = map[string]string{
	"image/jpeg": "jpg", "image/png": "png", "image/gif": "gif", "image/webp": "webp", "image/avif": "avif",
	"image/heic": "heic", "image/heif": "heif", "image/svg+xml": "svg", "image/bmp": "bmp", "image/tiff": "tif",
	"video/mp4": "mp4", "video/quicktime": "mov", "video/webm": "webm", "video/x-matroska": "mkv", "video/mp2t": "ts",
	"audio/mp4": "m4a", "audio/x-m4a": "m4a", "audio/mpeg": "mp3", "audio/ogg": "ogg", "audio/opus": "opus",
	"audio/wav": "wav", "audio/x-wav": "wav", "audio/flac": "flac", "audio/webm": "weba", "audio/aac": "aac",
	"text/plain": "txt", "text/html": "html", "text/markdown": "md", "text/vtt": "vtt", "text/csv": "csv",
	"application/pdf": "pdf", "application/zip": "zip", "application/json": "json",
	"application/vnd.apple.mpegurl": "m3u8", "application/x-mpegurl": "m3u8", "application/epub+zip": "epub",
	blob.ListType: "chunks",
}

func extension(mimeType string) string {
	name, _, _ := strings.Cut(mimeType, ";")
	if ext, ok := extensions[strings.ToLower(strings.TrimSpace(name))]; ok {
		return ext
	}
	return "bin"
}

// patientWriter ends a download when the reader takes nothing for IdleTimeout,
// however long the whole takes.
type patientWriter struct {
	http.ResponseWriter
	control *http.ResponseController
}

func (w *patientWriter) Write(p []byte) (int, error) {
	_ = w.control.SetWriteDeadline(time.Now().Add(IdleTimeout)) // not every writer has deadlines
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *patientWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
