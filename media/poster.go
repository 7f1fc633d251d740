package media

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"io"
	"os"
	"strconv"
	"time"
)

// posterWidth is how wide a poster frame is at most.
const posterWidth = 1280 // pixels

// Poster writes one frame of the film at path as a JPEG, upright and at most
// 1,280 pixels wide. It needs ffmpeg: ErrNoFFmpeg without.
func Poster(ctx context.Context, path string, w io.Writer) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("media: making a poster: %w", err)
	}
	defer f.Close()
	info, err := probe(f)
	if err != nil {
		return fmt.Errorf("media: making a poster: %w", err)
	}
	release, err := admit(ctx)
	if err != nil {
		return err
	}
	defer release()
	m, err := frame(ctx, path, info, posterWidth)
	if err != nil {
		return fmt.Errorf("media: making a poster: %w", err)
	}
	return encode(w, m)
}

// frame asks ffmpeg for one frame: a little into the film, since many begin in
// the dark, and the first one where that gave nothing.
func frame(ctx context.Context, path string, info Info, maxWidth int) (*image.RGBA, error) {
	if kindOf(info.Type) != "image" && !info.HasVideo {
		return nil, fmt.Errorf("%w: no picture in %s", ErrUnsupported, info.Type)
	}
	if int64(info.Width)*int64(info.Height) > maxPixels {
		return nil, fmt.Errorf("%w: %d x %d pixels", ErrTooLarge, info.Width, info.Height)
	}
	var err error
	for _, at := range []time.Duration{min(info.Duration/10, 5*time.Second), 0} {
		var m *image.RGBA
		if m, err = frameAt(ctx, path, info.Type, at, maxWidth); err == nil {
			return m, nil
		}
		if at == 0 || ctx.Err() != nil {
			break
		}
	}
	return nil, err
}

func frameAt(ctx context.Context, path, mime string, at time.Duration, maxWidth int) (*image.RGBA, error) {
	tool, ok := FFmpeg()
	if !ok {
		return nil, ErrNoFFmpeg
	}
	in, err := inputArgs(path, mime)
	if err != nil {
		return nil, err
	}
	fit := fmt.Sprintf("scale=w='min(%d,iw)':h='min(%d,ih)':force_original_aspect_ratio=decrease", maxWidth, maxWidth*maxTallness)
	args := []string{"-hide_banner", "-nostdin", "-v", "error", "-threads", "1"}
	args = append(args, "-ss", strconv.FormatFloat(at.Seconds(), 'f', 3, 64))
	args = append(args, in...)
	args = append(args, "-map", "0:v:0", "-frames:v", "1", "-an", "-sn", "-dn", "-vf", fit,
		"-map_metadata", "-1", "-c:v", "png", "-f", "image2pipe", "pipe:1")
	var m image.Image
	err = runTool(ctx, tool, frameTimeout, maxFrameOut, args, func(r io.Reader) error {
		b, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		m, _, err = image.Decode(bytes.NewReader(b))
		return err
	})
	if err != nil {
		return nil, err
	}
	return upright(m, 1, maxWidth), nil
}
