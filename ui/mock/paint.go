package main

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
)

// palettes are sky above, sky below, and three hills.
var palettes = [][5]color.RGBA{
	{{250, 214, 165, 255}, {239, 150, 110, 255}, {150, 84, 84, 255}, {98, 60, 80, 255}, {45, 38, 60, 255}},
	{{196, 222, 226, 255}, {240, 234, 214, 255}, {120, 150, 120, 255}, {70, 110, 96, 255}, {34, 62, 62, 255}},
	{{52, 60, 110, 255}, {200, 120, 120, 255}, {90, 60, 96, 255}, {56, 42, 80, 255}, {22, 20, 44, 255}},
	{{240, 226, 190, 255}, {214, 190, 140, 255}, {190, 120, 60, 255}, {140, 70, 44, 255}, {80, 40, 34, 255}},
	{{176, 208, 224, 255}, {236, 242, 240, 255}, {96, 140, 170, 255}, {60, 100, 140, 255}, {30, 52, 84, 255}},
}

// landscape paints hills under a sky: a stand-in for somebody's photo.
func landscape(seed uint64, w, h int) []byte {
	r := rand.New(rand.NewPCG(seed, 7))
	p := palettes[seed%uint64(len(palettes))]
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	cx, cy, rad := float64(w)*(0.2+0.6*r.Float64()), float64(h)*(0.2+0.2*r.Float64()), float64(h)*0.09
	a, b, c := r.Float64()*6, r.Float64()*6, r.Float64()*6
	for x := range w {
		fx := float64(x) / float64(w) * 6
		ridge := [3]float64{
			float64(h) * (0.52 + 0.06*math.Sin(fx*1.1+a) + 0.03*math.Sin(fx*2.7+b)),
			float64(h) * (0.66 + 0.07*math.Sin(fx*0.9+b) + 0.02*math.Sin(fx*4.1+c)),
			float64(h) * (0.82 + 0.05*math.Sin(fx*1.4+c) + 0.015*math.Sin(fx*7+a)),
		}
		for y := range h {
			fy := float64(y)
			col := mix(p[0], p[1], fy/(float64(h)*0.6))
			if d := math.Hypot(float64(x)-cx, fy-cy); d < rad {
				col = color.RGBA{255, 244, 220, 255}
			}
			for i, edge := range ridge {
				if fy > edge {
					col = mix(p[2+i], p[4], (fy-edge)/float64(h)*0.8)
				}
			}
			n := r.Float64()*14 - 7
			img.SetRGBA(x, y, color.RGBA{shift(col.R, n), shift(col.G, n), shift(col.B, n), 255})
		}
	}
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, img, &jpeg.Options{Quality: 84}); err != nil {
		panic(err) // a buffer takes everything
	}
	return buf.Bytes()
}

func mix(a, b color.RGBA, t float64) color.RGBA {
	t = min(max(t, 0), 1)
	f := func(x, y uint8) uint8 { return uint8(float64(x) + (float64(y)-float64(x))*t) }
	return color.RGBA{f(a.R, b.R), f(a.G, b.G), f(a.B, b.B), 255}
}

func shift(v uint8, n float64) uint8 { return uint8(min(max(float64(v)+n, 0), 255)) }

// hum makes a WAV that rises and falls like speech, and its waveform 0..100.
func hum(seed uint64, seconds int) (wav []byte, levels []int) {
	const rate = 8000 // samples a second, 8 bits each
	r := rand.New(rand.NewPCG(seed, 3))
	n := rate * seconds
	pcm := make([]byte, n)
	env := make([]float64, 101)
	for i := range env {
		env[i] = 0.15 + 0.85*r.Float64()*math.Abs(math.Sin(float64(i)*0.31+float64(seed)))
	}
	for i := range pcm {
		e := env[i*100/n]
		pcm[i] = byte(128 + 60*e*math.Sin(float64(i)*2*math.Pi*(150+40*math.Sin(float64(i)/3000))/rate))
	}
	var buf bytes.Buffer
	buf.WriteString("RIFF")
	put := func(v any) { _ = binary.Write(&buf, binary.LittleEndian, v) } // a buffer takes everything
	put(uint32(36 + n))
	buf.WriteString("WAVEfmt ")
	put([]uint32{16})
	put([]uint16{1, 1})
	put([]uint32{rate, rate})
	put([]uint16{1, 8})
	buf.WriteString("data")
	put(uint32(n))
	buf.Write(pcm)
	for _, e := range env[:100] {
		levels = append(levels, int(e*100))
	}
	return buf.Bytes(), levels
}

// clip asks ffmpeg for some seconds of moving colour; nil where there is none.
func clip() []byte {
	out := filepath.Join(os.TempDir(), "mural-mock-clip.webm")
	if b, err := os.ReadFile(out); err == nil && len(b) > 0 {
		return b
	}
	err := exec.Command("ffmpeg", "-loglevel", "error", "-y", "-f", "lavfi", "-i", "gradients=s=640x360:d=6:speed=0.02:c0=0xdba544:c1=0x26705f:c2=0xa8402a:c3=0x2f4f93:nb_colors=4", "-pix_fmt", "yuv420p", "-c:v", "libvpx", "-b:v", "300k", out).Run()
	if err != nil {
		return nil
	}
	b, err := os.ReadFile(out)
	if err != nil {
		return nil
	}
	return b
}
