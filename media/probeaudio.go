package media

import (
	"bytes"
	"errors"
	"time"
)

// probeFLAC reads the stream information block (RFC 9639 §8.2).
func (s *source) probeFLAC(info *Info, at int64) error {
	var b [42]byte
	if err := s.read(b[:], at); err != nil {
		return err
	}
	rate := uint64(be32(b[18:]) >> 12)
	samples := be64(b[18:]) & (1<<36 - 1)
	info.Duration, info.HasAudio = ticks(samples, rate), true
	info.codec("flac")
	return nil
}

// probeMP3 takes the length from a Xing or VBRI header, or else from the bit
// rate of the first frame, which is an estimate.
func (s *source) probeMP3(info *Info) error {
	at, err := s.skipID3(0)
	if err != nil {
		return err
	}
	info.HasAudio = true
	b, err := s.block(at, windowSize)
	if err != nil {
		return err
	}
	if bytes.HasPrefix(b, []byte("fLaC")) {
		info.Type = typeFLAC
		return s.probeFLAC(info, at)
	}
	if len(b) > 1 && b[0] == 0xff && b[1]&0xf6 == 0xf0 {
		info.Type = typeAAC
		return s.probeAAC(info)
	}
	info.codec("mp3")
	for i := 0; i+4 <= len(b); i++ {
		f, err := parseMPEGFrame(b[i:])
		if err != nil || f.size == 0 || !followed(b, i+f.size) {
			continue
		}
		info.Duration = s.mp3Length(f, b[i:], at+int64(i))
		return nil
	}
	return malformed("no MPEG audio frame")
}

// followed tells whether another frame follows at i, or the data ends there.
func followed(b []byte, i int) bool {
	if i+4 > len(b) {
		return true
	}
	_, err := parseMPEGFrame(b[i:])
	return err == nil
}

func (s *source) mp3Length(f mpegFrame, frame []byte, at int64) time.Duration {
	frames := uint64(0)
	if x := 4 + f.side; len(frame) >= x+12 && (string(frame[x:x+4]) == "Xing" || string(frame[x:x+4]) == "Info") && frame[x+7]&1 != 0 {
		frames = uint64(be32(frame[x+8:]))
	} else if len(frame) >= 54 && string(frame[36:40]) == "VBRI" {
		frames = uint64(be32(frame[50:]))
	}
	if frames > 0 {
		return ticks(frames*uint64(f.samples), uint64(f.rate))
	}
	return ticks(uint64(s.size-at)*8, uint64(f.bitrate))
}

var adtsRates = [16]uint64{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

// probeAAC counts the frames of an ADTS stream (ISO/IEC 13818-7 §6.2), each of
// which says how long it is.
func (s *source) probeAAC(info *Info) error {
	at, err := s.skipID3(0)
	if err != nil {
		return err
	}
	info.sound("aac")
	samples, rate := uint64(0), uint64(0)
	for s.size-at >= 7 {
		var h [7]byte
		if err := s.read(h[:], at); err != nil {
			return err
		}
		n := int64(h[3]&3)<<11 | int64(h[4])<<3 | int64(h[5]>>5)
		if h[0] != 0xff || h[1]&0xf6 != 0xf0 || n < 7 {
			break
		}
		rate = adtsRates[h[2]>>2&15]
		samples += 1024 * uint64(h[6]&3+1)
		at += n
	}
	if samples == 0 {
		return malformed("no ADTS frame")
	}
	info.Duration = ticks(samples, rate)
	return nil
}

// wavFormat is what the fmt chunk says.
type wavFormat struct {
	code              uint16 // 1 PCM, 3 float; of the extension where there is one
	channels          int
	rate, bytesPerSec uint32
	align, bits       int
	at, size          int64 // of the samples
}

func (s *source) wavFormat() (f wavFormat, err error) {
	long := int64(0)
	err = s.riffChunks(12, s.size, func(c riffChunk) error {
		switch c.kind {
		case "ds64":
			var b [16]byte
			if c.size < 24 {
				return malformed("64-bit size chunk of %d bytes", c.size)
			}
			err := s.read(b[:], c.body)
			long = int64(le64(b[8:]) & (1<<62 - 1))
			return err
		case "fmt ":
			return s.wavFmt(&f, c)
		case "data":
			f.at, f.size = c.body, c.size
			if long > c.size || c.size == 0 {
				f.size = s.size - c.body
			}
			return errStop
		}
		return nil
	})
	if err != nil && !errors.Is(err, errStop) {
		return f, err
	}
	if f.at == 0 || f.align == 0 || f.channels == 0 {
		return f, malformed("WAV without format or samples")
	}
	return f, nil
}

func (s *source) wavFmt(f *wavFormat, c riffChunk) error {
	b, err := s.block(c.body, min(c.size, 40))
	if err != nil {
		return err
	}
	if len(b) < 16 {
		return malformed("WAV format of %d bytes", len(b))
	}
	f.code, f.channels = le16(b), int(le16(b[2:]))
	f.rate, f.bytesPerSec = le32(b[4:]), le32(b[8:])
	f.align, f.bits = int(le16(b[12:])), int(le16(b[14:]))
	if f.code == 0xfffe && len(b) >= 26 {
		f.code = le16(b[24:])
	}
	return nil
}

func (s *source) probeWAV(info *Info) error {
	f, err := s.wavFormat()
	if err != nil {
		return err
	}
	info.HasAudio = true
	info.Duration = ticks(uint64(f.size), uint64(f.bytesPerSec))
	info.codec("pcm")
	return nil
}

// probeOgg reads the first page of each stream and the last page of the file.
func (s *source) probeOgg(info *Info) error {
	clocks := map[uint32]oggClock{}
	for at := int64(0); at < s.size && len(clocks) < maxOggStreams; {
		pg, err := s.pageAt(at)
		if err != nil {
			return err
		}
		if pg.flags&2 == 0 {
			break // all streams begin before the first page that goes on (RFC 3533 §4)
		}
		if clocks[pg.serial], err = s.oggStart(info, pg); err != nil {
			return err
		}
		at = pg.end
	}
	if len(clocks) == 0 {
		return malformed("no Ogg stream")
	}
	return s.oggLength(info, clocks)
}

// oggClock turns a granule position into time.
type oggClock struct {
	perSecond uint64
	skip      int64
	shift     uint // theora: how the granule splits into key frame and distance
	frameDen  uint64
}

func (s *source) oggStart(info *Info, pg oggPage) (c oggClock, err error) {
	b, err := s.block(pg.body, min(pg.end-pg.body, 64))
	if err != nil {
		return c, err
	}
	switch {
	case bytes.HasPrefix(b, []byte("OpusHead")) && len(b) >= 12:
		c.perSecond, c.skip = 48000, int64(le16(b[10:]))
		info.sound("opus")
	case bytes.HasPrefix(b, []byte("\x01vorbis")) && len(b) >= 16:
		c.perSecond = uint64(le32(b[12:]))
		info.sound("vorbis")
	case bytes.HasPrefix(b, []byte("\x7fFLAC")) && len(b) >= 31:
		c.perSecond = uint64(be32(b[27:]) >> 12)
		info.sound("flac")
	case bytes.HasPrefix(b, []byte("Speex   ")) && len(b) >= 40:
		c.perSecond = uint64(le32(b[36:]))
		info.sound("speex")
	case bytes.HasPrefix(b, []byte("\x80theora")) && len(b) >= 42:
		info.HasVideo = true
		info.codec("theora")
		info.Width = int(b[14])<<16 | int(be16(b[15:]))
		info.Height = int(b[17])<<16 | int(be16(b[18:]))
		c.perSecond, c.frameDen = uint64(be32(b[22:])), uint64(be32(b[26:]))
		c.shift = uint(be16(b[40:])>>5) & 31
	}
	return c, nil
}

func (i *Info) sound(codec string) {
	i.HasAudio = true
	i.codec(codec)
}

func (c oggClock) at(granule int64) time.Duration {
	if granule <= c.skip {
		return 0
	}
	if c.frameDen > 0 {
		frames := uint64(granule>>c.shift + granule&(1<<c.shift-1))
		if frames > 1<<40 {
			return 0
		}
		return ticks(frames*c.frameDen, c.perSecond)
	}
	return ticks(uint64(granule-c.skip), c.perSecond)
}

// oggLength searches the last pages, from the end backwards in steps, until one
// of a known stream states its time.
func (s *source) oggLength(info *Info, clocks map[uint32]oggClock) error {
	const most = 1 << 20 // bytes searched
	for end := s.size; end > 0 && s.size-end < most; {
		from := max(0, end-windowSize+27)
		b, err := s.block(from, min(end+27, s.size)-from)
		if err != nil {
			return err
		}
		for i := bytes.LastIndex(b, []byte("OggS")); i >= 0; i = bytes.LastIndex(b[:i], []byte("OggS")) {
			if i+18 > len(b) {
				continue
			}
			c, ok := clocks[le32(b[i+14:])]
			if d := c.at(int64(le64(b[i+6:]))); ok && d > 0 {
				info.Duration = max(info.Duration, d)
			}
		}
		if info.Duration > 0 {
			return nil
		}
		end = from
	}
	return nil
}
