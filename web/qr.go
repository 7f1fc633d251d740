package web

import (
	"fmt"
	"strings"

	"rsc.io/qr"
)

// quietZone is the white border that scanners need, in modules.
const quietZone = 4

// QRSVG draws the text as a QR code: black on white, one path, no script and
// no style, so that it passes the app's content policy.
func QRSVG(text string) (string, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return "", fmt.Errorf("web: drawing the code: %w", err)
	}
	side := code.Size + 2*quietZone
	var path strings.Builder
	for y := range code.Size {
		for x := range code.Size {
			if code.Black(x, y) {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x+quietZone, y+quietZone)
			}
		}
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges">`+
		`<path fill="#fff" d="M0 0h%dv%dH0z"/><path fill="#000" d="%s"/></svg>`, side, side, side, side, path.String()), nil
}

// QRText draws the text as a QR code for a terminal with light letters on a
// dark ground, two modules to a character.
func QRText(text string) (string, error) {
	code, err := qr.Encode(text, qr.L)
	if err != nil {
		return "", fmt.Errorf("web: drawing the code: %w", err)
	}
	const border = 2
	var out strings.Builder
	for y := -border; y < code.Size+border; y += 2 {
		for x := -border; x < code.Size+border; x++ {
			out.WriteString(halves(!code.Black(x, y), !code.Black(x, y+1)))
		}
		out.WriteByte('\n')
	}
	return out.String(), nil
}

// halves gives the character whose upper and lower half are lit.
func halves(upper, lower bool) string {
	switch {
	case upper && lower:
		return "█"
	case upper:
		return "▀"
	case lower:
		return "▄"
	}
	return " "
}
