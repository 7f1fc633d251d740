package media

import (
	"encoding/binary"
	"errors"
	"math"
	"testing"
)

// wavFile makes a WAV file of samples from -1 to 1.
func wavFile(code, channels, bits uint16, samples []float64) []byte {
	le := binary.LittleEndian
	var data []byte
	for _, v := range samples {
		for range channels {
			data = appendSample(data, code, bits, v)
		}
	}
	width := bits / 8 * channels
	fmtBody := le.AppendUint16(le.AppendUint16(nil, code), channels)
	fmtBody = le.AppendUint32(le.AppendUint32(fmtBody, 8000), 8000*uint32(width))
	fmtBody = le.AppendUint16(le.AppendUint16(fmtBody, width), bits)
	body := "WAVE" + riffBytes("fmt ", string(fmtBody)) + riffBytes("LIST", "INFOIART\x04\x00\x00\x00Ana\x00") + riffBytes("data", string(data))
	return []byte("RIFF" + string(le.AppendUint32(nil, uint32(len(body)))) + body)
}

func appendSample(b []byte, code, bits uint16, v float64) []byte {
	le := binary.LittleEndian
	switch {
	case code == 3 && bits == 64:
		return le.AppendUint64(b, math.Float64bits(v))
	case code == 3:
		return le.AppendUint32(b, math.Float32bits(float32(v)))
	case bits == 8:
		return append(b, byte(v*127+128))
	case bits == 16:
		return le.AppendUint16(b, uint16(int16(v*32767)))
	case bits == 24:
		n := int32(v * (1<<23 - 1))
		return append(b, byte(n), byte(n>>8), byte(n>>16))
	}
	return le.AppendUint32(b, uint32(int32(v*(1<<31-1))))
}

// stairs are a silent, a quiet, a loud and a half loud second.
func stairs() []float64 {
	var s []float64
	for _, loud := range []float64{0, 0.25, 1, 0.5} {
		for i := range 8000 {
			s = append(s, loud*math.Sin(float64(i)/3))
		}
	}
	return s
}

func TestWaveformOfWAV(t *testing.T) {
	t.Setenv("PATH", t.TempDir()) // no ffmpeg
	for _, f := range [][3]uint16{{1, 1, 8}, {1, 1, 16}, {1, 2, 16}, {1, 2, 24}, {1, 1, 32}, {3, 1, 32}, {3, 2, 64}} {
		path := save(t, "s.wav", wavFile(f[0], f[1], f[2], stairs()))
		got, err := Waveform(t.Context(), path, 4)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []int{0, 25, 100, 50} {
			if got[i] < want-2 || got[i] > want+2 {
				t.Errorf("form %d, %d channels, %d bits: %v, want about [0 25 100 50]", f[0], f[1], f[2], got)
				break
			}
		}
	}
}

func TestWaveformLengths(t *testing.T) {
	for _, samples := range []int{0, 1, 3, 100, 8000, 100000} {
		s := make([]float64, samples)
		for i := range s {
			s[i] = 0.5
		}
		path := save(t, "s.wav", wavFile(1, 1, 16, s))
		got, err := Waveform(t.Context(), path, 100)
		if err != nil || len(got) != 100 {
			t.Fatalf("%d samples: %d values, %v", samples, len(got), err)
		}
		if samples >= 100 && (got[0] != 100 || got[99] != 100) {
			t.Errorf("%d samples: an even sound gives %v", samples, got)
		}
	}
}

func TestWaveformThroughFFmpeg(t *testing.T) {
	need(t, "ffmpeg")
	wav := save(t, "s.wav", wavFile(1, 1, 16, stairs()))
	opus := wav[:len(wav)-4] + ".ogg"
	ff(t, "-i", wav, "-c:a", "libopus", "-b:a", "64k", opus)
	got, err := Waveform(t.Context(), opus, 4)
	if err != nil {
		t.Fatal(err)
	}
	if got[0] > 20 || got[2] != 100 || got[1] > got[3] {
		t.Errorf("waveform = %v, want silent, quiet, loud, half loud", got)
	}
	if _, err := Waveform(t.Context(), save(t, "p.jpg", dirtyJPEG(1)), 4); !errors.Is(err, ErrUnsupported) {
		t.Errorf("waveform of a picture: %v, want ErrUnsupported", err)
	}
}
