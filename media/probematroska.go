package media

import (
	"math"
	"strings"
	"time"
)

// matroskaProbe gathers what a segment says.
type matroskaProbe struct {
	src   *source
	info  *Info
	scale uint64 // nanoseconds per tick
	ticks float64
	last  int64 // ticks where the last block begins, or ends if it says how long it is
	seen  bool
}

// probeMatroska reads Info and Tracks. A browser's MediaRecorder writes no
// length; then the time stamps of all blocks are read.
func (s *source) probeMatroska(info *Info) error {
	w := matroskaProbe{src: s, info: info, scale: 1e6}
	at := int64(0)
	for at < s.size {
		e, err := s.elementAt(at, s.size)
		if err != nil {
			break
		}
		if e.id == idSegment {
			if err := w.segment(e); err != nil && !w.seen {
				return err
			}
			break
		}
		at = e.end
	}
	if !w.seen {
		return malformed("no tracks in the file")
	}
	w.finish()
	return nil
}

func (w *matroskaProbe) finish() {
	ns := w.ticks * float64(w.scale)
	if w.ticks == 0 {
		ns = float64(w.last) * float64(w.scale)
	}
	if ns > 0 && ns < 1<<62 {
		w.info.Duration = time.Duration(ns)
	}
	if w.info.HasAudio && !w.info.HasVideo {
		w.info.Type = map[string]string{typeWebM: typeWebMA, typeMKV: typeMKA}[w.info.Type]
	} else if w.info.HasVideo {
		w.info.Type = strings.Replace(w.info.Type, "audio/", "video/", 1)
	}
	if w.info.Type == "" {
		w.info.Type = typeWebMA
	}
}

func (w *matroskaProbe) segment(seg element) error {
	for at := seg.body; at < seg.end; {
		e, err := w.src.elementAt(at, seg.end)
		if err != nil {
			if cut, ok := w.src.cutCluster(at); ok {
				id, n, _ := w.src.vint(at, cut, 4)
				_, m, _ := w.src.vint(at+n, cut, 8)
				w.cluster(element{id: uint32(id), at: at, body: at + n + m, end: cut})
				return nil
			}
			return err
		}
		if e.unknown && e.id == idCluster {
			e.end = w.src.clusterEnd(e)
		}
		if err := w.part(e); err != nil {
			return err
		}
		at = e.end
	}
	return nil
}

func (w *matroskaProbe) part(e element) error {
	switch e.id {
	case idInfo:
		return w.src.eachElement(e.body, e.end, w.infoPart)
	case idTracks:
		w.seen = true
		return w.src.eachElement(e.body, e.end, w.track)
	case idCluster:
		if w.ticks == 0 {
			w.cluster(e)
		}
	}
	return nil
}

func (w *matroskaProbe) infoPart(e element) (err error) {
	switch e.id {
	case idScale:
		w.scale, err = w.src.uintOf(e)
	case idDuration:
		var v uint64
		v, err = w.src.uintOf(e)
		w.ticks = math.Float64frombits(v)
		if e.end-e.body == 4 {
			w.ticks = float64(math.Float32frombits(uint32(v)))
		}
		if math.IsNaN(w.ticks) || w.ticks < 0 {
			w.ticks = 0
		}
	}
	return err
}

func (w *matroskaProbe) track(e element) error {
	if e.id != idTrackEntry {
		return nil
	}
	return w.src.eachElement(e.body, e.end, func(c element) error {
		switch c.id {
		case idTrackType:
			kind, err := w.src.uintOf(c)
			w.info.HasVideo = w.info.HasVideo || kind == 1
			w.info.HasAudio = w.info.HasAudio || kind == 2
			return err
		case idCodecID:
			b, err := w.src.block(c.body, min(c.end-c.body, 64))
			w.info.codec(strings.TrimRight(string(b), "\x00"))
			return err
		case idVideo:
			return w.src.eachElement(c.body, c.end, w.video)
		}
		return nil
	})
}

func (w *matroskaProbe) video(e element) error {
	if e.id != idPixelWidth && e.id != idPixelHeight {
		return nil
	}
	v, err := w.src.uintOf(e)
	if err != nil || v > math.MaxInt32 {
		return err
	}
	if e.id == idPixelWidth {
		w.info.Width = max(w.info.Width, int(v))
	} else {
		w.info.Height = max(w.info.Height, int(v))
	}
	return nil
}

// cluster notes the last time stamp of a cluster; a broken end keeps what was read.
func (w *matroskaProbe) cluster(cluster element) {
	base := int64(0)
	_ = w.src.eachElement(cluster.body, cluster.end, func(e element) error {
		switch e.id {
		case idTimestamp:
			v, err := w.src.uintOf(e)
			base = int64(v & (1<<53 - 1))
			w.last = max(w.last, base)
			return err
		case idSimpleBlock:
			return w.block(e, base, 0)
		case idBlockGroup:
			return w.group(e, base)
		}
		return nil
	})
}

func (w *matroskaProbe) group(g element, base int64) error {
	var block element
	length := uint64(0)
	err := w.src.eachElement(g.body, g.end, func(e element) (err error) {
		switch e.id {
		case idBlock:
			block = e
		case idBlockLen:
			length, err = w.src.uintOf(e)
		}
		return err
	})
	if err != nil || block.id == 0 {
		return err
	}
	return w.block(block, base, int64(length&(1<<40-1)))
}

// block reads a block's time stamp: signed 16 bits behind the track number.
func (w *matroskaProbe) block(e element, base, length int64) error {
	_, n, err := w.src.vint(e.body, e.end, 8)
	if err != nil {
		return err
	}
	var b [2]byte
	if e.end-e.body-n < 2 {
		return malformed("block of %d bytes at %d", e.end-e.body, e.at)
	}
	if err := w.src.read(b[:], e.body+n); err != nil {
		return err
	}
	w.last = max(w.last, base+int64(int16(be16(b[:])))+length)
	return nil
}
