package media

// total sums a field over the samples of a run, at most limit.
func (r run) total(flag, other uint32, limit int64) (sum int64, err error) {
	if r.flags&flag == 0 {
		return min(r.count*int64(other), limit), nil
	}
	for i := range r.count {
		v, err := r.field(i, flag, other)
		if err != nil {
			return 0, err
		}
		sum = min(sum+int64(v), limit)
	}
	return sum, nil
}

// eachRun gives place and length of the samples of every run in a traf.
func (s *source) eachRun(traf box, f fragHead, each func(at, n int64) error) error {
	next := int64(-1)
	return s.eachBox(traf.body, traf.end, func(b box) error {
		if b.kind != "trun" {
			return nil
		}
		r, err := s.runOf(b)
		if err != nil {
			return err
		}
		n, err := r.total(0x200, f.size, s.size)
		if err != nil {
			return err
		}
		at := next
		if r.flags&1 != 0 || at < 0 {
			at = f.base + r.offset
		}
		next = at + n
		return each(at, n)
	})
}
