package media

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// subtitled makes a film with a subtitle track that holds lines.
func subtitled(t *testing.T, name string, lines []string, args ...string) string {
	t.Helper()
	var srt strings.Builder
	for i, line := range lines {
		srt.WriteString(strings.Join([]string{string(rune('1' + i)), "00:00:0" + string(rune('0'+i)) + ",000 --> 00:00:0" + string(rune('0'+i)) + ",900", line, "", ""}, "\n"))
	}
	dir := t.TempDir()
	subs := filepath.Join(dir, "s.srt")
	if err := os.WriteFile(subs, []byte(srt.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name)
	base := []string{"-f", "lavfi", "-i", testVideo, "-f", "lavfi", "-i", testSound, "-i", subs, "-map", "0", "-map", "1", "-map", "2",
		"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", "-c:s", "mov_text"}
	ff(t, append(append(base, args...), path)...)
	return path
}

// asTelemetry turns the subtitle track of a film into a camera's metadata track.
func asTelemetry(t *testing.T, path string, entry string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(b, []byte("sbtl")) || !bytes.Contains(b, []byte("tx3g")) {
		t.Fatal("the film has no subtitle track to turn")
	}
	b = bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("sbtl"), []byte("meta")), []byte("tx3g"), []byte(entry))
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestSensorTracksAreEmptied(t *testing.T) {
	need(t, "ffmpeg")
	lines := []string{"SENSORDATA one", "SENSORDATA two"}
	for name, args := range map[string][]string{
		"plain": nil, "faststart": {"-movflags", "+faststart"},
		"fragments": {"-movflags", "frag_keyframe+empty_moov+default_base_moof", "-g", "5"},
		"old-style": {"-movflags", "frag_keyframe+empty_moov", "-g", "5"},
	} {
		for _, entry := range []string{"gpmd", "camm", "mebx"} {
			t.Run(name+"/"+entry, func(t *testing.T) {
				t.Parallel()
				path := subtitled(t, "f.mp4", lines, args...)
				asTelemetry(t, path, entry)
				clean, report := stripTo(t, path)
				b, _ := os.ReadFile(clean)
				if bytes.Contains(b, []byte("SENSORDATA")) || bytes.Contains(b, []byte(entry)) {
					t.Error("the sensor data is still there")
				}
				if !slices.Contains(report.Removed, wordTelemetry) {
					t.Errorf("report %q does not name the track", report.Removed)
				}
				if found, _ := locationOf(t, path); found != (entry != "mebx") {
					t.Errorf("Location before = %v", found) // mebx counts by its keys
				}
				sameFrames(t, path, clean)
				if out := sh(t, "ffprobe", "-v", "error", "-show_entries", "stream=codec_type", "-of", "csv=p=0", clean); strings.Contains(out, "data") || strings.Contains(out, "subtitle") {
					t.Errorf("streams left: %s", out)
				}
			})
		}
	}
}

func TestFlightRecordsGoAndSubtitlesStay(t *testing.T) {
	need(t, "ffmpeg")
	drone := subtitled(t, "drone.mp4", []string{"HOME(149.0251,-20.2532) 2017.08.05", "GPS(149.0251,-20.2533,16) BAROMETER:1.9"})
	if found, where := locationOf(t, drone); !found || where == "" {
		t.Error("no position found in a drone's subtitles")
	}
	clean, _ := stripTo(t, drone)
	if b, _ := os.ReadFile(clean); bytes.Contains(b, []byte("149.0251")) {
		t.Error("the flight record is still there")
	}
	sameFrames(t, drone, clean)
	talk := subtitled(t, "talk.mp4", []string{"Hello there", "General Kenobi"})
	if found, where := locationOf(t, talk); found {
		t.Errorf("a position found in plain subtitles: %s", where)
	}
	clean, _ = stripTo(t, talk)
	if b, _ := os.ReadFile(clean); !bytes.Contains(b, []byte("Hello there")) {
		t.Error("the subtitles went")
	}
}

func TestTurnedFilmStaysTurned(t *testing.T) {
	need(t, "ffmpeg")
	dir := t.TempDir()
	flat, tilted := filepath.Join(dir, "flat.mp4"), filepath.Join(dir, "tilted.mp4")
	ff(t, "-f", "lavfi", "-i", testVideo, "-c:v", "libx264", "-preset", "ultrafast", flat)
	ff(t, "-i", flat, "-c", "copy", "-metadata:s:v:0", "rotate=90", tilted)
	clean, _ := stripTo(t, tilted)
	for _, path := range []string{tilted, clean} {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		info, err := probe(f)
		if err != nil || info.Width != 120 || info.Height != 160 {
			t.Errorf("probe(%s) = %+v, %v, want 120 x 160", filepath.Base(path), info, err)
		}
	}
	sameFrames(t, tilted, clean)
}
