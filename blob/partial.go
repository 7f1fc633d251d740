package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// PartialKeep is how long a partial that nobody touches is kept; Open forgets older ones.
const PartialKeep = 30 * 24 * time.Hour

// Partial gathers a file chunk by chunk, in any order, from anybody. Its chunks
// lie under (list, index): nothing is readable under the file's own name until
// Finish has hashed the whole. It survives restarts: which chunks are here is
// noted without syncing, and what is noted is checked again on resumption, so
// that neither a crash nor a power cut needs to be trusted.
//
// Safe for concurrent use. Two calls for the same (file, size, list) share one.
type Partial struct {
	s    *Store
	file Hash
	size int64
	list List

	open    sync.Once // resume runs once for all who share it
	openErr error

	mu   sync.Mutex // guards what follows
	refs int        // also guarded by s.partialMu
	data *os.File
	note *os.File
	have []bool
	left int
	typ  string
}

// Partial opens what is here of a file of size bytes whose chunks are claimed
// to be list, and begins one where there is none. Good chunks of a damaged copy
// in quarantine count as here. A blob that is here whole is fs.ErrExist; a list
// that cannot be of that size is ErrFalseList.
func (s *Store) Partial(ctx context.Context, file Hash, size int64, list List) (*Partial, error) {
	if size > s.opts.MaxBytes {
		return nil, fmt.Errorf("blob: gathering %s: %w of %d bytes", file, ErrTooLarge, s.opts.MaxBytes)
	}
	if !list.Fits(size) {
		return nil, fmt.Errorf("blob: gathering %s: %w: %d chunks for %d bytes", file, ErrFalseList, list.Len(), size)
	}
	if _, err := s.Stat(file); err == nil {
		return nil, fmt.Errorf("blob: %s is here whole: %w", file, fs.ErrExist)
	}
	p := s.sharePartial(file, size, list)
	p.open.Do(func() { p.openErr = p.resume(ctx) })
	if p.openErr != nil {
		p.Close()
		return nil, fmt.Errorf("blob: gathering %s: %w", file, full(p.openErr))
	}
	return p, nil
}

func partialName(file, list Hash, size int64) string {
	return fmt.Sprintf("%s.%s.%d", file, list, size)
}

func (p *Partial) dir() string {
	return p.s.path(partialDir, partialName(p.file, p.list.Hash(), p.size))
}

// sharePartial gives the one Partial of that name and counts its users.
func (s *Store) sharePartial(file Hash, size int64, list List) *Partial {
	key := partialName(file, list.Hash(), size)
	s.partialMu.Lock()
	defer s.partialMu.Unlock()
	p := s.partials[key]
	if p == nil {
		p = &Partial{s: s, file: file, size: size, list: list}
		s.partials[key] = p
	}
	p.refs++
	return p
}

// Close lets go of the partial; what was gathered stays for the next time.
func (p *Partial) Close() error {
	p.s.partialMu.Lock()
	p.refs--
	last := p.refs <= 0
	if key := partialName(p.file, p.list.Hash(), p.size); last && p.s.partials[key] == p {
		delete(p.s.partials, key)
	}
	p.s.partialMu.Unlock()
	if !last {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closeFiles()
}

// closeFiles is called with mu held.
func (p *Partial) closeFiles() (err error) {
	for _, f := range []**os.File{&p.data, &p.note} {
		if *f != nil {
			err = errors.Join(err, (*f).Close())
			*f = nil
		}
	}
	return err
}

// SetType names the media type that the finished blob gets: a claim.
func (p *Partial) SetType(mime string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.typ = mime
}

// Size is the size of the whole in bytes.
func (p *Partial) Size() int64 { return p.size }

// List is the list by which chunks are checked.
func (p *Partial) List() List { return p.list }

// Missing gives the chunks that are not here, ascending.
func (p *Partial) Missing() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	missing := make([]int, 0, p.left)
	for i, have := range p.have {
		if !have {
			missing = append(missing, i)
		}
	}
	return missing
}

// Has says whether chunk i is here.
func (p *Partial) Has(i int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return i >= 0 && i < len(p.have) && p.have[i]
}

// HaveBytes is how many bytes are here.
func (p *Partial) HaveBytes() (n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, have := range p.have {
		if have {
			n += int64(ChunkLen(p.size, i))
		}
	}
	return n
}

// Write takes chunk i. A chunk that does not match the list is ErrBadChunk and
// leaves no trace; a chunk that is here already is no error.
func (p *Partial) Write(i int, data []byte) error {
	if err := p.list.Check(p.size, i, data); err != nil {
		return fmt.Errorf("blob: gathering %s: %w", p.file, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.data == nil {
		return fmt.Errorf("blob: gathering %s: %w", p.file, fs.ErrClosed)
	}
	if p.have[i] {
		return nil
	}
	if _, err := p.data.WriteAt(data, int64(i)*ChunkSize); err != nil {
		return fmt.Errorf("blob: gathering %s: %w", p.file, full(err))
	}
	p.have[i] = true
	p.left--
	return p.noteChunk(i)
}

// ReadChunk gives chunk i, checked again, in fresh memory. One that is not here
// is ErrIncomplete.
func (p *Partial) ReadChunk(i int) ([]byte, error) {
	if !p.Has(i) {
		return nil, fmt.Errorf("blob: chunk %d of %s: %w", i, p.file, ErrIncomplete)
	}
	buf := make([]byte, ChunkLen(p.size, i))
	return buf, p.load(buf, i)
}

// load reads and checks chunk i; one that went bad on the disk is missing from then on.
func (p *Partial) load(buf []byte, i int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.data == nil {
		return fmt.Errorf("blob: gathering %s: %w", p.file, fs.ErrClosed)
	}
	if _, err := p.data.ReadAt(buf, int64(i)*ChunkSize); err != nil {
		return fmt.Errorf("blob: reading chunk %d of %s: %w", i, p.file, err)
	}
	if err := p.list.Check(p.size, i, buf); err != nil {
		if p.have[i] {
			p.have[i] = false
			p.left++
		}
		return fmt.Errorf("blob: gathering %s: %w: %w", p.file, ErrDamaged, err)
	}
	return nil
}

// ReadAt reads within the chunks that are here, checked; ErrIncomplete where one is not.
func (p *Partial) ReadAt(b []byte, off int64) (n int, err error) {
	if off < 0 || off >= p.size {
		return 0, errEnd(off)
	}
	for n < len(b) && off < p.size {
		chunk, err := p.ReadChunk(int(off / ChunkSize))
		if err != nil {
			return n, err
		}
		m := copy(b[n:], chunk[off%ChunkSize:])
		n, off = n+m, off+int64(m)
	}
	if n < len(b) {
		return n, errEnd(off)
	}
	return n, nil
}

// Drop forgets what was gathered.
func (p *Partial) Drop() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return errors.Join(p.closeFiles(), p.remove())
}

func (p *Partial) remove() error {
	dir := p.dir()
	return errors.Join(os.RemoveAll(dir), syncDir(filepath.Dir(dir)))
}
