// Package media looks into pictures, sound and film: what a file is, how large
// and how long it is, and what it tells about its maker; it takes that out.
//
// Everything that guards a person (Sniff, Strip, Location, Probe) is pure Go
// and reads containers only: no pixel or sample is ever encoded again, so a
// stripped file decodes to exactly the same frames. Previews (Thumbnail,
// BlurHash) are pure Go for JPEG, PNG, GIF and WebP; ffmpeg is used for the
// rest when the machine has it, and ErrNoFFmpeg says so when it has not.
//
// Files are hostile until proven otherwise: nothing is allocated on the word
// of a length field, nesting is bounded, and every limit is a constant below.
package media

import "errors"

// The closed set of what can go wrong with a file. Other errors are those of
// the reader, the writer or the context that the caller passed in.
var (
	// ErrMalformed says that the file breaks its own format.
	ErrMalformed = errors.New("media file is malformed")
	// ErrUnsupported says that the format, or a corner of it, is not handled here.
	ErrUnsupported = errors.New("media format is not supported")
	// ErrTooLarge says that the file is over one of the limits of this package.
	ErrTooLarge = errors.New("media file is over a limit")
	// ErrNoFFmpeg says that the work needs ffmpeg and that it was not found.
	ErrNoFFmpeg = errors.New("ffmpeg was not found")
)

// What a file may cost. Stripping takes one window, one metadata block and 48
// bytes for every place that is rewritten, whatever the size of the file.
const (
	// SniffLen is how many bytes of a file's beginning Sniff can make use of.
	SniffLen = 4096 // bytes

	windowSize  = 64 << 10 // bytes read at a time
	maxMetadata = 1 << 20  // bytes of one metadata block that are looked into
	maxEdits    = 1 << 19  // places in one file that may be rewritten
	maxDepth    = 12       // boxes within boxes
	maxTails    = 4        // pictures behind pictures
	maxTracks   = 256      // tracks of one film
	maxItems    = 1 << 14  // items of one HEIF picture
)
