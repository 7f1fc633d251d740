package store

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/klauspost/compress/zstd"

	"mural/event"
)

// The body of an event in the table event, which holds id and author beside it:
//
//	form        1 byte: formPlain or formZstd
//	sig         64 bytes
//	created_at  uvarint
//	kind        uvarint
//	tags        uvarint count, then for each tag
//	              uvarint count of strings, then for each string
//	                uvarint 2*n and n bytes as they are, or
//	                uvarint 2*n+1 and n bytes to be written in lower-case hex
//	content     formPlain: the rest
//	            formZstd: uvarint length once unpacked, and the rest a zstd frame
const (
	formPlain = 0
	formZstd  = 1
)

const (
	minPacked = 1024                // bytes of content below which it stays as it is: notes are read often and save little
	maxPacked = event.MaxEventBytes // bytes of content above which it is not tried, nor believed
	minHex    = 16                  // digits below which a hex string stays as it is
	sigBytes  = len(event.Sig{})
	bodyExtra = 1 + sigBytes + 3*binary.MaxVarintLen64
)

// codec turns events into bodies and back. It is safe for concurrent use.
type codec struct {
	pack   *zstd.Encoder
	unpack *zstd.Decoder
}

func newCodec() *codec {
	// Both constructors fail on bad options only. One coder each, small windows:
	// the defaults keep several megabytes per core.
	pack, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true),
		zstd.WithWindowSize(64<<10), zstd.WithEncoderCRC(false), zstd.WithEncoderLevel(zstd.SpeedDefault))
	if err != nil {
		panic(err)
	}
	unpack, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(maxPacked), zstd.WithDecoderMaxWindow(1<<20))
	if err != nil {
		panic(err)
	}
	return &codec{pack, unpack}
}

// encode gives the body of an event.
func (c *codec) encode(e *event.Event) []byte {
	b := make([]byte, 1, bodyExtra+len(e.Content)+16*len(e.Tags))
	b = append(b, e.Sig[:]...)
	b = binary.AppendUvarint(b, uint64(e.CreatedAt))
	b = binary.AppendUvarint(b, uint64(e.Kind))
	b = binary.AppendUvarint(b, uint64(len(e.Tags)))
	for _, tag := range e.Tags {
		b = binary.AppendUvarint(b, uint64(len(tag)))
		for _, s := range tag {
			b = appendString(b, s)
		}
	}
	return c.appendContent(b, e.Content)
}

func appendString(b []byte, s string) []byte {
	if !isHex(s) {
		return append(binary.AppendUvarint(b, uint64(2*len(s))), s...)
	}
	b = binary.AppendUvarint(b, uint64(len(s)/2*2+1))
	b, _ = hex.AppendDecode(b, []byte(s)) // isHex looked at every digit
	return b
}

func isHex(s string) bool {
	if len(s) < minHex || len(s)%2 != 0 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// appendContent packs the content when that saves an eighth or more.
func (c *codec) appendContent(b []byte, content string) []byte {
	if len(content) < minPacked || len(content) > maxPacked {
		return append(b, content...)
	}
	head := len(b)
	packed := c.pack.EncodeAll([]byte(content), binary.AppendUvarint(b, uint64(len(content))))
	if len(packed)-head > len(content)-len(content)/8 {
		return append(b[:head], content...)
	}
	packed[0] = formZstd
	return packed
}

// decode reads a body into e, which has its ID and PubKey already. It takes no
// more memory than the body's length and maxPacked allow. Errors wrap ErrDamaged.
func (c *codec) decode(e *event.Event, body []byte) error {
	r := bodyReader{s: string(body)}
	form := r.bytes(1)
	copy(e.Sig[:], r.bytes(sigBytes))
	e.CreatedAt = int64(r.uvarint(MaxCreatedAt))
	e.Kind = event.Kind(r.uvarint(1<<16 - 1))
	e.Tags = r.tags()
	if r.bad {
		return fmt.Errorf("%w: its head or tags", ErrDamaged)
	}
	return c.decodeContent(e, form[0], &r)
}

func (c *codec) decodeContent(e *event.Event, form byte, r *bodyReader) error {
	switch form {
	case formPlain:
		e.Content = r.s
		return nil
	case formZstd:
		size := r.uvarint(maxPacked)
		content, err := c.unpack.DecodeAll([]byte(r.s), make([]byte, 0, size))
		if r.bad || err != nil || uint64(len(content)) != size {
			return fmt.Errorf("%w: its content (%v)", ErrDamaged, err)
		}
		e.Content = string(content)
		return nil
	}
	return fmt.Errorf("%w: form %d", ErrDamaged, form)
}

// bodyReader reads from the front of s. After a mistake bad is set and everything it gives is empty.
type bodyReader struct {
	s   string
	bad bool
}

func (r *bodyReader) uvarint(max uint64) uint64 {
	var v uint64
	for i := 0; i < len(r.s) && i < binary.MaxVarintLen64; i++ {
		b := r.s[i]
		v |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			r.s = r.s[i+1:]
			if v > max {
				break
			}
			return v
		}
	}
	r.fail()
	return 0
}

func (r *bodyReader) bytes(n int) string {
	if n > len(r.s) {
		r.fail()
		return "\x00"
	}
	head := r.s[:n]
	r.s = r.s[n:]
	return head
}

func (r *bodyReader) fail() { r.s, r.bad = "", true }

// count reads how many follow; each takes at least one byte.
func (r *bodyReader) count() int { return int(r.uvarint(uint64(len(r.s)))) }

func (r *bodyReader) tags() event.Tags {
	tags := make(event.Tags, r.count())
	for i := range tags {
		tag := make(event.Tag, r.count())
		for j := range tag {
			tag[j] = r.string()
		}
		tags[i] = tag
	}
	return tags
}

func (r *bodyReader) string() string {
	v := r.uvarint(2*uint64(len(r.s)) + 1)
	s := r.bytes(int(v / 2))
	if v%2 == 0 || r.bad {
		return s
	}
	return hex.EncodeToString([]byte(s))
}
