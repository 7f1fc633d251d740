package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// webpFrame gives readers of the first frame of an animated WebP as a still
// picture of its own, since the decoder at hand knows no animation. It gives
// nil for a still picture.
func (s *source) webpFrame() (func() io.Reader, error) {
	const header = 16 // place, size, duration and flags of a frame
	const alphaFlag = 0x10
	var frame riffChunk
	err := s.riffChunks(12, s.size, func(c riffChunk) error {
		if c.kind == "ANMF" && c.size > header {
			frame = c
			return errStop
		}
		return nil
	})
	if err != nil && !errors.Is(err, errStop) || frame.kind == "" {
		return nil, err
	}
	var h [header + 4]byte // and the name of the first chunk within
	if err := s.read(h[:min(int64(len(h)), frame.size)], frame.body); err != nil {
		return nil, err
	}
	flags := byte(0)
	if string(h[header:]) == "ALPH" {
		flags = alphaFlag
	}
	n := frame.size - header
	head := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(n+22))
	head = append(head, "WEBPVP8X\x0a\x00\x00\x00"...)
	head = append(head, flags, 0, 0, 0)
	head = append(head, h[6:12]...) // width and height, each less one, 24 bits
	return func() io.Reader {
		return io.MultiReader(bytes.NewReader(head), io.NewSectionReader(s, frame.body+header, n))
	}, nil
}
