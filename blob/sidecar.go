package blob

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

const (
	sidecarSuffix   = ".info"
	maxSidecarBytes = 4 << 10
)

// sidecar is what stands beside a blob. Losing one loses the media type and
// the time; the rest is computed again.
type sidecar struct {
	Type string `json:"type,omitempty"`
	At   int64  `json:"at_ms,omitempty"`   // Unix milliseconds
	List Hash   `json:"chunks,omitzero"`   // name of the chunk list; files of one chunk need none
	Of   Hash   `json:"chunksOf,omitzero"` // this blob is the list that this store made of that file
}

// parseSidecar reads a sidecar; a broken one counts as none.
func parseSidecar(raw []byte) (sc sidecar) {
	if len(raw) > maxSidecarBytes || json.Unmarshal(raw, &sc) != nil {
		return sidecar{}
	}
	sc.Type = cleanType(sc.Type)
	return sc
}

func (s *Store) readSidecar(h Hash) sidecar {
	f, err := os.Open(s.file(h) + sidecarSuffix)
	if err != nil {
		return sidecar{}
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxSidecarBytes+1))
	if err != nil {
		return sidecar{}
	}
	return parseSidecar(raw)
}

func (sc sidecar) info(h Hash, fi fs.FileInfo) Info {
	at := fi.ModTime()
	if sc.At != 0 {
		at = time.UnixMilli(sc.At)
	}
	return Info{Hash: h, Size: fi.Size(), Type: sc.Type, At: at}
}

// over gives what to write when a blob is stored that may be here already:
// the first time and the first media type stay, and a list that somebody
// stores on purpose no longer vanishes with its file.
func (sc sidecar) over(old sidecar) sidecar {
	if old.At != 0 {
		sc.At = old.At
		if old.Of.IsZero() {
			sc.Of = Hash{}
		}
	}
	if old.Type != "" && old.Type != unknownType {
		sc.Type = old.Type
	}
	if sc.List.IsZero() {
		sc.List = old.List
	}
	return sc
}

// writeSidecarTemp writes a synced temporary file, for place to rename.
func (s *Store) writeSidecarTemp(sc sidecar) (path string, err error) {
	raw, err := json.Marshal(sc)
	if err != nil {
		return "", err
	}
	t, err := s.newTemp()
	if err != nil {
		return "", err
	}
	defer t.discardOn(&err)
	if _, err = t.f.Write(raw); err != nil {
		return "", full(err)
	}
	return t.path(), t.seal()
}

const unknownType = "application/octet-stream"

// cleanType keeps a media type that is safe to put in a header, or gives "".
func cleanType(t string) string {
	if len(t) > MaxTypeBytes {
		return ""
	}
	for i := range len(t) {
		if t[i] < 0x20 || t[i] > 0x7e {
			return ""
		}
	}
	return t
}

// noteList remembers in the sidecar of h which blob is its list.
func (s *Store) noteList(h, list Hash) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	sc := s.readSidecar(h)
	sc.List = list
	fi, err := os.Stat(s.file(h))
	if err != nil {
		return fmt.Errorf("blob: noting the list of %s: %w", h, err)
	}
	sc.At = sc.info(h, fi).At.UnixMilli()
	tmp, err := s.writeSidecarTemp(sc)
	if err != nil {
		return fmt.Errorf("blob: noting the list of %s: %w", h, err)
	}
	return os.Rename(tmp, s.file(h)+sidecarSuffix)
}
