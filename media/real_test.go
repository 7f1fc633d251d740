package media

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// These tests make real files with ffmpeg, let exiftool write a person's
// traces into them, strip them, and let both tools say what is left. They are
// skipped where the tools are missing; handmade_test.go says the same of small
// files without them.

func need(t *testing.T, tools ...string) {
	t.Helper()
	if testing.Short() {
		t.Skip("real files take half a minute")
	}
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
}

func sh(t *testing.T, name string, args ...string) string {
	t.Helper()
	var errs bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %.400s: %v\n%.2000s", name, strings.Join(args, " "), err, errs.String())
	}
	return string(out)
}

func ff(t *testing.T, args ...string) {
	t.Helper()
	sh(t, "ffmpeg", append([]string{"-hide_banner", "-nostdin", "-v", "error", "-y"}, args...)...)
}

// stripTo strips a file and gives the path of the result.
func stripTo(t *testing.T, path string) (string, Report) {
	t.Helper()
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	clean := filepath.Join(t.TempDir(), "clean"+filepath.Ext(path))
	out, err := os.Create(clean)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	report, err := Strip(context.Background(), in, out)
	if err != nil {
		t.Fatalf("Strip(%s): %v", path, err)
	}
	return clean, report
}

func locationOf(t *testing.T, path string) (bool, string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	found, where, err := Location(f)
	if err != nil {
		t.Fatalf("Location(%s): %v", path, err)
	}
	return found, where
}

// exif gives all tags that exiftool finds, as "Group:Tag" -> value, embedded
// tracks included.
func exif(t *testing.T, path string) map[string]any {
	t.Helper()
	var list []map[string]any
	if err := json.Unmarshal([]byte(sh(t, "exiftool", "-j", "-G1", "-a", "-u", "-ee3", "-n", path)), &list); err != nil {
		t.Fatal(err)
	}
	return list[0]
}

// telling matches names of tags that must not be there afterwards.
var telling = regexp.MustCompile(`(?i)gps|serial|:make$|:model$|maker|latitude|longitude|coordinates|location|artist|author|owner|comment$|title$|keyword|thumbnail|xmp|iptc|software$|history|handlervendor|creationdate|uniqueid|copyright`)

// harmless are tags that match but say nothing of a person.
var harmless = regexp.MustCompile(`^(ICC|System|ExifTool|File:)|ColorSpace|CopyrightFlag`)

func tellingTags(t *testing.T, path string) (found []string) {
	t.Helper()
	if filepath.Ext(path) == ".aac" {
		return nil // exiftool knows no bare AAC; the bytes are searched all the same
	}
	for tag, v := range exif(t, path) {
		if telling.MatchString(tag) && !harmless.MatchString(tag) {
			found = append(found, fmt.Sprintf("%s=%v", tag, v))
		}
	}
	slices.Sort(found)
	return found
}

// frames gives the checksums of every decoded frame of every stream that is
// seen or heard.
func frames(t *testing.T, path string) string {
	t.Helper()
	return sh(t, "ffmpeg", "-hide_banner", "-nostdin", "-v", "error", "-i", path, "-map", "0:v?", "-map", "0:a?", "-f", "framemd5", "-")
}

func sameFrames(t *testing.T, before, after string) {
	t.Helper()
	want, got := frames(t, before), frames(t, after)
	if strings.Count(want, "\n") < 5 {
		t.Fatalf("no frames decoded from %s:\n%s", before, want)
	}
	if got != want {
		t.Errorf("frames of %s changed:\nbefore\n%.600s\nafter\n%.600s", filepath.Base(before), want, got)
	}
}

const (
	testVideo = "testsrc=size=160x120:rate=10:duration=2"
	testSound = "sine=frequency=440:duration=2"
)

// location as the tools write it, and as it must be gone.
var filmTags = []string{
	"-metadata", "location=+52.5200+013.4050/", "-metadata", "location-eng=+52.5200+013.4050/",
	"-metadata", "title=At home", "-metadata", "artist=Ana", "-metadata", "comment=kitchen", "-metadata", "make=Cam", "-metadata", "model=X1",
	"-metadata", "creation_time=2024-05-06T07:08:09Z", "-metadata:s:a:0", "handler_name=GoPro AAC",
}

// film is one real file: how ffmpeg makes it and what the tests expect.
type film struct {
	name    string
	args    []string
	located bool
	probe   Info
}

func films() []film {
	av := []string{"-f", "lavfi", "-i", testVideo, "-f", "lavfi", "-i", testSound}
	a := []string{"-f", "lavfi", "-i", testSound}
	h264 := []string{"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"}
	join := func(parts ...[]string) []string { return slices.Concat(parts...) }
	mdta := []string{"-movflags", "use_metadata_tags", "-metadata", "com.apple.quicktime.location.ISO6709=+52.5200+013.4050/", "-metadata", "com.apple.quicktime.make=Apple", "-metadata", "com.apple.quicktime.model=iPhone"}
	v := Info{Width: 160, Height: 120, HasAudio: true, HasVideo: true}
	sound := Info{HasAudio: true}
	return []film{
		{"udta.mp4", join(av, h264, filmTags), true, v},
		{"fast.mp4", join(av, h264, filmTags, []string{"-movflags", "+faststart"}), true, v},
		{"fragments.mp4", join(av, h264, filmTags, []string{"-movflags", "frag_keyframe+empty_moov", "-g", "5"}), true, v},
		{"keys.mp4", join(av, h264, mdta), true, v},
		{"keys.mov", join(av, h264, mdta), true, v},
		{"udta.mov", join(av, h264, filmTags), true, v},
		{"timecode.mov", join(av, h264, filmTags, []string{"-timecode", "01:02:03:04"}), true, v},
		{"hevc.mp4", join(av, []string{"-c:v", "libx265", "-x265-params", "log-level=none", "-preset", "ultrafast", "-c:a", "aac"}, filmTags), true, v},
		{"sound.m4a", join(a, []string{"-c:a", "aac"}, filmTags), true, sound},
		{"vp9.webm", join(av, []string{"-c:v", "libvpx-vp9", "-deadline", "realtime", "-c:a", "libopus"}, filmTags), true, v},
		{"live.webm", join(av, []string{"-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus", "-live", "1"}, filmTags), true, v},
		{"sound.webm", join(a, []string{"-c:a", "libopus"}, filmTags), true, sound},
		{"film.mkv", join(av, h264, filmTags), true, v},
		{"opus.ogg", join(a, []string{"-c:a", "libopus"}, filmTags), true, sound},
		{"vorbis.ogg", join(a, []string{"-c:a", "libvorbis"}, filmTags), true, sound},
		{"flac.ogg", join(a, []string{"-c:a", "flac"}, filmTags), true, sound},
		{"long.ogg", join(a, []string{"-c:a", "libopus", "-metadata", "lyrics=" + strings.Repeat("la ", 40000), "-metadata", "location=+52.5200+013.4050/"}), true, sound},
		{"sound.mp3", join(a, []string{"-c:a", "libmp3lame", "-write_id3v1", "1"}, filmTags), true, sound},
		{"sound.flac", join(a, []string{"-c:a", "flac"}, filmTags), true, sound},
		{"sound.wav", join(a, filmTags, []string{"-write_bext", "1", "-metadata", "description=x"}), false, sound},
		{"rf64.wav", join(a, filmTags, []string{"-rf64", "always", "-write_bext", "1", "-metadata", "description=x"}), false, sound},
		{"plain.wav", join(a, filmTags), false, sound},
		{"sound.aac", join(a, []string{"-c:a", "aac", "-write_id3v2", "1"}, filmTags), true, sound},
		{"theora.ogv", join(av, []string{"-c:v", "libtheora", "-c:a", "libvorbis"}, filmTags), true, v},
		{"speex.ogg", join(a, []string{"-c:a", "libspeex", "-ar", "16000"}, filmTags), true, sound},
		{"phone.3gp", join(av, h264, filmTags), true, v},
		{"pcm.mov", join(av, []string{"-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-c:a", "pcm_s16le"}, filmTags), true, v},
	}
}

func (f film) make(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), f.name)
	ff(t, append(f.args, path)...)
	return path
}

func TestFilmsAndSoundLoseTheirTraces(t *testing.T) {
	need(t, "ffmpeg", "exiftool")
	for _, f := range films() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			path := f.make(t)
			if found, where := locationOf(t, path); found != f.located {
				t.Errorf("Location before = %v (%s), want %v", found, where, f.located)
			}
			clean, report := stripTo(t, path)
			if report.Unchecked || len(report.Removed) == 0 {
				t.Errorf("report = %+v", report)
			}
			if found, where := locationOf(t, clean); found {
				t.Errorf("the stripped file still has a position: %s", where)
			}
			if left := tellingTags(t, clean); len(left) > 0 {
				t.Errorf("exiftool still finds %q", left)
			}
			for _, trace := range []string{"52.52", "At home", "kitchen", "GoPro", "iPhone"} {
				if b, _ := os.ReadFile(clean); bytes.Contains(b, []byte(trace)) {
					t.Errorf("the bytes still hold %q", trace)
				}
			}
			sameFrames(t, path, clean)
			again, second := stripTo(t, clean)
			if len(second.Removed) > 0 {
				t.Errorf("stripping twice removes more: %q", second.Removed)
			}
			sameBytes(t, clean, again)
		})
	}
}

func sameBytes(t *testing.T, a, b string) {
	t.Helper()
	x, _ := os.ReadFile(a)
	y, _ := os.ReadFile(b)
	if !bytes.Equal(x, y) {
		t.Errorf("%s and %s differ", a, b)
	}
}

// TestChainedOggLosesEveryComment: two recordings one after the other are one file.
func TestChainedOggLosesEveryComment(t *testing.T) {
	need(t, "ffmpeg")
	dir := t.TempDir()
	var chain []byte
	for _, title := range []string{"At home one", "At home two"} {
		path := filepath.Join(dir, "part.ogg")
		ff(t, "-f", "lavfi", "-i", testSound, "-c:a", "libvorbis", "-metadata", "title="+title, path)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		chain = append(chain, b...)
	}
	path := filepath.Join(dir, "chain.ogg")
	if err := os.WriteFile(path, chain, 0o600); err != nil {
		t.Fatal(err)
	}
	clean, _ := stripTo(t, path)
	if b, _ := os.ReadFile(clean); bytes.Contains(b, []byte("At home")) {
		t.Error("a title is still there")
	}
	sameFrames(t, path, clean)
}

func TestProbeKnowsWhatFFmpegMade(t *testing.T) {
	need(t, "ffmpeg")
	for _, f := range films() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			path := f.make(t)
			in, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			got, err := probe(in) // in pure Go, without a second opinion
			if err != nil {
				t.Fatal(err)
			}
			if got.Width != f.probe.Width || got.Height != f.probe.Height || got.HasAudio != f.probe.HasAudio || got.HasVideo != f.probe.HasVideo {
				t.Errorf("probe = %+v, want %+v", got, f.probe)
			}
			if ms := got.Duration.Milliseconds(); ms < 1850 || ms > 2150 {
				t.Errorf("duration = %v, want about 2s", got.Duration)
			}
			if len(got.Codecs) == 0 {
				t.Errorf("no codec named: %+v", got)
			}
		})
	}
}
