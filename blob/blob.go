// Package blob keeps media at rest: bytes named by their SHA-256, as plain files.
//
// A blob is written to a temporary file, synced, and only then given its name,
// so whatever has a name is whole. Every read is checked, 256 KiB at a time,
// against the blob's chunk list; a damaged file goes to quarantine and can be
// fetched again. What comes piecewise from others is gathered in a Partial and
// gets the file's name only when the whole hashes to it.
//
// The layout under the directory given to Open:
//
//	blobs/ab/cd/<hash>        the bytes
//	blobs/ab/cd/<hash>.info   media type, time, name of the chunk list (JSON)
//	partial/<file>.<list>.<size>/   what is half here
//	quarantine/<hash>         bytes that no longer match their name
//	originals/<hash>          private untouched originals, never served
//	owners/<person>/<hash>    who uploaded what
//	tmp/blob-*                being written; swept at Open
//
// The formats that others see are in docs/protocol/blobs.md.
package blob

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// Limits of what is kept.
const (
	ChunkSize    = 256 << 10                            // bytes of a chunk; the last one may be shorter
	MaxBlobBytes = 4 << 30                              // bytes of one blob, unless Options.MaxBytes says otherwise
	MaxListBytes = MaxBlobBytes / ChunkSize * HashBytes // bytes of one chunk list (512 KiB)
	MaxTypeBytes = 255                                  // bytes of a media type
	HashBytes    = 32                                   // bytes of a hash
)

// The closed set of what can go wrong. A blob that is not here is fs.ErrNotExist.
var (
	ErrMalformed  = errors.New("not a blob name or chunk list")
	ErrTooLarge   = errors.New("the blob is over the size limit")
	ErrMismatch   = errors.New("the bytes do not match the hash")
	ErrFull       = errors.New("the disk is full: free some space and try again")
	ErrDamaged    = errors.New("the file on disk is damaged")
	ErrFalseList  = errors.New("the chunk list does not belong to the file")
	ErrBadChunk   = errors.New("the chunk does not match the chunk list")
	ErrIncomplete = errors.New("chunks are missing")
)

// Hash names a blob: the SHA-256 of its bytes.
type Hash [HashBytes]byte

// Sum gives the name of these bytes.
func Sum(data []byte) Hash { return sha256.Sum256(data) }

// ParseHash reads 64 lower-case hex digits. Anything else is ErrMalformed.
func ParseHash(s string) (h Hash, err error) {
	if len(s) != 2*HashBytes {
		return h, fmt.Errorf("%w: a hash has %d hex digits, not %d", ErrMalformed, 2*HashBytes, len(s))
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return h, fmt.Errorf("%w: a hash is lower-case hex", ErrMalformed)
		}
	}
	_, err = hex.Decode(h[:], []byte(s))
	return h, err
}

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// IsZero says that no hash was set.
func (h Hash) IsZero() bool { return h == Hash{} }

// MarshalText writes 64 lower-case hex digits.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads 64 lower-case hex digits.
func (h *Hash) UnmarshalText(b []byte) (err error) { *h, err = ParseHash(string(b)); return err }

// Info is what is known of a blob without reading it.
type Info struct {
	Hash Hash
	Size int64     // bytes
	Type string    // media type as whoever brought it declared it; "" = unknown. A claim.
	At   time.Time // when it was first stored here
}

func errAbsent(h Hash) error { return fmt.Errorf("blob %s is not here: %w", h, fs.ErrNotExist) }
