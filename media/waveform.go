package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
)

const (
	maxWaveform = 1000 // values of one waveform
	soundRate   = 8000 // samples per second that ffmpeg is asked for
)

// Waveform gives n values (n is 1..1000) from 0 to 100: how loud the sound at path
// is from beginning to end, the loudest stretch being 100 and silence 0. WAV needs
// no ffmpeg, everything else does: ErrNoFFmpeg without. A file without sound is
// ErrUnsupported.
func Waveform(ctx context.Context, path string, n int) ([]int, error) {
	if n < 1 || n > maxWaveform {
		return nil, fmt.Errorf("media: %w: a waveform of %d values", ErrUnsupported, n)
	}
	peaks := newPeaks(n)
	if err := soundOf(ctx, path, peaks); err != nil {
		return nil, fmt.Errorf("media: making a waveform: %w", err)
	}
	return peaks.values(), nil
}

func soundOf(ctx context.Context, path string, peaks *peaks) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := probe(f)
	if err != nil {
		return err
	}
	if info.Type == typeWAV {
		if err := wavPeaks(ctx, f, peaks); !errors.Is(err, ErrUnsupported) {
			return err
		}
	}
	if kindOf(info.Type) == "image" || info.HasVideo && !info.HasAudio {
		return fmt.Errorf("%w: no sound in %s", ErrUnsupported, info.Type)
	}
	return ffmpegPeaks(ctx, path, info.Type, peaks)
}

// peaks keeps the loudest value of equal stretches of a sound whose length is
// not known beforehand: when all bins are full, neighbours are joined.
type peaks struct {
	n    int
	bins []float64
	per  int64 // samples of a bin
	in   int64 // samples in the last bin
}

// binsPerValue makes the stretches fine enough to be shared out evenly.
const binsPerValue = 32

func newPeaks(n int) *peaks {
	return &peaks{n: n, bins: make([]float64, 0, 2*binsPerValue*n), per: 1, in: 1}
}

func (p *peaks) add(v float64) {
	if p.in == p.per {
		if len(p.bins) == cap(p.bins) {
			p.join()
		}
		if p.in == p.per {
			p.bins = append(p.bins, 0)
			p.in = 0
		}
	}
	last := &p.bins[len(p.bins)-1]
	*last = max(*last, math.Abs(v))
	p.in++
}

func (p *peaks) join() {
	for i := 0; i < len(p.bins); i += 2 {
		p.bins[i/2] = max(p.bins[i], p.bins[i+1])
	}
	p.bins = p.bins[:len(p.bins)/2]
	p.per *= 2
	p.in = p.per
}

// values shares the bins out over the values, each the mean of its bins (a bin
// that lies across a border then weighs little), and scales them to the loudest.
func (p *peaks) values() []int {
	out := make([]int, p.n)
	if len(p.bins) == 0 {
		return out
	}
	means := make([]float64, p.n)
	for i := range means {
		from, to := i*len(p.bins)/p.n, (i+1)*len(p.bins)/p.n
		bins := p.bins[from:max(to, from+1)]
		for _, b := range bins {
			means[i] += b / float64(len(bins))
		}
	}
	most := slices.Max(means)
	if most == 0 {
		return out
	}
	for i, m := range means {
		out[i] = int(math.Round(100 * m / most))
	}
	return out
}

// wavPeaks reads the samples of a WAV file, all channels together.
func wavPeaks(ctx context.Context, f io.ReadSeeker, peaks *peaks) error {
	src, err := newSource(f)
	if err != nil {
		return err
	}
	format, err := src.wavFormat()
	if err != nil {
		return err
	}
	width := int64(format.bits / 8)
	sample, err := sampleReader(format)
	if err != nil {
		return err
	}
	frame := make([]byte, width*int64(format.channels))
	end := format.at + format.size
	for at, i := format.at, 0; at+int64(len(frame)) <= end; at, i = at+int64(len(frame)), i+1 {
		if i%(1<<16) == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := src.read(frame, at); err != nil {
			return err
		}
		loud := 0.0
		for b := frame; len(b) > 0; b = b[width:] {
			loud = max(loud, math.Abs(sample(b)))
		}
		peaks.add(loud)
	}
	return nil
}

// sampleReader gives the reader of one sample as -1..1.
func sampleReader(f wavFormat) (func([]byte) float64, error) {
	const pcm, float = 1, 3
	if f.channels > maxTracks || f.align != f.bits/8*f.channels {
		return nil, fmt.Errorf("%w: WAV frames of %d bytes", ErrUnsupported, f.align)
	}
	switch {
	case f.code == pcm && f.bits == 8:
		return func(b []byte) float64 { return (float64(b[0]) - 128) / 128 }, nil
	case f.code == pcm && f.bits == 16:
		return func(b []byte) float64 { return float64(int16(le16(b))) / (1 << 15) }, nil
	case f.code == pcm && f.bits == 24:
		return func(b []byte) float64 {
			return float64(int32(uint32(b[0])<<8|uint32(b[1])<<16|uint32(b[2])<<24)) / (1 << 31)
		}, nil
	case f.code == pcm && f.bits == 32:
		return func(b []byte) float64 { return float64(int32(le32(b))) / (1 << 31) }, nil
	case f.code == float && f.bits == 32:
		return func(b []byte) float64 { return finite(float64(math.Float32frombits(le32(b)))) }, nil
	case f.code == float && f.bits == 64:
		return func(b []byte) float64 { return finite(math.Float64frombits(le64(b))) }, nil
	}
	return nil, fmt.Errorf("%w: WAV samples of form %d with %d bits", ErrUnsupported, f.code, f.bits)
}

// finite keeps a broken sample from being the loudest of all.
func finite(v float64) float64 {
	if math.IsNaN(v) || math.Abs(v) > 1 {
		return math.Copysign(1, v)
	}
	return v
}

// ffmpegPeaks has ffmpeg decode the first sound track to mono.
func ffmpegPeaks(ctx context.Context, path, mime string, peaks *peaks) error {
	tool, ok := FFmpeg()
	if !ok {
		return ErrNoFFmpeg
	}
	in, err := inputArgs(path, mime)
	if err != nil {
		return err
	}
	args := append([]string{"-hide_banner", "-nostdin", "-v", "error", "-threads", "1"}, in...)
	args = append(args, "-map", "0:a:0", "-vn", "-sn", "-dn", "-ac", "1", "-ar", fmt.Sprint(soundRate), "-f", "s16le", "pipe:1")
	return runTool(ctx, tool, soundTimeout, maxSoundOut, args, func(r io.Reader) error {
		buf := make([]byte, 32<<10)
		for {
			n, err := io.ReadFull(r, buf)
			for b := buf[:n&^1]; len(b) > 0; b = b[2:] {
				peaks.add(float64(int16(le16(b))))
			}
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return nil
			}
			if err != nil {
				return err
			}
		}
	})
}
