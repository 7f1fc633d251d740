package media

import (
	"bytes"
	"context"
	"flag"
	"io"
	"os"
	"runtime"
	"testing"
)

// Each container has a fuzz target of its own, so that the bytes are not spent
// on guessing which parser reads them. The promises: no panic, no memory on the
// file's word, and what was stripped once has no position and strips to itself.

func FuzzJPEG(f *testing.F)     { fuzzContainer(f, typeJPEG) }
func FuzzPNG(f *testing.F)      { fuzzContainer(f, typePNG) }
func FuzzGIF(f *testing.F)      { fuzzContainer(f, typeGIF) }
func FuzzWebP(f *testing.F)     { fuzzContainer(f, typeWebP) }
func FuzzISO(f *testing.F)      { fuzzContainer(f, typeMP4, typeMOV, typeM4A, typeAVIF) }
func FuzzMatroska(f *testing.F) { fuzzContainer(f, typeWebM, typeMKV) }
func FuzzOgg(f *testing.F)      { fuzzContainer(f, typeOgg) }
func FuzzMP3(f *testing.F)      { fuzzContainer(f, typeMP3) }
func FuzzFLAC(f *testing.F)     { fuzzContainer(f, typeFLAC) }
func FuzzWAV(f *testing.F)      { fuzzContainer(f, typeWAV) }

func fuzzContainer(f *testing.F, types ...string) {
	seeds := 0
	for _, path := range fixtures(f) {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, mime := range types {
			if got, _ := Sniff(b); got == mime {
				f.Add(b)
				seeds++
			}
		}
	}
	if seeds == 0 {
		f.Fatalf("no seeds of %v", types)
	}
	f.Fuzz(func(t *testing.T, b []byte) { checkHostile(t, b) })
}

// maxWaste is what reading a file may allocate beside a few windows and blocks:
// far below what a lying length field would ask for.
const maxWaste = 64 << 20 // bytes

func checkHostile(t *testing.T, b []byte) {
	if flag.Lookup("test.fuzz").Value.String() == "" { // the figures would disturb the search
		defer checkMemory(t, len(b))()
	}
	if info, err := probe(bytes.NewReader(b)); err == nil && (info.Width < 0 || info.Height < 0 || info.Duration < 0) {
		t.Errorf("probe = %+v", info)
	}
	var out bytes.Buffer
	report, err := Strip(context.Background(), bytes.NewReader(b), &out)
	if err != nil {
		if out.Len() > 0 {
			t.Errorf("%d bytes written before %v", out.Len(), err)
		}
		return
	}
	clean := out.Bytes()
	if report.Unchecked || len(clean) > len(b)+64 {
		return
	}
	found, where, err := Location(bytes.NewReader(clean))
	if kind, _ := Sniff(clean); kind == report.Type && (err != nil || found) {
		t.Errorf("stripped %s: position %v (%s), %v", report.Type, found, where, err)
	}
}

func checkMemory(t *testing.T, size int) func() {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	return func() {
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > maxWaste {
			t.Errorf("%d bytes of input took %d MB", size, used>>20)
		}
	}
}

func FuzzTIFF(f *testing.F) {
	f.Add(personalTIFF(6))
	f.Add(orientationTIFF(3))
	f.Fuzz(func(t *testing.T, b []byte) {
		facts := readTIFF(bytes.NewReader(b))
		if facts.orientation < 0 || facts.orientation > 8 {
			t.Errorf("orientation %d", facts.orientation)
		}
		_, err := Strip(context.Background(), bytes.NewReader(b), io.Discard)
		if mime, _ := Sniff(b); mime == typeTIFF && (err != nil) != facts.gps {
			t.Errorf("position %v, Strip = %v: a TIFF is copied unless it has a position", facts.gps, err)
		}
	})
}

func FuzzSniff(f *testing.F) {
	for _, s := range []string{"", "<svg", "\xff\xfb\x90\x00", "RIFF....WAVE", "....ftypheic", "ID3", "\x1a\x45\xdf\xa3"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		mime, ext := Sniff(b)
		if mime == "" || ext == "" || ext != Extension(mime) {
			t.Errorf("Sniff = %q, %q", mime, ext)
		}
	})
}
