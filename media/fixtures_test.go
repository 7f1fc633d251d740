package media

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "make testdata/*.{mp4,...} anew (needs ffmpeg and exiftool) and write testdata/stripped.txt")

// fixtures are small files of every format, made once by real tools and
// committed, so that the tests say something on a machine without them.
func fixtures(t testing.TB) []string {
	t.Helper()
	all, err := filepath.Glob("testdata/*.*")
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(p string) bool { return strings.HasSuffix(p, ".txt") })
}

// TestFixturesStripToWhatWasSeenToBeRight compares with results that ffmpeg and
// exiftool approved when they were written (real_test.go does that anew).
func TestFixturesStripToWhatWasSeenToBeRight(t *testing.T) {
	if *update {
		makeFixtures(t)
	}
	var got strings.Builder
	for _, path := range fixtures(t) {
		dirty, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		clean, report := strip(t, dirty)
		found, where, err := Location(bytes.NewReader(dirty))
		if err != nil {
			t.Fatal(err)
		}
		info, err := probe(bytes.NewReader(clean))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&got, "%s\n  %s\n  position %v %s\n  removed %s\n  %d bytes to %d, sha256 %.8x\n  %dx%d %v audio %v video %v %v\n",
			filepath.Base(path), report.Type, found, where, strings.Join(report.Removed, ", "),
			len(dirty), len(clean), sha256.Sum256(clean), info.Width, info.Height, info.Duration, info.HasAudio, info.HasVideo, info.Codecs)
		for _, trace := range []string{"52.52", "At home", "kitchen", "SENSORDATA", "SN-99887766"} {
			if bytes.Contains(clean, []byte(trace)) {
				t.Errorf("%s still holds %q", path, trace)
			}
		}
		if found, where, err := Location(bytes.NewReader(clean)); found || err != nil {
			t.Errorf("%s: a position is left: %s %v", path, where, err)
		}
		again, second := strip(t, clean)
		if !bytes.Equal(clean, again) || len(second.Removed) > 0 {
			t.Errorf("%s: stripping twice removes more: %q", path, second.Removed)
		}
	}
	const golden = "testdata/stripped.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("testdata/stripped.txt says otherwise; got\n%s", got.String())
	}
}

func makeFixtures(t *testing.T) {
	need(t, "ffmpeg", "exiftool")
	v := []string{"-f", "lavfi", "-i", "testsrc=size=32x16:rate=5:duration=0.6"}
	a := []string{"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=8000:duration=0.3"}
	av := slices.Concat(v, a)
	h264 := []string{"-c:v", "libx264", "-preset", "ultrafast", "-x264-params", "no-info=1", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "16k"}
	out := func(name string, parts ...[]string) string {
		path := filepath.Join("testdata", name)
		ff(t, append(slices.Concat(parts...), path)...)
		return path
	}
	keys := []string{"-movflags", "use_metadata_tags", "-metadata", "com.apple.quicktime.location.ISO6709=+52.5200+013.4050/"}
	out("udta.mp4", av, h264, filmTags)
	out("keys.mov", av, h264, keys)
	out("fragments.mp4", av, h264, filmTags, []string{"-movflags", "frag_keyframe+empty_moov+default_base_moof", "-g", "2"})
	out("sound.m4a", a, []string{"-c:a", "aac", "-b:a", "16k"}, filmTags)
	out("vp9.webm", av, []string{"-c:v", "libvpx-vp9", "-deadline", "realtime", "-c:a", "libopus", "-b:a", "8k"}, filmTags)
	out("live.webm", v, []string{"-c:v", "libvpx", "-deadline", "realtime", "-live", "1"}, filmTags)
	out("film.mkv", v, h264, filmTags)
	out("opus.ogg", a, []string{"-c:a", "libopus", "-b:a", "8k"}, filmTags)
	out("flac.ogg", a, []string{"-c:a", "flac"}, filmTags)
	out("sound.mp3", a, []string{"-c:a", "libmp3lame", "-b:a", "8k", "-write_id3v1", "1"}, filmTags)
	out("sound.flac", a, []string{"-c:a", "flac"}, filmTags)
	out("sound.wav", a, filmTags, []string{"-write_bext", "1", "-metadata", "description=kitchen"})
	sensors := subtitled(t, "sensors.mp4", []string{"SENSORDATA one"}, "-t", "0.4", "-s", "32x16", "-x264-params", "no-info=1", "-b:a", "16k")
	asTelemetry(t, sensors, "gpmd")
	b, _ := os.ReadFile(sensors)
	_ = os.WriteFile("testdata/sensors.mp4", b, 0o644)
	avif := out("picture.avif", v, []string{"-frames:v", "1", "-c:v", "libaom-av1", "-cpu-used", "8", "-still-picture", "1"})
	sh(t, "exiftool", "-q", "-overwrite_original", "-EXIF:GPSLatitude=52.52", "-EXIF:GPSLatitudeRef=N", "-EXIF:SerialNumber=SN-99887766", "-XMP:GPSLatitude=52.52", "-EXIF:Orientation#=6", avif)
	out("animated.webp", []string{"-f", "lavfi", "-i", "testsrc=size=32x16:rate=5:duration=0.6", "-c:v", "libwebp_anim"})
	for name, b := range map[string][]byte{"picture.jpg": dirtyJPEG(6), "picture.png": dirtyPNG(6), "picture.gif": dirtyGIF(), "picture.webp": dirtyWebP(t, 6)} {
		_ = os.WriteFile(filepath.Join("testdata", name), b, 0o644)
	}
}
