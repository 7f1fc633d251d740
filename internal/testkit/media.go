//go:build linux

package testkit

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
	"testing"
)

// File is what a person picks from their device.
type File struct {
	Name string
	Data []byte
}

// Photo gives a JPEG of about 200 kB as a camera makes it: with EXIF that says
// where it was taken. Different seeds give different pictures.
func Photo(t testing.TB, seed uint64) File {
	t.Helper()
	const width, height = 640, 480
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	r := rand.New(rand.NewPCG(seed, 1))
	for y := range height {
		for x := range width {
			noise := uint8(r.UintN(60))
			img.Set(x, y, color.RGBA{uint8(x/4) + noise, uint8(y/3) + noise, uint8(seed*40) + noise, 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 80}); err != nil {
		t.Fatalf("testkit: making a picture: %v", err)
	}
	const soi = 2 // bytes of the start marker
	data := append(append(bytes.Clone(b.Bytes()[:soi]), gpsSegment()...), b.Bytes()[soi:]...)
	return File{Name: "photo.jpg", Data: data}
}

// gpsSegment is an APP1 segment whose EXIF says 35°41'N 51°25'E.
func gpsSegment() []byte {
	le := binary.LittleEndian
	tiff := []byte{'I', 'I', 42, 0, 8, 0, 0, 0}
	entry := func(tag, kind uint16, count, value uint32) {
		tiff = le.AppendUint16(le.AppendUint16(tiff, tag), kind)
		tiff = le.AppendUint32(le.AppendUint32(tiff, count), value)
	}
	const gpsIFD, first, second = 26, 80, 104 // offsets from the TIFF header
	tiff = le.AppendUint16(tiff, 1)
	entry(0x8825, 4, 1, gpsIFD) // where the GPS fields are
	tiff = le.AppendUint32(tiff, 0)
	tiff = le.AppendUint16(tiff, 4)
	entry(1, 2, 2, 'N')
	entry(2, 5, 3, first)
	entry(3, 2, 2, 'E')
	entry(4, 5, 3, second)
	tiff = le.AppendUint32(tiff, 0)
	for _, v := range []uint32{35, 1, 41, 1, 0, 1, 51, 1, 25, 1, 0, 1} {
		tiff = le.AppendUint32(tiff, v)
	}
	body := append([]byte("Exif\x00\x00"), tiff...)
	return append(binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(body)+2)), body...)
}

// Clip gives three seconds of real video where ffmpeg is present, and otherwise
// the boxes of an MP4 around noise.
func Clip(t testing.TB) File {
	t.Helper()
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Log("ffmpeg is not installed: the clip is an MP4 without pictures")
		return bareClip()
	}
	path := filepath.Join(t.TempDir(), "clip.mp4")
	out, err := exec.Command(ffmpeg, "-v", "error", "-f", "lavfi", "-i", "testsrc2=duration=3:size=320x240:rate=25",
		"-f", "lavfi", "-i", "sine=duration=3", "-c:v", "libx264", "-preset", "ultrafast", "-b:v", "1500k", "-movflags", "+faststart",
		"-metadata", "location=+35.6892+051.3890/", path).CombinedOutput()
	if err != nil {
		t.Fatalf("testkit: making a clip: %v\n%s", err, out)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("testkit: reading the clip: %v", err)
	}
	return File{Name: "clip.mp4", Data: data}
}

func bareClip() File {
	box := func(name string, body []byte) []byte {
		return append(append(binary.BigEndian.AppendUint32(nil, uint32(8+len(body))), name...), body...)
	}
	noise := make([]byte, 700<<10)
	_, _ = rand.NewChaCha8([32]byte{7}).Read(noise)
	data := box("ftyp", []byte("isom\x00\x00\x02\x00isomiso2mp41"))
	data = append(data, box("moov", box("mvhd", make([]byte, 100)))...)
	return File{Name: "clip.mp4", Data: append(data, box("mdat", noise)...)}
}

// Voice gives a second of sound as a recorder writes it (WAV, 16 bit, mono).
func Voice() File {
	const rate = 16000
	samples := make([]byte, 0, 2*rate)
	for i := range rate {
		v := int16(8000 * math.Sin(2*math.Pi*440*float64(i)/rate))
		samples = binary.LittleEndian.AppendUint16(samples, uint16(v))
	}
	le := binary.LittleEndian
	b := le.AppendUint32([]byte("RIFF"), uint32(36+len(samples)))
	b = le.AppendUint32(append(b, "WAVEfmt "...), 16)
	b = le.AppendUint16(le.AppendUint16(b, 1), 1) // PCM, one channel
	b = le.AppendUint32(le.AppendUint32(b, rate), 2*rate)
	b = le.AppendUint16(le.AppendUint16(b, 2), 16)
	b = le.AppendUint32(append(b, "data"...), uint32(len(samples)))
	return File{Name: "voice.wav", Data: append(b, samples...)}
}

// Noise gives a small picture that no other seed gives, quickly made.
func Noise(seed uint64) File {
	img := image.NewGray(image.Rect(0, 0, 64, 64))
	_, _ = rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)}).Read(img.Pix)
	var b bytes.Buffer
	_ = jpeg.Encode(&b, img, nil) // a buffer takes everything
	return File{Name: "noise.jpg", Data: b.Bytes()}
}
