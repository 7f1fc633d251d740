package media

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"
)

func save(t testing.TB, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func thumb(t *testing.T, path string, width int) (image.Image, string) {
	t.Helper()
	var b bytes.Buffer
	if err := Thumbnail(t.Context(), path, width, &b); err != nil {
		t.Fatal(err)
	}
	m, format, err := image.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	return m, format
}

// near compares colours with room for JPEG and scaling.
func near(a, b color.Color) bool {
	r, g, bl, _ := a.RGBA()
	x, y, z, _ := b.RGBA()
	const room = 30 << 8
	far := func(p, q uint32) bool { return max(p, q)-min(p, q) > room }
	return !far(r, x) && !far(g, y) && !far(bl, z)
}

// TestThumbnailStandsUpright draws four coloured corners, turns the picture as
// each orientation demands to be undone, and expects the corners in place.
func TestThumbnailStandsUpright(t *testing.T) {
	corners := []color.RGBA{{255, 0, 0, 255}, {0, 255, 0, 255}, {0, 0, 255, 255}, {255, 255, 0, 255}}
	upright := image.NewRGBA(image.Rect(0, 0, 96, 64))
	for i, c := range corners {
		at := image.Pt(i%2*48, i/2*32)
		draw.Draw(upright, image.Rectangle{at, at.Add(image.Pt(48, 32))}, image.NewUniform(c), image.Point{}, draw.Src)
	}
	undo := [9]int{0, 1, 2, 3, 4, 5, 8, 7, 6} // the orientation that turns back
	for o := 1; o <= 8; o++ {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, turn(upright, undo[o]), nil); err != nil {
			t.Fatal(err)
		}
		exif := segment(0xe1, exifMark+string(orientationTIFF(o)))
		path := save(t, "o.jpg", []byte("\xff\xd8"+exif+string(b.Bytes()[2:])))
		m, format := thumb(t, path, 48)
		if format != "jpeg" || m.Bounds().Size() != image.Pt(48, 32) {
			t.Fatalf("orientation %d: %s of %v, want jpeg of 48x32", o, format, m.Bounds())
		}
		for i, c := range corners {
			if got := m.At(12+i%2*24, 8+i/2*16); !near(got, c) {
				t.Errorf("orientation %d: corner %d is %v, want %v", o, i, got, c)
			}
		}
	}
}

func TestThumbnailSizes(t *testing.T) {
	for _, c := range []struct{ w, h, max, wantW, wantH int }{
		{640, 480, 320, 320, 240}, {100, 50, 320, 100, 50}, {1000, 10, 100, 100, 1},
		{10, 1000, 5, 5, 500 / 25}, {3, 3, 1, 1, 1}, {641, 479, 320, 320, 239},
	} {
		var b bytes.Buffer
		if err := png.Encode(&b, motif(c.w, c.h)); err != nil {
			t.Fatal(err)
		}
		m, _ := thumb(t, save(t, "p.png", b.Bytes()), c.max)
		want := fit(c.w, c.h, c.max, c.max*maxTallness)
		if got := m.Bounds().Size(); got != want || c.h < 1000 && got != image.Pt(c.wantW, c.wantH) {
			t.Errorf("%dx%d at %d: got %v, want %v", c.w, c.h, c.max, got, want)
		}
		if size := m.Bounds().Size(); size.X > c.max || size.Y > c.max*maxTallness {
			t.Errorf("%dx%d at %d: %v is over the box", c.w, c.h, c.max, size)
		}
	}
}

func TestThumbnailKeepsTransparency(t *testing.T) {
	m := motif(64, 64)
	m.Set(5, 5, color.NRGBA{})
	draw.Draw(m, image.Rect(32, 32, 64, 64), image.Transparent, image.Point{}, draw.Src)
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	got, format := thumb(t, save(t, "t.png", b.Bytes()), 16)
	if _, _, _, a := got.At(14, 14).RGBA(); format != "png" || a != 0 {
		t.Errorf("format %s, alpha %d, want a see-through png", format, a)
	}
}

func TestThumbnailsOfEveryPictureFormat(t *testing.T) {
	pictures := dirtyPictures(t, 1)
	pictures["gif"] = dirtyGIF()
	for name, b := range pictures {
		m, _ := thumb(t, save(t, "p."+name, b), 24)
		if m.Bounds().Dx() != 24 {
			t.Errorf("%s: %v", name, m.Bounds())
		}
	}
}

func TestThumbnailOfAnAnimationIsItsFirstFrame(t *testing.T) {
	if m, _ := thumb(t, "testdata/animated.webp", 16); m.Bounds().Size() != image.Pt(16, 8) {
		t.Errorf("animated WebP: %v, want 16x8", m.Bounds())
	}
}

// bomb is a PNG whose header announces far more pixels than it holds.
func bomb(w, h uint32) []byte {
	var b bytes.Buffer
	_ = png.Encode(&b, image.NewGray(image.Rect(0, 0, 1, 1)))
	head := []byte{byte(w >> 24), byte(w >> 16), byte(w >> 8), byte(w), byte(h >> 24), byte(h >> 16), byte(h >> 8), byte(h), 16, 6, 0, 0, 0}
	return append([]byte(pngMagic+string(pngChunkBytes("IHDR", head))), b.Bytes()[33:]...)
}

func TestPictureBombsAreRefusedByTheirHeader(t *testing.T) {
	for _, size := range [][2]uint32{{1 << 20, 1 << 10}, {65535, 65535}, {1 << 13, 1<<13 + 1}} {
		path := save(t, "bomb.png", bomb(size[0], size[1]))
		if err := Thumbnail(t.Context(), path, 100, &bytes.Buffer{}); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%v: %v, want ErrTooLarge", size, err)
		}
	}
}

func TestThumbnailRefusals(t *testing.T) {
	text := save(t, "t.txt", []byte("no picture"))
	if err := Thumbnail(t.Context(), text, 100, &bytes.Buffer{}); !errors.Is(err, ErrUnsupported) {
		t.Errorf("text: %v, want ErrUnsupported", err)
	}
	broken := save(t, "b.jpg", []byte("\xff\xd8\xff\xe0\x00"))
	if err := Thumbnail(t.Context(), broken, 100, &bytes.Buffer{}); !errors.Is(err, ErrMalformed) {
		t.Errorf("broken: %v, want ErrMalformed", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	decoding <- struct{}{}
	err := Thumbnail(ctx, save(t, "p.jpg", dirtyJPEG(1)), 100, &bytes.Buffer{})
	<-decoding
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled while waiting: %v", err)
	}
}

func TestWithoutFFmpegItSaysSo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, ok := FFmpeg(); ok {
		t.Fatal("ffmpeg found where none is")
	}
	film := "testdata/udta.mp4"
	if err := Poster(t.Context(), film, &bytes.Buffer{}); !errors.Is(err, ErrNoFFmpeg) {
		t.Errorf("Poster: %v, want ErrNoFFmpeg", err)
	}
	if err := Thumbnail(t.Context(), film, 100, &bytes.Buffer{}); !errors.Is(err, ErrNoFFmpeg) {
		t.Errorf("Thumbnail: %v, want ErrNoFFmpeg", err)
	}
	if _, err := Waveform(t.Context(), "testdata/opus.ogg", 10); !errors.Is(err, ErrNoFFmpeg) {
		t.Errorf("Waveform: %v, want ErrNoFFmpeg", err)
	}
	if info, err := Probe(t.Context(), film); err != nil || info.Width == 0 || info.Duration == 0 {
		t.Errorf("Probe: %+v, %v; it needs no ffmpeg", info, err)
	}
}

func TestPosterAndPreviewsOfFilms(t *testing.T) {
	need(t, "ffmpeg")
	path := films()[0].make(t)
	var b bytes.Buffer
	if err := Poster(t.Context(), path, &b); err != nil {
		t.Fatal(err)
	}
	m, format, err := image.Decode(&b)
	if err != nil || format != "jpeg" || m.Bounds().Size() != image.Pt(160, 120) {
		t.Fatalf("poster: %s %v %v", format, m.Bounds(), err)
	}
	if small, _ := thumb(t, path, 80); small.Bounds().Size() != image.Pt(80, 60) {
		t.Errorf("thumbnail of a film: %v, want 80x60", small.Bounds())
	}
	if hash, err := BlurHash(t.Context(), path); err != nil || len(hash) != 4+2*blurX*blurY {
		t.Errorf("blurhash = %q, %v", hash, err)
	}
}

// TestPlaylistInDisguise: ffmpeg must not follow a playlist that calls itself a film.
func TestPlaylistInDisguise(t *testing.T) {
	need(t, "ffmpeg")
	secret := films()[0].make(t)
	list := save(t, "x.mp4", []byte("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile://"+secret+"\n#EXT-X-ENDLIST\n"))
	if err := Poster(t.Context(), list, &bytes.Buffer{}); !errors.Is(err, ErrUnsupported) {
		t.Errorf("Poster of a playlist: %v, want ErrUnsupported", err)
	}
	in, err := inputArgs(list, typeMP4)
	if err != nil {
		t.Fatal(err)
	}
	if m, err := frameAt(t.Context(), list, typeMP4, 0, 100); err == nil {
		t.Errorf("with %q ffmpeg gave a frame of %v", in, m.Bounds())
	}
}

// decodeBlur is the decoder of the reference description, for one place.
func decodeBlur(t *testing.T, hash string, fx, fy float64) color.RGBA {
	t.Helper()
	digits := func(s string) (v int) {
		for _, c := range s {
			v = v*83 + bytes.IndexByte([]byte(base83Digits), byte(c))
		}
		return v
	}
	flag := digits(hash[:1])
	nx, ny := flag%9+1, flag/9+1
	most := float64(digits(hash[1:2])+1) / 166
	dc := digits(hash[2:6])
	sum := rgb{fromSRGB(float64(dc>>16) / 255), fromSRGB(float64(dc>>8&255) / 255), fromSRGB(float64(dc&255) / 255)}
	for i := 1; i < nx*ny; i++ {
		v := digits(hash[4+2*i : 6+2*i])
		basis := math.Cos(math.Pi*float64(i%nx)*fx) * math.Cos(math.Pi*float64(i/nx)*fy)
		for k, q := range []int{v / 361, v / 19 % 19, v % 19} {
			x := float64(q-9) / 9
			sum[k] += basis * math.Copysign(x*x, x) * most
		}
	}
	return color.RGBA{uint8(toSRGB(sum[0])), uint8(toSRGB(sum[1])), uint8(toSRGB(sum[2])), 255}
}

func TestBlurHashDecodesToThePicture(t *testing.T) {
	m := image.NewRGBA(image.Rect(0, 0, 200, 100))
	draw.Draw(m, image.Rect(0, 0, 100, 100), image.NewUniform(color.RGBA{220, 30, 30, 255}), image.Point{}, draw.Src)
	draw.Draw(m, image.Rect(100, 0, 200, 100), image.NewUniform(color.RGBA{30, 30, 220, 255}), image.Point{}, draw.Src)
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	hash, err := BlurHash(t.Context(), save(t, "b.png", b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	left, right := decodeBlur(t, hash, 0.25, 0.5), decodeBlur(t, hash, 0.75, 0.5)
	if left.R < 150 || left.B > 120 || right.B < 150 || right.R > 120 {
		t.Errorf("%q decodes to %v and %v, want red and blue", hash, left, right)
	}
}

func TestBlurHashOfOneColour(t *testing.T) {
	m := image.NewRGBA(image.Rect(0, 0, 8, 8))
	draw.Draw(m, m.Rect, image.Black, image.Point{}, draw.Src)
	if got, want := blurHash(m, 4, 3), "L00000fQfQfQfQfQfQfQfQfQfQfQ"; got != want {
		t.Errorf("hash of black = %q, want %q", got, want)
	}
	draw.Draw(m, m.Rect, image.White, image.Point{}, draw.Src)
	if got := blurHash(m, 4, 3); len(got) != 28 || got[2:6] != "TSUA" { // 0xffffff
		t.Errorf("hash of white = %q", got)
	}
}
