package blob

import (
	"fmt"
	"os"
)

// Path gives where a blob lies as a plain file, for programs that read files
// (ffmpeg, an image decoder). The bytes are not checked on this road: use Open
// where they are to be passed on. A blob that is not here is fs.ErrNotExist.
func (s *Store) Path(h Hash) (string, error) {
	path := s.file(h)
	if _, err := os.Stat(path); err != nil {
		if os.IsNotExist(err) {
			return "", errAbsent(h)
		}
		return "", fmt.Errorf("blob: looking at %s: %w", h, err)
	}
	return path, nil
}
