package media

import (
	"errors"
	"strings"
	"time"
)

// isoProbe gathers what a film's boxes say.
type isoProbe struct {
	src    *source
	info   *Info
	scales map[uint32]clockOf // by track
	ends   map[uint32]uint64  // ticks that the fragments of a track last
}

type clockOf struct {
	scale    uint32
	duration uint32 // ticks of a sample, by default
}

func (s *source) probeISO(info *Info) error {
	w := isoProbe{src: s, info: info, scales: map[uint32]clockOf{}, ends: map[uint32]uint64{}}
	seen := false
	err := s.eachBox(0, s.size, func(b box) (err error) {
		switch b.kind {
		case "moov":
			seen, err = true, w.moov(b)
		case "moof":
			err = w.moof(b)
		case "meta":
			if picture, perr := s.isPicture(b); perr != nil || picture {
				seen, err = true, errors.Join(perr, s.probeHEIF(info, b))
			}
		}
		return err
	})
	if err != nil && !seen {
		return err
	}
	if !seen {
		return malformed("no film and no picture in the file")
	}
	w.finish()
	return nil
}

func (w *isoProbe) moov(moov box) error {
	return w.src.eachBox(moov.body, moov.end, func(b box) error {
		switch b.kind {
		case "mvhd":
			scale, n, err := w.src.clock(b)
			w.longer(ticks(n, uint64(scale)))
			return err
		case "trak":
			return w.trak(b)
		case "mvex":
			return w.defaults(b)
		}
		return nil
	})
}

func (w *isoProbe) longer(d time.Duration) { w.info.Duration = max(w.info.Duration, d) }

func (w *isoProbe) trak(b box) error {
	t, err := w.src.trackOf(b)
	if err != nil || len(w.scales) >= maxTracks {
		return err
	}
	c := w.scales[t.id]
	c.scale = t.scale
	w.scales[t.id] = c
	switch t.handler {
	case "vide":
		w.info.HasVideo = true
		w.info.codec(strings.TrimSpace(t.codec))
		if t.turned {
			t.width, t.height = t.height, t.width
		}
		if t.width > w.info.Width {
			w.info.Width, w.info.Height = t.width, t.height
		}
	case "soun":
		w.info.HasAudio = true
		w.info.codec(strings.TrimSpace(t.codec))
	}
	return nil
}

// defaults reads how long a fragmented film says it is, and its samples last.
func (w *isoProbe) defaults(mvex box) error {
	return w.src.eachBox(mvex.body, mvex.end, func(b box) error {
		var t [24]byte
		if b.kind != "trex" || b.end-b.body < int64(len(t)) || len(w.scales) >= maxTracks {
			return nil
		}
		if err := w.src.read(t[:], b.body); err != nil {
			return err
		}
		c := w.scales[be32(t[4:])]
		c.duration = be32(t[12:])
		w.scales[be32(t[4:])] = c
		return nil
	})
}

// moof adds what a fragment lasts, which matters only where the header is silent.
func (w *isoProbe) moof(moof box) error {
	return w.src.eachBox(moof.body, moof.end, func(b box) error {
		if b.kind != "traf" {
			return nil
		}
		f, err := w.src.fragment(b)
		if err != nil {
			return err
		}
		c, known := w.scales[f.track]
		if !known {
			return nil
		}
		if f.duration == 0 {
			f.duration = c.duration
		}
		return w.runs(b, f)
	})
}

func (w *isoProbe) runs(traf box, f fragHead) error {
	return w.src.eachBox(traf.body, traf.end, func(b box) error {
		if b.kind != "trun" {
			return nil
		}
		r, err := w.src.runOf(b)
		if err != nil {
			return err
		}
		n, err := r.total(0x100, f.duration, 1<<52)
		w.ends[f.track] += uint64(n)
		return err
	})
}

func (w *isoProbe) finish() {
	for id, n := range w.ends {
		w.longer(ticks(n, uint64(w.scales[id].scale)))
	}
	i := w.info
	if i.Type == typeMP4 && i.HasAudio && !i.HasVideo {
		i.Type = typeM4A
	}
	if kindOf(i.Type) == "audio" { // a cover picture is no film
		i.HasVideo, i.Width, i.Height = false, 0, 0
	}
}

// probeHEIF reads the size of the primary item and how it is turned.
func (s *source) probeHEIF(info *Info, meta box) error {
	inner := box{body: meta.body + 4, end: meta.end}
	primary, err := s.primaryItem(inner)
	if err != nil {
		return err
	}
	iprp, ok, err := s.child(inner, "iprp")
	if err != nil || !ok {
		return err
	}
	ipma, ok, err := s.child(iprp, "ipma")
	if err != nil || !ok {
		return err
	}
	indices, err := s.propertiesOf(ipma, primary)
	if err != nil {
		return err
	}
	return s.readProperties(info, iprp, indices)
}

func (s *source) primaryItem(meta box) (uint32, error) {
	b, ok, err := s.child(meta, "pitm")
	if err != nil || !ok {
		return 0, err
	}
	r := ilocReader{src: s, at: b.body, end: b.end}
	wide := uint64(2)
	if r.uint(4)>>24 > 0 {
		wide = 4
	}
	return uint32(r.uint(wide)), r.err
}

// propertiesOf lists the properties of an item, numbered from 1, in order.
func (s *source) propertiesOf(ipma box, item uint32) (indices []uint64, err error) {
	r := ilocReader{src: s, at: ipma.body, end: ipma.end}
	head := r.uint(4)
	idWide, propWide := uint64(2), uint64(1)
	if head>>24 > 0 {
		idWide = 4
	}
	if head&1 != 0 {
		propWide = 2
	}
	for n := r.uint(4); n > 0 && r.err == nil; n-- {
		id := uint32(r.uint(idWide))
		for k := r.uint(1); k > 0 && r.err == nil; k-- {
			v := r.uint(propWide) &^ (1 << (8*propWide - 1)) // without "essential"
			if id == item && len(indices) < 256 {
				indices = append(indices, v)
			}
		}
	}
	return indices, r.err
}

func (s *source) readProperties(info *Info, iprp box, indices []uint64) error {
	ipco, ok, err := s.child(iprp, "ipco")
	if err != nil || !ok {
		return err
	}
	wanted := map[uint64]bool{}
	for _, i := range indices {
		wanted[i] = true
	}
	n, turned := uint64(0), false
	err = s.eachBox(ipco.body, ipco.end, func(b box) error {
		n++
		if !wanted[n] {
			return nil
		}
		r := ilocReader{src: s, at: b.body, end: b.end}
		switch b.kind {
		case "ispe":
			r.uint(4)
			info.Width, info.Height = int(r.uint(4)), int(r.uint(4))
		case "irot":
			turned = r.uint(1)&1 == 1
		case "hvcC", "av1C":
			info.codec(b.kind[:3])
		}
		return r.err
	})
	if turned {
		info.Width, info.Height = info.Height, info.Width
	}
	return err
}
