package media

import (
	"errors"
	"io"
)

// errStop ends a walk early.
var errStop = errors.New("enough")

// track is what its header boxes say about one track.
type track struct {
	id            uint32
	handler       string
	width, height int // of the display, before turning
	turned        bool
	scale         uint32 // ticks per second
	duration      uint64 // ticks
	entries       []byte // the sample descriptions, at most maxMetadata
	codec         string
	stbl          box
	hasTable      bool
}

// trackOf reads a trak box; parts that are missing stay zero.
func (s *source) trackOf(b box) (track, error) {
	var t track
	err := s.eachBox(b.body, b.end, func(c box) error {
		switch c.kind {
		case "tkhd":
			return s.trackHeader(&t, c)
		case "mdia":
			return s.trackMedia(&t, c)
		}
		return nil
	})
	return t, err
}

func (s *source) trackHeader(t *track, b box) error {
	h, err := s.block(b.body, min(b.end-b.body, 96))
	if err != nil {
		return err
	}
	idAt, tail := 12, 84-8
	if len(h) > 0 && h[0] == 1 {
		idAt, tail = 20, 96-8
	}
	if len(h) < tail+8 {
		return malformed("track header of %d bytes at %d", len(h), b.at)
	}
	t.id = be32(h[idAt:])
	matrix := h[tail-36:]
	t.turned = be32(matrix) == 0 && be32(matrix[4:]) != 0
	t.width, t.height = int(be16(h[tail:])), int(be16(h[tail+4:]))
	return nil
}

func (s *source) trackMedia(t *track, mdia box) error {
	return s.eachBox(mdia.body, mdia.end, func(b box) error {
		switch b.kind {
		case "hdlr":
			var h [12]byte
			if b.end-b.body < 12 {
				return malformed("handler box at %d is too short", b.at)
			}
			err := s.read(h[:], b.body)
			t.handler = string(h[8:12])
			return err
		case "mdhd":
			var err error
			t.scale, t.duration, err = s.clock(b)
			return err
		case "minf":
			return s.trackTable(t, b)
		}
		return nil
	})
}

// clock reads time scale and duration of mvhd or mdhd, which share their layout.
// An unknown duration (all ones) is zero.
func (s *source) clock(b box) (scale uint32, duration uint64, err error) {
	h, err := s.block(b.body, min(b.end-b.body, 32))
	switch {
	case err != nil:
		return 0, 0, err
	case len(h) >= 32 && h[0] == 1:
		scale, duration = be32(h[20:]), be64(h[24:])
	case len(h) >= 20 && h[0] == 0:
		scale, duration = be32(h[12:]), uint64(be32(h[16:]))
		if duration == 1<<32-1 {
			duration = 0
		}
	}
	if duration == 1<<64-1 {
		duration = 0
	}
	return scale, duration, nil
}

func (s *source) trackTable(t *track, minf box) error {
	stbl, ok, err := s.child(minf, "stbl")
	if err != nil || !ok {
		return err
	}
	t.stbl, t.hasTable = stbl, true
	stsd, ok, err := s.child(stbl, "stsd")
	if err != nil || !ok {
		return err
	}
	t.entries, err = s.block(stsd.body, stsd.end-stsd.body)
	if len(t.entries) >= 16 && printable(string(t.entries[12:16])) {
		t.codec = string(t.entries[12:16])
	}
	return err
}

// eachChunk gives the place and length of every chunk of a track's samples, in
// order of the table (ISO/IEC 14496-12 §8.7).
func (s *source) eachChunk(stbl box, each func(at, n int64) error) error {
	c, ok, err := s.chunks(stbl)
	if err != nil || !ok {
		return err
	}
	for i := range c.offsets.n {
		at, n, err := c.next(i)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := each(at, n); err != nil {
			if errors.Is(err, errStop) {
				return nil
			}
			return err
		}
	}
	return nil
}

type chunkWalk struct {
	offsets, runs, sizes *table
	uniform              int64 // bytes of every sample, 0 when sizes tells
	run, perChunk        int64
	sample               int64
	limit                int64 // bytes of the file
}

func (s *source) chunks(stbl box) (*chunkWalk, bool, error) {
	c := &chunkWalk{limit: s.size}
	err := s.eachBox(stbl.body, stbl.end, func(b box) (err error) {
		switch b.kind {
		case "stco":
			c.offsets, err = newTable(s, b, b.body+4, 4)
		case "co64":
			c.offsets, err = newTable(s, b, b.body+4, 8)
		case "stsc":
			c.runs, err = newTable(s, b, b.body+4, 12)
		case "stsz":
			err = s.sizeTable(c, b)
		case "stz2":
			return malformed("compact sample sizes in a track that goes")
		}
		return err
	})
	ok := c.offsets != nil && c.runs != nil && (c.sizes != nil || c.uniform > 0)
	return c, ok && err == nil, err
}

func (s *source) sizeTable(c *chunkWalk, b box) error {
	var h [8]byte
	if b.end-b.body < 12 {
		return malformed("sample size box at %d is too short", b.at)
	}
	if err := s.read(h[:], b.body); err != nil {
		return err
	}
	if c.uniform = int64(be32(h[4:])); c.uniform > 0 {
		return nil
	}
	var err error
	c.sizes, err = newTable(s, b, b.body+8, 4)
	return err
}

func (c *chunkWalk) next(i int64) (at, n int64, err error) {
	off, err := c.offsets.entry(i)
	if err != nil {
		return 0, 0, err
	}
	if len(off) == 8 {
		at = int64(be64(off) & (1<<63 - 1))
	} else {
		at = int64(be32(off))
	}
	if err := c.advanceRun(i); err != nil {
		return 0, 0, err
	}
	n, err = c.chunkBytes()
	return at, n, err
}

// advanceRun finds how many samples chunk i holds.
func (c *chunkWalk) advanceRun(i int64) error {
	for c.run < c.runs.n {
		e, err := c.runs.entry(c.run)
		if err != nil {
			return err
		}
		if int64(be32(e))-1 > i {
			return nil
		}
		c.perChunk = int64(be32(e[4:]))
		c.run++
	}
	return nil
}

func (c *chunkWalk) chunkBytes() (n int64, err error) {
	if c.uniform > 0 {
		return min(c.uniform*min(c.perChunk, c.limit), c.limit), nil
	}
	for range c.perChunk {
		if c.sample >= c.sizes.n {
			break
		}
		e, err := c.sizes.entry(c.sample)
		if err != nil {
			return 0, err
		}
		n += int64(be32(e))
		c.sample++
	}
	if n == 0 && c.sample >= c.sizes.n {
		return 0, io.EOF
	}
	return n, nil
}

// fragHead is the header of one track's part of a fragment.
type fragHead struct {
	track    uint32
	base     int64 // where the data offsets count from
	size     uint32
	duration uint32
}

// fragment reads the tfhd box of a traf.
func (s *source) fragment(traf box) (fragHead, error) {
	b, ok, err := s.child(traf, "tfhd")
	if err != nil || !ok {
		return fragHead{}, err
	}
	h, err := s.block(b.body, min(b.end-b.body, 40))
	if err != nil {
		return fragHead{}, err
	}
	return parseFragHead(h)
}

func parseFragHead(h []byte) (f fragHead, err error) {
	if len(h) < 8 {
		return f, malformed("fragment header of %d bytes", len(h))
	}
	flags := be32(h) & 0xffffff
	f.track, f.base = be32(h[4:]), -1
	h = h[8:]
	for _, field := range []struct {
		flag uint32
		n    int
	}{{1, 8}, {2, 4}, {8, 4}, {16, 4}} {
		if flags&field.flag == 0 {
			continue
		}
		if len(h) < field.n {
			return f, malformed("fragment header is too short")
		}
		switch field.flag {
		case 1:
			f.base = int64(be64(h) & (1<<63 - 1))
		case 8:
			f.duration = be32(h)
		case 16:
			f.size = be32(h)
		}
		h = h[field.n:]
	}
	return f, nil
}

// run is the header of one trun box.
type run struct {
	flags   uint32
	offset  int64
	samples *table // nil when its samples have no fields of their own
	count   int64
}

func (s *source) runOf(b box) (r run, err error) {
	h, err := s.block(b.body, min(b.end-b.body, 16))
	if err != nil || len(h) < 8 {
		return r, errors.Join(err, malformed("track run of %d bytes at %d", len(h), b.at))
	}
	r.flags, r.count = be32(h)&0xffffff, int64(be32(h[4:]))
	at := b.body + 8
	if r.flags&1 != 0 && len(h) >= 12 {
		r.offset = int64(int32(be32(h[8:])))
		at += 4
	}
	if r.flags&4 != 0 {
		at += 4
	}
	width := r.width()
	if width > 0 {
		r.count = min(r.count, max(b.end-at, 0)/width)
		r.samples = &table{src: s, at: at, n: r.count, width: width}
	}
	return r, nil
}

// width gives the bytes of one sample's fields.
func (r run) width() (n int64) {
	for _, flag := range []uint32{0x100, 0x200, 0x400, 0x800} {
		if r.flags&flag != 0 {
			n += 4
		}
	}
	return n
}

// field gives a field of sample i: duration (0x100) or size (0x200), or the default.
func (r run) field(i int64, flag, other uint32) (uint32, error) {
	if r.flags&flag == 0 || r.samples == nil {
		return other, nil
	}
	e, err := r.samples.entry(i)
	if err != nil {
		return 0, err
	}
	if flag == 0x200 && r.flags&0x100 != 0 {
		e = e[4:]
	}
	return be32(e), nil
}
