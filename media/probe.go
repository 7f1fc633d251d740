package media

import (
	"context"
	"fmt"
	"image"
	_ "image/gif"  // DecodeConfig
	_ "image/jpeg" // DecodeConfig
	_ "image/png"  // DecodeConfig
	"io"
	"os"
	"slices"
	"time"

	_ "golang.org/x/image/webp" // DecodeConfig
)

// Info is what a file is, as a viewer meets it.
type Info struct {
	Type          string        // media type; audio/ or video/ by the tracks that are there
	Width, Height int           // pixels, after orientation was applied; 0 when unknown or sound
	Orientation   int           // EXIF orientation 1..8 that the pixels still need; 1 is upright
	Duration      time.Duration // 0 for still pictures and when unknown
	HasAudio      bool
	HasVideo      bool     // moving pictures; still pictures have none
	Codecs        []string // as the container names them, each once; may be empty
}

// Probe tells type, size and length of the file at path. It reads headers and,
// where a recording does not state its length, the time stamps; it decodes
// nothing. What it cannot read by itself it asks of ffprobe, if that is there.
// A field that nobody could tell stays zero; ErrMalformed is returned only when
// nothing but the type is known.
func Probe(ctx context.Context, path string) (Info, error) {
	f, err := os.Open(path)
	if err != nil {
		return Info{}, fmt.Errorf("media: probing: %w", err)
	}
	defer f.Close()
	info, err := probe(f)
	if err == nil && info.complete() {
		return info, nil
	}
	asked, askErr := askFFprobe(ctx, path, info.Type)
	if askErr != nil {
		return info, err // ffprobe is a second opinion: its absence is no news
	}
	return info.merge(asked), nil
}

// complete tells whether nothing is missing that ffprobe could know.
func (i Info) complete() bool {
	switch kindOf(i.Type) {
	case "image":
		return i.Width > 0
	case "video":
		return i.Duration > 0 && (i.Width > 0 || !i.HasVideo)
	case "audio":
		return i.Duration > 0
	}
	return true
}

func (i Info) merge(o Info) Info {
	if i.Width == 0 {
		i.Width, i.Height = o.Width, o.Height
	}
	if i.Duration == 0 && kindOf(i.Type) != "image" {
		i.Duration = o.Duration
	}
	if len(i.Codecs) == 0 {
		i.Codecs, i.HasAudio, i.HasVideo = o.Codecs, o.HasAudio, o.HasVideo && kindOf(i.Type) != "image"
	}
	return i
}

func kindOf(mime string) string {
	for i := range mime {
		if mime[i] == '/' {
			return mime[:i]
		}
	}
	return mime
}

// probe is Probe in pure Go.
func probe(in io.ReadSeeker) (Info, error) {
	src, err := newSource(in)
	if err != nil {
		return Info{}, err
	}
	head, err := src.head()
	if err != nil {
		return Info{}, err
	}
	info := Info{Type: sniff(head), Orientation: 1}
	switch info.Type {
	case typeJPEG, typePNG, typeGIF, typeWebP:
		err = src.probePicture(&info)
	case typeHEIC, typeHEIF, typeAVIF, typeMP4, typeM4A, typeMOV, type3GP:
		err = src.probeISO(&info)
	case typeWebM, typeWebMA, typeMKV, typeMKA:
		err = src.probeMatroska(&info)
	case typeOgg, typeOgv:
		err = src.probeOgg(&info)
	case typeMP3:
		err = src.probeMP3(&info)
	case typeAAC:
		err = src.probeAAC(&info)
	case typeFLAC:
		err = src.probeFLAC(&info, 0)
	case typeWAV:
		err = src.probeWAV(&info)
	}
	if err != nil {
		return info, fmt.Errorf("media: probing %s: %w", info.Type, err)
	}
	return info, nil
}

// probePicture reads size and orientation. The plan of what Strip would do
// finds the orientation on its way.
func (s *source) probePicture(info *Info) error {
	if _, err := s.r.Seek(s.base, io.SeekStart); err != nil {
		return err
	}
	c, _, err := image.DecodeConfig(s.r)
	if err != nil {
		return malformed("%v", err)
	}
	info.Width, info.Height = c.Width, c.Height
	if p, err := planSource(s.part(0), maxTails); err == nil {
		info.Orientation = p.orientation
	}
	if info.Orientation >= 5 {
		info.Width, info.Height = c.Height, c.Width
	}
	return nil
}

func (i *Info) codec(name string) {
	if name != "" && !slices.Contains(i.Codecs, name) && len(i.Codecs) < maxTracks {
		i.Codecs = append(i.Codecs, name)
	}
}

// ticks turns a count of ticks into a duration; 0 where that cannot be.
func ticks(n uint64, perSecond uint64) time.Duration {
	const most = 1 << 53 // beyond it, the header lies
	if perSecond == 0 || n > most {
		return 0
	}
	d := float64(n) / float64(perSecond) * float64(time.Second)
	if d >= 1<<62 {
		return 0
	}
	return time.Duration(d)
}
