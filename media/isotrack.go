package media

import (
	"bytes"
	"fmt"
)

// trex is what a fragmented film says once about the samples of a track.
type trex struct{ size uint32 }

// droppedTrack is a track that goes; its samples are zeroed once all mdat
// boxes are known.
type droppedTrack struct{ stbl box }

// moov learns the fragments' defaults first, then decides track by track.
func (w *isoPlan) moov(b box) error {
	if err := w.defaults(b); err != nil {
		return err
	}
	return w.children(b, 1)
}

func (w *isoPlan) defaults(moov box) error {
	mvex, ok, err := w.src.child(moov, "mvex")
	if err != nil || !ok {
		return err
	}
	return w.src.eachBox(mvex.body, mvex.end, func(b box) error {
		var t [24]byte
		if b.kind != "trex" || b.end-b.body < int64(len(t)) || len(w.trexes) >= maxTracks {
			return nil
		}
		if err := w.src.read(t[:], b.body); err != nil {
			return err
		}
		w.trexes[be32(t[4:])] = trex{size: be32(t[16:])}
		return nil
	})
}

// trak keeps tracks that are seen, heard or read; every other kind (position,
// motion and face data, time codes) becomes free space and its samples zeros.
func (w *isoPlan) trak(b box, depth int) error {
	t, err := w.src.trackOf(b)
	if err != nil {
		return err
	}
	keep, word := w.judge(t)
	if keep {
		return w.children(b, depth+1)
	}
	if len(w.order) >= maxTracks {
		return fmt.Errorf("%w: more than %d tracks", ErrTooLarge, maxTracks)
	}
	w.found(word)
	if t.hasTable {
		w.order = append(w.order, droppedTrack{stbl: t.stbl})
	}
	w.dropped[t.id] = w.trexes[t.id]
	return w.free(b)
}

func (w *isoPlan) judge(t track) (keep bool, word string) {
	switch t.handler {
	case "vide", "soun", "auxv", "pict":
		return true, ""
	case "text", "sbtl", "subt", "clcp", "subp":
		if !w.positionText(t) {
			return true, ""
		}
		w.located("subtitles with coordinates")
		return false, wordTelemetry
	case "tmcd":
		return false, wordTimecode
	}
	if telemetry(t.entries) {
		w.located("sensor track")
	}
	return false, wordTelemetry
}

// telemetry tells whether a metadata track's description speaks of positions:
// GoPro (gpmd), Android (camm), Apple (mebx with its key), and other makers.
func telemetry(entries []byte) bool {
	for _, name := range []string{"gpmd", "camm", "location", "GPS", "gps", "fdsc", "priv"} {
		if bytes.Contains(entries, []byte(name)) {
			return true
		}
	}
	return false
}

// positionText looks whether subtitles are a drone's flight record.
func (w *isoPlan) positionText(t track) bool {
	const looked = 16 // chunks of text that are looked into
	if !t.hasTable {
		return false
	}
	seen, found := 0, false
	_ = w.src.eachChunk(t.stbl, func(at, n int64) error {
		text, err := w.src.block(at, min(n, windowSize))
		if err != nil {
			return err
		}
		found = found || coordinates(text)
		if seen++; found || seen >= looked {
			return errStop
		}
		return nil
	})
	return found
}

// coordinates recognises how flight records write positions.
func coordinates(text []byte) bool {
	lower := bytes.ToLower(text)
	for _, mark := range []string{"gps(", "gps (", "home(", "latitude", "[lat", "lat:", "gps:", "$gprmc", "$gpgga"} {
		if bytes.Contains(lower, []byte(mark)) {
			return true
		}
	}
	return false
}

// dropSamples zeroes the samples of the tracks that went.
func (w *isoPlan) dropSamples() error {
	for _, t := range w.order {
		if err := w.src.eachChunk(t.stbl, w.blankSamples); err != nil {
			return err
		}
	}
	return nil
}

// blankSamples zeroes samples, which must lie in the media data: a table that
// points elsewhere is a lie, and following it would destroy the film.
func (w *isoPlan) blankSamples(at, n int64) error {
	if n == 0 {
		return nil
	}
	for _, m := range w.mdats {
		if at >= m.body && at < m.end {
			return w.blank(at, min(n, m.end-at))
		}
	}
	return malformed("samples at %d lie outside the media data", at)
}

// moof walks a fragment; a later fragment knows the tracks that went.
func (w *isoPlan) moof(b box) error {
	w.moofAt = b.at
	return w.children(b, 1)
}

// traf frees the part of a fragment that belongs to a track that went. Its
// samples are zeroed at once: the media data follows, so it is known by where
// the fragment says, within the file.
func (w *isoPlan) traf(b box) error {
	f, err := w.src.fragment(b)
	if err != nil {
		return err
	}
	defaults, gone := w.dropped[f.track]
	if !gone {
		return w.children(b, 2)
	}
	if f.size == 0 {
		f.size = defaults.size
	}
	if f.base < 0 {
		f.base = w.moofAt
	}
	if err := w.src.eachRun(b, f, func(at, n int64) error {
		if at < b.end || n > w.src.size-at {
			return malformed("fragment samples at %d lie outside the media data", at)
		}
		return w.blank(at, n)
	}); err != nil {
		return err
	}
	return w.free(b)
}
