package media

import (
	"context"
	"fmt"
	"image"
	"image/color"
	stddraw "image/draw"
	"image/jpeg"
	"image/png"
	"io"
	"os"

	"golang.org/x/image/draw"
)

// What a preview may cost. One picture is decoded at a time in the whole
// process, so these bound the memory of all previews together.
const (
	maxPixels      = 1 << 26   // 67 million; phones reach 50
	maxDecoded     = 512 << 20 // bytes that the decoded picture may take
	maxTallness    = 4         // a preview is at most this many times higher than maxWidth
	previewQuality = 82        // JPEG
)

// decoding admits one picture at a time.
var decoding = make(chan struct{}, 1)

func admit(ctx context.Context) (release func(), err error) {
	select {
	case decoding <- struct{}{}:
		return func() { <-decoding }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Thumbnail writes a preview of the picture or film at path, upright, at most
// maxWidth pixels wide and never larger than the original: JPEG, or PNG where
// the picture is see-through. JPEG, PNG, GIF (first frame) and WebP need no
// ffmpeg; films, HEIC and AVIF do: ErrNoFFmpeg without. A picture over the
// limits is ErrTooLarge, sound and unknown files are ErrUnsupported.
// It may be called from many goroutines; they wait for one another.
func Thumbnail(ctx context.Context, path string, maxWidth int, w io.Writer) error {
	small, err := preview(ctx, path, maxWidth)
	if err != nil {
		return fmt.Errorf("media: making a thumbnail: %w", err)
	}
	if err := encode(w, small); err != nil {
		return fmt.Errorf("media: writing a thumbnail: %w", err)
	}
	return nil
}

func encode(w io.Writer, m *image.RGBA) error {
	if m.Opaque() {
		return jpeg.Encode(w, m, &jpeg.Options{Quality: previewQuality})
	}
	return png.Encode(w, m)
}

// preview gives the upright, scaled picture of a file.
func preview(ctx context.Context, path string, maxWidth int) (*image.RGBA, error) {
	if maxWidth < 1 {
		return nil, fmt.Errorf("%w: a width of %d", ErrUnsupported, maxWidth)
	}
	release, err := admit(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := probe(f)
	if err != nil {
		return nil, err
	}
	switch info.Type {
	case typeJPEG, typePNG, typeGIF, typeWebP:
		return decodeSmall(f, info, maxWidth)
	}
	return frame(ctx, path, info, maxWidth)
}

// decodeSmall decodes a picture after its header was checked against the limits.
func decodeSmall(f io.ReadSeeker, info Info, maxWidth int) (*image.RGBA, error) {
	still, err := firstPicture(f, info.Type)
	if err != nil {
		return nil, err
	}
	c, _, err := image.DecodeConfig(still())
	if err != nil {
		return nil, malformed("%v", err)
	}
	if err := affordable(f, c); err != nil {
		return nil, err
	}
	m, _, err := image.Decode(still())
	if err != nil {
		return nil, malformed("%v", err)
	}
	return upright(m, info.Orientation, maxWidth), nil
}

// firstPicture gives readers of the picture, of the first one where it moves.
func firstPicture(f io.ReadSeeker, mime string) (open func() io.Reader, err error) {
	src, err := newSource(f)
	if err != nil {
		return nil, err
	}
	if mime == typeWebP {
		if open, err := src.webpFrame(); open != nil || err != nil {
			return open, err
		}
	}
	return func() io.Reader { return io.NewSectionReader(src, 0, src.size) }, nil
}

// affordable checks the size that a header announces before anything is decoded.
func affordable(f io.ReadSeeker, c image.Config) error {
	pixels := int64(c.Width) * int64(c.Height)
	if c.Width <= 0 || c.Height <= 0 || pixels > maxPixels {
		return fmt.Errorf("%w: %d x %d pixels", ErrTooLarge, c.Width, c.Height)
	}
	each := int64(4)
	switch c.ColorModel {
	case color.RGBA64Model, color.NRGBA64Model:
		each = 8
	case color.YCbCrModel, color.GrayModel:
		each = 3
		if progressive(f) {
			each += 12 // the decoder keeps all coefficients as 32-bit numbers
		}
	case color.CMYKModel:
		if progressive(f) {
			each += 16
		}
	}
	if pixels*each > maxDecoded {
		return fmt.Errorf("%w: %d x %d pixels take %d MB", ErrTooLarge, c.Width, c.Height, pixels*each>>20)
	}
	return nil
}

// progressive tells whether a JPEG's first frame is progressive (SOF2).
func progressive(f io.ReadSeeker) bool {
	s, err := newSource(f)
	if err != nil {
		return false
	}
	for at := int64(2); ; {
		marker, start, err := s.findMarker(at)
		if err != nil || marker == mSOS || marker == mEOI {
			return false
		}
		if marker == 0xc2 {
			return true
		}
		var n [2]byte
		if err := s.read(n[:], start+2); err != nil {
			return false
		}
		at = start + 2 + int64(be16(n[:]))
	}
}

// upright scales a picture and turns it as its orientation says.
func upright(m image.Image, orientation, maxWidth int) *image.RGBA {
	b := m.Bounds()
	w, h := b.Dx(), b.Dy()
	boxW, boxH := maxWidth, maxWidth*maxTallness
	if orientation >= 5 {
		boxW, boxH = boxH, boxW
	}
	return turn(scale(m, fit(w, h, boxW, boxH)), orientation)
}

// fit gives the largest size of the same shape within a box, never larger than
// the original.
func fit(w, h, boxW, boxH int) image.Point {
	f := min(1, float64(boxW)/float64(w), float64(boxH)/float64(h))
	return image.Pt(max(1, int(float64(w)*f+0.5)), max(1, int(float64(h)*f+0.5)))
}

// scale first averages whole blocks of pixels row by row, which needs one row of
// memory, and leaves at most a factor of three to the good and hungry scaler.
func scale(m image.Image, to image.Point) *image.RGBA {
	b := m.Bounds()
	factor := max(1, min(b.Dx()/to.X, b.Dy()/to.Y)/2)
	small := shrink(m, factor)
	if small.Bounds().Size() == to {
		return small
	}
	out := image.NewRGBA(image.Rectangle{Max: to})
	draw.CatmullRom.Scale(out, out.Bounds(), small, small.Bounds(), draw.Src, nil)
	return out
}

// shrink averages blocks of factor by factor pixels.
func shrink(m image.Image, factor int) *image.RGBA {
	b := m.Bounds()
	out := image.NewRGBA(image.Rect(0, 0, (b.Dx()+factor-1)/factor, (b.Dy()+factor-1)/factor))
	row := image.NewRGBA(image.Rect(0, 0, b.Dx(), 1))
	sums := make([]uint32, 4*out.Rect.Dx())
	for y := range out.Rect.Dy() {
		clear(sums)
		rows := min(factor, b.Dy()-y*factor)
		for i := range rows {
			stddraw.Draw(row, row.Rect, m, image.Pt(b.Min.X, b.Min.Y+y*factor+i), stddraw.Src)
			addRow(sums, row.Pix, factor)
		}
		putRow(out.Pix[y*out.Stride:][:len(sums)], sums, b.Dx(), factor, rows)
	}
	return out
}

func addRow(sums []uint32, pix []byte, factor int) {
	for x := 0; 4*x < len(pix); x++ {
		s, p := sums[x/factor*4:][:4], pix[4*x:][:4]
		s[0] += uint32(p[0])
		s[1] += uint32(p[1])
		s[2] += uint32(p[2])
		s[3] += uint32(p[3])
	}
}

func putRow(pix []byte, sums []uint32, width, factor, rows int) {
	for i, s := range sums {
		n := uint32(min(factor, width-i/4*factor) * rows)
		pix[i] = byte((s + n/2) / n)
	}
}

// turn applies an EXIF orientation (CIPA DC-008 §4.6.5.1.6): where the first
// row and the first column of the picture belong.
func turn(m *image.RGBA, orientation int) *image.RGBA {
	if orientation <= 1 || orientation > 8 {
		return m
	}
	w, h := m.Rect.Dx(), m.Rect.Dy()
	size := image.Rect(0, 0, w, h)
	if orientation >= 5 {
		size = image.Rect(0, 0, h, w)
	}
	out := image.NewRGBA(size)
	for y := range h {
		for x := range w {
			tx, ty := turned(orientation, x, y, w, h)
			copy(out.Pix[out.PixOffset(tx, ty):][:4], m.Pix[m.PixOffset(x, y):][:4])
		}
	}
	return out
}

func turned(orientation, x, y, w, h int) (int, int) {
	switch orientation {
	case 2:
		return w - 1 - x, y
	case 3:
		return w - 1 - x, h - 1 - y
	case 4:
		return x, h - 1 - y
	case 5:
		return y, x
	case 6:
		return h - 1 - y, x
	case 7:
		return h - 1 - y, w - 1 - x
	}
	return y, w - 1 - x
}
