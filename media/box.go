package media

// box is one box of an ISO base media file (ISO/IEC 14496-12 §4.2).
type box struct {
	kind          string
	at, body, end int64
}

func (b box) size() int64 { return b.end - b.at }

// boxAt reads the header of the box at a place that lies in a parent ending at to.
func (s *source) boxAt(at, to int64) (box, error) {
	var head [16]byte
	if to-at < 8 {
		return box{}, malformed("%d bytes at %d are no box", to-at, at)
	}
	if err := s.read(head[:8], at); err != nil {
		return box{}, err
	}
	b := box{kind: string(head[4:8]), at: at, body: at + 8}
	size := uint64(be32(head[:]))
	switch size {
	case 0: // to the end of the file
		b.end = to
		return b, nil
	case 1:
		if err := s.read(head[8:], at+8); err != nil {
			return box{}, err
		}
		b.body, size = at+16, be64(head[8:])
	}
	if size < uint64(b.body-at) || size > uint64(to-at) {
		return box{}, malformed("box %q of %d bytes at %d leaves its parent", b.kind, size, at)
	}
	b.end = at + int64(size)
	return b, nil
}

// eachBox walks the boxes of a parent. Up to seven bytes at its end that hold
// no box are passed over: QuickTime ends its lists with four zeros.
func (s *source) eachBox(at, to int64, each func(box) error) error {
	for to-at >= 8 {
		b, err := s.boxAt(at, to)
		if err != nil {
			return err
		}
		if err := each(b); err != nil {
			return err
		}
		at = b.end
	}
	return nil
}

// child gives the first box of a kind within a parent.
func (s *source) child(parent box, kind string) (found box, ok bool, err error) {
	err = s.eachBox(parent.body, parent.end, func(b box) error {
		if b.kind == kind && !ok {
			found, ok = b, true
		}
		return nil
	})
	return found, ok, err
}

// path follows kinds downwards from a parent.
func (s *source) path(parent box, kinds ...string) (b box, ok bool, err error) {
	b, ok = parent, true
	for _, kind := range kinds {
		if b, ok, err = s.child(b, kind); err != nil || !ok {
			return box{}, false, err
		}
	}
	return b, ok, nil
}

// table reads the fixed-width entries of a sample table through a buffer of
// its own, so that three tables can be walked side by side.
type table struct {
	src   *source
	at    int64
	n     int64 // entries, never more than the box holds
	width int64 // bytes
	buf   [4096]byte
	from  int64 // first entry in buf
	have  int64 // entries in buf
}

// newTable opens the entries of a full box whose 32-bit count stands at countAt.
func newTable(src *source, b box, countAt, width int64) (*table, error) {
	var c [4]byte
	if countAt+4 > b.end {
		return nil, malformed("box %q at %d is too short", b.kind, b.at)
	}
	if err := src.read(c[:], countAt); err != nil {
		return nil, err
	}
	n := min(int64(be32(c[:])), (b.end-countAt-4)/width)
	return &table{src: src, at: countAt + 4, n: n, width: width}, nil
}

// entry gives entry i, which must be below n.
func (t *table) entry(i int64) ([]byte, error) {
	if i < t.from || i >= t.from+t.have {
		t.from, t.have = i, min(t.n-i, int64(len(t.buf))/t.width)
		if err := t.src.read(t.buf[:t.have*t.width], t.at+i*t.width); err != nil {
			t.have = 0
			return nil, err
		}
	}
	off := (i - t.from) * t.width
	return t.buf[off : off+t.width], nil
}
