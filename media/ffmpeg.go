package media

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// What ffmpeg may take and give. It reads hostile files, so it is told which
// demuxer to use (a playlist in disguise could make it open other files), may
// use no protocol but file, has no standard input, and is killed when it is late.
const (
	frameTimeout = 30 * time.Second
	probeTimeout = 15 * time.Second
	soundTimeout = 2 * time.Minute
	maxFrameOut  = 16 << 20 // bytes of one picture
	maxProbeOut  = 1 << 20  // bytes of ffprobe's answer
	maxSoundOut  = 1 << 30  // bytes of decoded sound: 18 hours at 8 kHz
	maxErrorText = 2 << 10  // bytes of what it says on failure
)

// FFmpeg gives the path of ffmpeg on this machine.
func FFmpeg() (path string, ok bool) {
	path, err := exec.LookPath("ffmpeg")
	return path, err == nil
}

// demuxers names the one ffmpeg demuxer for a type.
var demuxers = map[string]string{
	typeMP4: "mov", typeM4A: "mov", typeMOV: "mov", type3GP: "mov", typeAVIF: "mov",
	typeHEIC: "mov", typeHEIF: "mov",
	typeWebM: "matroska", typeWebMA: "matroska", typeMKV: "matroska", typeMKA: "matroska",
	typeOgg: "ogg", typeOgv: "ogg", typeMP3: "mp3", typeAAC: "aac", typeWAV: "wav",
	typeFLAC: "flac", typeAVI: "avi",
}

// inputArgs are the guarded arguments that open a file.
func inputArgs(path, mime string) ([]string, error) {
	demuxer := demuxers[mime]
	if demuxer == "" {
		return nil, fmt.Errorf("%w: %s", ErrUnsupported, mime)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	return []string{
		"-protocol_whitelist", "file", "-f", demuxer,
		"-max_pixels", strconv.Itoa(maxPixels), "-i", "file:" + abs,
	}, nil
}

// runTool starts a tool and hands its output, cut at most bytes, to read. A file
// that the tool cannot make sense of is ErrUnsupported, with what it said.
func runTool(ctx context.Context, tool string, timeout time.Duration, most int64, args []string, read func(io.Reader) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, tool, args...)
	cmd.WaitDelay = time.Second
	said := &tail{}
	cmd.Stderr = said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	readErr := read(&limitReader{r: out, left: most})
	late := ctx.Err()
	cancel() // it has written all, or writes too much
	waitErr := cmd.Wait()
	switch {
	case late != nil:
		return fmt.Errorf("%s: %w", filepath.Base(tool), late)
	case errors.Is(readErr, ErrTooLarge):
		return readErr
	case waitErr != nil && said.b.Len() > 0:
		return fmt.Errorf("%w: %s: %w: %s", ErrUnsupported, filepath.Base(tool), waitErr, said)
	case readErr != nil:
		return fmt.Errorf("%w: %s: %w", ErrUnsupported, filepath.Base(tool), readErr)
	}
	return nil
}

// limitReader fails with ErrTooLarge where io.LimitReader would end quietly.
type limitReader struct {
	r    io.Reader
	left int64
}

func (l *limitReader) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, fmt.Errorf("%w: decoded output", ErrTooLarge)
	}
	n, err := l.r.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, err
}

// tail keeps the first maxErrorText bytes of what a tool says.
type tail struct{ b bytes.Buffer }

func (t *tail) Write(p []byte) (int, error) {
	t.b.Write(p[:min(len(p), maxErrorText-t.b.Len())])
	return len(p), nil
}

func (t *tail) String() string { return strings.TrimSpace(t.b.String()) }

// askFFprobe asks ffprobe what Probe could not tell.
func askFFprobe(ctx context.Context, path, mime string) (Info, error) {
	tool, err := exec.LookPath("ffprobe")
	if err != nil {
		return Info{}, ErrNoFFmpeg
	}
	in, err := inputArgs(path, mime)
	if err != nil {
		return Info{}, err
	}
	args := append([]string{"-v", "error", "-print_format", "json", "-show_streams", "-show_format"}, in...)
	var answer ffprobeAnswer
	err = runTool(ctx, tool, probeTimeout, maxProbeOut, args, func(r io.Reader) error {
		b, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		return json.Unmarshal(b, &answer)
	})
	return answer.info(), err
}

type ffprobeAnswer struct {
	Streams []struct {
		Kind   string `json:"codec_type"`
		Codec  string `json:"codec_name"`
		Width  int    `json:"width"`
		Height int    `json:"height"`
		Side   []struct {
			Rotation int `json:"rotation"`
		} `json:"side_data_list"`
	} `json:"streams"`
	Format struct {
		Duration string `json:"duration"`
	} `json:"format"`
}

func (a ffprobeAnswer) info() (i Info) {
	for _, s := range a.Streams {
		switch s.Kind {
		case "audio":
			i.sound(s.Codec)
		case "video":
			i.HasVideo = true
			i.codec(s.Codec)
			if len(s.Side) > 0 && s.Side[0].Rotation%180 != 0 {
				s.Width, s.Height = s.Height, s.Width
			}
			if s.Width > i.Width {
				i.Width, i.Height = s.Width, s.Height
			}
		}
	}
	if sec, err := strconv.ParseFloat(a.Format.Duration, 64); err == nil && sec > 0 && sec < 1e9 {
		i.Duration = time.Duration(sec * float64(time.Second))
	}
	return i
}
