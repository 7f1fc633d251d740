package blob

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// Files of a partial's directory.
const (
	partialData = "data" // the chunks at their places, sparse
	partialNote = "have" // a 4-byte big-endian index for each chunk written
)

func errEnd(off int64) error {
	if off < 0 {
		return errors.New("blob: negative offset")
	}
	return io.EOF
}

// resume opens the files and checks the chunks that are noted as here.
func (p *Partial) resume(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := makeDirs(p.dir()); err != nil {
		return err
	}
	salvaged := p.salvage()
	if err := p.openFiles(); err != nil {
		return err
	}
	p.have = make([]bool, p.list.Len())
	p.left = len(p.have)
	if salvaged {
		return p.recheck(ctx, func(yield func(int) bool) {
			for i := range p.have {
				if !yield(i) {
					return
				}
			}
		})
	}
	noted, err := p.noted()
	if err != nil {
		return err
	}
	return p.recheck(ctx, func(yield func(int) bool) {
		for i, n := range noted {
			if n && !yield(i) {
				return
			}
		}
	})
}

// salvage takes a damaged copy of the same file as the beginning.
func (p *Partial) salvage() bool {
	aside := p.s.path(quarantineDir, p.file.String())
	if _, err := os.Stat(p.dir() + "/" + partialData); err == nil {
		return false
	}
	fi, err := os.Stat(aside)
	return err == nil && fi.Size() == p.size && os.Rename(aside, p.dir()+"/"+partialData) == nil
}

func (p *Partial) openFiles() (err error) {
	p.data, err = os.OpenFile(p.dir()+"/"+partialData, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	p.note, err = os.OpenFile(p.dir()+"/"+partialNote, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	return p.data.Truncate(p.size) // sparse: takes no space before chunks come
}

// noted reads which chunks were written. Nonsense in the note is skipped.
func (p *Partial) noted() ([]bool, error) {
	noted := make([]bool, p.list.Len())
	raw, err := io.ReadAll(io.NewSectionReader(p.note, 0, 4*MaxListBytes/HashBytes))
	if err != nil {
		return nil, err
	}
	for ; len(raw) >= 4; raw = raw[4:] {
		if i := binary.BigEndian.Uint32(raw); int64(i) < int64(len(noted)) {
			noted[i] = true
		}
	}
	return noted, nil
}

// recheck keeps the chunks that match the list, and writes the note anew.
// Called with mu held.
func (p *Partial) recheck(ctx context.Context, candidates func(func(int) bool)) (err error) {
	buf := chunkBuffers.Get().(*[ChunkSize]byte)
	defer chunkBuffers.Put(buf)
	if err := p.note.Truncate(0); err != nil {
		return err
	}
	for i := range candidates {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := buf[:ChunkLen(p.size, i)]
		if _, err := p.data.ReadAt(b, int64(i)*ChunkSize); err != nil || p.list.Check(p.size, i, b) != nil {
			continue
		}
		p.have[i] = true
		p.left--
		if err := p.noteChunk(i); err != nil {
			return err
		}
	}
	return nil
}

func (p *Partial) noteChunk(i int) error {
	if _, err := p.note.Write(binary.BigEndian.AppendUint32(nil, uint32(i))); err != nil {
		return fmt.Errorf("blob: noting a chunk of %s: %w", p.file, full(err))
	}
	return nil
}

// PartialInfo is one half-gathered file.
type PartialInfo struct {
	File, List Hash
	Size       int64 // bytes of the whole
}

// Partials gives what is half here, by file name.
func (s *Store) Partials() ([]PartialInfo, error) {
	entries, err := os.ReadDir(s.path(partialDir))
	if err != nil {
		return nil, fmt.Errorf("blob: listing partials: %w", err)
	}
	var out []PartialInfo
	for _, e := range entries {
		if pi, ok := parsePartialName(e.Name()); ok {
			out = append(out, pi)
		}
	}
	return out, nil
}

func parsePartialName(name string) (pi PartialInfo, ok bool) {
	parts := strings.Split(name, ".")
	if len(parts) != 3 {
		return pi, false
	}
	var err1, err2 error
	pi.File, err1 = ParseHash(parts[0])
	pi.List, err2 = ParseHash(parts[1])
	_, err3 := fmt.Sscanf(parts[2], "%d", &pi.Size)
	return pi, errors.Join(err1, err2, err3) == nil && partialName(pi.File, pi.List, pi.Size) == name
}

// dropPartialsOf forgets what is half here of a file, whatever its list.
func (s *Store) dropPartialsOf(h Hash) error {
	all, err := s.Partials()
	for _, pi := range all {
		if pi.File == h {
			err = errors.Join(err, os.RemoveAll(s.path(partialDir, partialName(pi.File, pi.List, pi.Size))))
		}
	}
	return err
}

// sweepPartials forgets partials that nobody touched for PartialKeep.
func (s *Store) sweepPartials() error {
	all, err := s.Partials()
	for _, pi := range all {
		dir := s.path(partialDir, partialName(pi.File, pi.List, pi.Size))
		fi, statErr := os.Stat(dir + "/" + partialNote)
		if errors.Is(statErr, fs.ErrNotExist) || statErr == nil && s.opts.Now().Sub(fi.ModTime()) > PartialKeep {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}
	return err
}
