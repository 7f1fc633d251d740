package web

import (
	"math"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"mural/event"
)

// Bounds of what is read from imeta tags (NIP-92).
const (
	maxMedia      = 32                     // blobs of one post
	maxWaveform   = 100                    // values of one waveform
	maxURLBytes   = 2048                   // of one address
	maxAltBytes   = 4 << 10                // of one description
	maxSide       = 1 << 17                // pixels of one side
	maxDurationMS = 366 * 24 * 3600 * 1000 // a year in milliseconds
	maxHashBytes  = 100                    // of a blurhash
	maxTypeBytes  = 100                    // of a MIME type
)

// imeta is one blob as a post describes it. It is a claim of the author.
type imeta struct {
	Media
	URL string
	Alt string
	Ext string // ".jpg"; "" where the address has none
}

// readMedia lists the blobs of a post: its imeta tags, and the addresses in
// its text that name a blob by hash (Blossom). What has no hash is not ours to
// show: loading it would tell a stranger's server who reads.
func readMedia(e *event.Event) []imeta {
	var out []imeta
	add := func(m imeta) {
		if m.Hash.IsZero() || len(out) == maxMedia || slices.ContainsFunc(out, func(o imeta) bool { return o.Hash == m.Hash }) {
			return
		}
		out = append(out, m)
	}
	for _, t := range e.Tags.All("imeta") {
		add(parseImeta(t))
	}
	for _, word := range strings.Fields(cut(e.Content, maxTextBody)) {
		if m, ok := linkedMedia(word); ok {
			add(m)
		}
	}
	return out
}

// parseImeta reads one imeta tag: after the name, "key value" strings.
// Unknown keys and wrong values are skipped.
func parseImeta(t event.Tag) imeta {
	var m imeta
	for _, item := range t[1:] {
		key, value, ok := strings.Cut(item, " ")
		if ok {
			m.set(key, strings.TrimSpace(value))
		}
	}
	inURL, ext := hashInURL(m.URL)
	if m.Hash.IsZero() {
		m.Hash = inURL
	}
	if m.Ext = ext; m.Type == "" {
		m.Type = typeOfExt(ext)
	}
	if m.Ext == "" {
		m.Ext = extOfType(m.Type)
	}
	return m
}

func (m *imeta) set(key, value string) {
	switch key {
	case "url":
		m.URL = cut(value, maxURLBytes)
	case "x":
		m.Hash, _ = ParseHash(value)
	case "m":
		m.Type = mimeType(value)
	case "alt":
		m.Alt = cut(dropControls(value), maxAltBytes)
	case "size":
		m.Size = whole(value, math.MaxInt64)
	case "dim":
		w, h, _ := strings.Cut(value, "x")
		m.Width, m.Height = int(whole(w, maxSide)), int(whole(h, maxSide))
	case "duration":
		m.DurationMS = seconds(value)
	case "blurhash":
		m.BlurHash = cut(value, maxHashBytes)
	case "waveform":
		m.Waveform = waveform(value)
	case "image":
		if m.Poster.IsZero() {
			m.Poster, _ = hashInURL(value)
		}
	case "chunks":
		m.Chunks, _ = ParseHash(value)
	}
}

// whole reads a decimal; anything else, or more than most, is 0.
func whole(s string, most int64) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > most {
		return 0
	}
	return n
}

// seconds reads a duration as NIP-71 writes it and gives milliseconds.
func seconds(s string) int64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) || f <= 0 || f*1000 > maxDurationMS {
		return 0
	}
	return int64(math.Round(f * 1000))
}

func waveform(s string) []int {
	var out []int
	for len(s) > 0 && len(out) < maxWaveform {
		var word string
		word, s, _ = strings.Cut(strings.TrimLeft(s, " "), " ")
		out = append(out, int(whole(word, 100)))
	}
	return out
}

// mimeType keeps what looks like type/subtype and nothing else.
func mimeType(s string) string {
	s = strings.ToLower(s)
	if len(s) > maxTypeBytes || strings.Count(s, "/") != 1 || strings.HasPrefix(s, "/") || strings.HasSuffix(s, "/") {
		return ""
	}
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || strings.ContainsRune("/.+-_", r)
	}
	if strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }) {
		return ""
	}
	return s
}

// hashInURL finds the blob that an address names: 64 hex digits as the start
// of its last path element (BUD-01), and the extension.
func hashInURL(s string) (Hash, string) {
	if s == "" || len(s) > maxURLBytes {
		return Hash{}, ""
	}
	u, err := url.Parse(s)
	if err != nil {
		return Hash{}, ""
	}
	p := u.Path
	if u.Scheme == "blossom" && p == "" { // BUD-10
		p, _, _ = strings.Cut(u.Opaque, "?")
	}
	base := path.Base(p)
	ext := path.Ext(base)
	h, err := ParseHash(strings.TrimSuffix(base, ext))
	if err != nil {
		return Hash{}, ""
	}
	if typeOfExt(ext) == "" {
		ext = ""
	}
	return h, ext
}

// linkedMedia takes a word of a text that is the address of a blob with a known media extension.
func linkedMedia(word string) (imeta, bool) {
	if len(word) < 64 || !strings.Contains(word, "://") && !strings.HasPrefix(word, "blossom:") {
		return imeta{}, false
	}
	h, ext := hashInURL(word)
	if h.IsZero() || ext == "" {
		return imeta{}, false
	}
	return imeta{Media: Media{Hash: h, Type: typeOfExt(ext)}, URL: word, Ext: ext}, true
}

// The media types that the app shows, and the extension each is written with.
var extensions = []struct{ ext, kind string }{
	{".jpg", "image/jpeg"}, {".jpeg", "image/jpeg"}, {".png", "image/png"}, {".webp", "image/webp"},
	{".gif", "image/gif"}, {".avif", "image/avif"}, {".heic", "image/heic"}, {".heif", "image/heif"},
	{".mp4", "video/mp4"}, {".webm", "video/webm"}, {".mov", "video/quicktime"}, {".mkv", "video/x-matroska"},
	{".3gp", "video/3gpp"}, {".ogv", "video/ogg"},
	{".m4a", "audio/mp4"}, {".mp3", "audio/mpeg"}, {".ogg", "audio/ogg"}, {".opus", "audio/ogg"}, {".oga", "audio/ogg"},
	{".wav", "audio/wav"}, {".flac", "audio/flac"}, {".aac", "audio/aac"},
	{".webm", "audio/webm"}, {".weba", "audio/webm"}, // an address that ends in .webm is taken for a clip unless m says otherwise
}

func typeOfExt(ext string) string {
	for _, e := range extensions {
		if e.ext == ext {
			return e.kind
		}
	}
	return ""
}

func extOfType(kind string) string {
	for _, e := range extensions {
		if e.kind == kind {
			return e.ext
		}
	}
	return ""
}

// mediaClass is "image", "video", "audio" or "".
func mediaClass(kind string) string {
	class, _, _ := strings.Cut(kind, "/")
	if class == "image" || class == "video" || class == "audio" {
		return class
	}
	return ""
}

// imetaTag writes what is known of a blob (NIP-92, NIP-71, NIP-A0, and our
// chunks). base is the address of a Blossom server, without a slash at its end.
func imetaTag(m Media, alt, base string) event.Tag {
	ext := extOfType(m.Type)
	t := event.Tag{"imeta", "url " + blobURL(base, m), "x " + m.Hash.String()}
	add := func(ok bool, item string) {
		if ok {
			t = append(t, item)
		}
	}
	add(m.Type != "", "m "+m.Type)
	add(m.Width > 0 && m.Height > 0, "dim "+strconv.Itoa(m.Width)+"x"+strconv.Itoa(m.Height))
	add(alt != "", "alt "+oneLine(cut(alt, maxAltBytes)))
	add(m.Size > 0, "size "+strconv.FormatInt(m.Size, 10))
	add(m.DurationMS > 0, "duration "+strconv.FormatFloat(float64(m.DurationMS)/1000, 'f', -1, 64))
	add(m.BlurHash != "", "blurhash "+m.BlurHash)
	add(len(m.Waveform) > 0, "waveform "+joinInts(m.Waveform[:min(len(m.Waveform), maxWaveform)]))
	add(!m.Poster.IsZero(), "image "+base+"/"+m.Poster.String()+".jpg")
	add(!m.Chunks.IsZero(), "chunks "+m.Chunks.String())
	return append(t, "fallback blossom:"+m.Hash.String()+ext)
}

func blobURL(base string, m Media) string { return base + "/" + m.Hash.String() + extOfType(m.Type) }

func joinInts(values []int) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = strconv.Itoa(v)
	}
	return strings.Join(words, " ")
}
