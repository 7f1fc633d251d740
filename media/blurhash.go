package media

import (
	"context"
	"fmt"
	"image"
	"math"
)

// BlurHash components and the width of the preview they are computed from. Five
// by four suit a card; more would say no more at that size.
const (
	blurX, blurY = 5, 4
	blurWidth    = 48 // pixels
)

// BlurHash gives the placeholder text of a picture or film (blurha.sh): about
// 44 characters for its colours at a glance. Files and errors are those of
// Thumbnail. See-through parts count as white.
func BlurHash(ctx context.Context, path string) (string, error) {
	m, err := preview(ctx, path, blurWidth)
	if err != nil {
		return "", fmt.Errorf("media: making a blurhash: %w", err)
	}
	return blurHash(m, blurX, blurY), nil
}

type rgb [3]float64

// blurHash encodes the first nx by ny components of the cosine transform of
// the picture in linear light.
func blurHash(m *image.RGBA, nx, ny int) string {
	factors := blurFactors(m, nx, ny)
	most := 0.0
	for _, f := range factors[1:] {
		most = max(most, math.Abs(f[0]), math.Abs(f[1]), math.Abs(f[2]))
	}
	quantised := max(0, min(82, int(math.Floor(most*166-0.5))))
	scale := float64(quantised+1) / 166
	hash := base83(nil, nx-1+(ny-1)*9, 1)
	hash = base83(hash, quantised, 1)
	dc := factors[0]
	hash = base83(hash, toSRGB(dc[0])<<16|toSRGB(dc[1])<<8|toSRGB(dc[2]), 4)
	for _, f := range factors[1:] {
		hash = base83(hash, blurAC(f[0]/scale)*19*19+blurAC(f[1]/scale)*19+blurAC(f[2]/scale), 2)
	}
	return string(hash)
}

func blurFactors(m *image.RGBA, nx, ny int) []rgb {
	linear := linearPixels(m)
	w, h := m.Rect.Dx(), m.Rect.Dy()
	factors := make([]rgb, 0, nx*ny)
	for j := range ny {
		for i := range nx {
			factors = append(factors, blurFactor(linear, w, h, i, j))
		}
	}
	return factors
}

func blurFactor(linear []rgb, w, h, i, j int) (sum rgb) {
	norm := 2.0
	if i == 0 && j == 0 {
		norm = 1
	}
	for y := range h {
		cy := math.Cos(math.Pi * float64(j) * float64(y) / float64(h))
		for x := range w {
			basis := cy * math.Cos(math.Pi*float64(i)*float64(x)/float64(w))
			p := linear[y*w+x]
			sum[0] += basis * p[0]
			sum[1] += basis * p[1]
			sum[2] += basis * p[2]
		}
	}
	for k := range sum {
		sum[k] *= norm / float64(w*h)
	}
	return sum
}

// linearPixels puts the picture on white and takes the sRGB curve off.
func linearPixels(m *image.RGBA) []rgb {
	var curve [256]float64
	for i := range curve {
		curve[i] = fromSRGB(float64(i) / 255)
	}
	out := make([]rgb, 0, m.Rect.Dx()*m.Rect.Dy())
	for i := 0; i+4 <= len(m.Pix); i += 4 {
		p, white := m.Pix[i:i+4], 255-m.Pix[i+3]
		out = append(out, rgb{curve[p[0]+white], curve[p[1]+white], curve[p[2]+white]})
	}
	return out
}

func fromSRGB(v float64) float64 {
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

func toSRGB(v float64) int {
	v = max(0, min(1, v))
	if v <= 0.0031308 {
		return int(v*12.92*255 + 0.5)
	}
	return int((1.055*math.Pow(v, 1/2.4)-0.055)*255 + 0.5)
}

// blurAC quantises one part of a component to 0..18, finer near zero.
func blurAC(v float64) int {
	return max(0, min(18, int(math.Floor(math.Copysign(math.Sqrt(math.Abs(v)), v)*9+9.5))))
}

const base83Digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"

func base83(dst []byte, v, digits int) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, digits)...)
	for i := digits - 1; i >= 0; i-- {
		dst[at+i] = base83Digits[v%83]
		v /= 83
	}
	return dst
}
