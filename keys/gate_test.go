package keys

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// clock is a time that tests set.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func newClock() *clock { return &clock{time.Unix(1_800_000_000, 0)} }

func openGate(t *testing.T, file string, c *clock) *Gate {
	t.Helper()
	g, err := OpenGate(file, "ab12", []string{"Mural.Example.org."}, c.now)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func gateFile(t *testing.T) string { return filepath.Join(t.TempDir(), "gate.json") }

// ask is a request with a remote address, a Host and headers ("Name: value").
func ask(remote, host string, headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "http://localhost/", nil)
	r.RemoteAddr, r.Host = remote, host
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	return r
}

func signIn(t *testing.T, g *Gate) *http.Cookie {
	t.Helper()
	w := httptest.NewRecorder()
	if err := g.SignIn(w, g.NewLink()); err != nil {
		t.Fatal(err)
	}
	return w.Result().Cookies()[0]
}

const (
	loop4 = "127.0.0.1:50000"
	loop6 = "[::1]:50000"
	lan   = "192.168.7.20:50000"
	own   = "localhost:4880"
)

func TestIdentifyTellsWhoIsAtTheDoor(t *testing.T) {
	g := openGate(t, gateFile(t), newClock())
	cookie := "Cookie: " + g.cookie + "=" + signIn(t, g).Value
	token := "Authorization: Bearer " + g.Token()
	if err := g.Decide("https://client.example", true); err != nil {
		t.Fatal(err)
	}
	if err := g.Decide("https://refused.example", false); err != nil {
		t.Fatal(err)
	}
	rows := []struct {
		name    string
		r       *http.Request
		want    string // of o(wner) l(ocal) s(ame origin) a(llowed origin) h(ost)
		comment string
	}{
		{"program on this machine", ask(loop4, own), "lh", ""},
		{"program over IPv6", ask(loop6, "[::1]:4880"), "lh", ""},
		{"program without a port in Host", ask(loop4, "127.0.0.1"), "lh", ""},
		{"name with a trailing dot", ask(loop4, "localhost.:4880"), "lh", ""},
		{"upper case", ask(loop4, "LOCALHOST:4880"), "lh", ""},
		{"name under localhost", ask(loop4, "a.localhost:4880"), "lh", ""},
		{"mapped address", ask("[::ffff:127.0.0.1]:1", own), "lh", ""},

		{"owner's browser", ask(loop4, own, cookie, "Origin: http://localhost:4880", "Sec-Fetch-Site: same-origin"), "osh", ""},
		{"owner's browser, plain GET", ask(loop4, own, cookie, "Sec-Fetch-Site: same-origin"), "olh", ""},
		{"owner types the address", ask(loop4, own, cookie, "Sec-Fetch-Site: none"), "olh", ""},
		{"owner from the network", ask(lan, "192.168.7.2:4880", cookie, "Origin: http://192.168.7.2:4880"), "osh", ""},
		{"owner's program", ask(loop4, own, token), "olh", ""},
		{"wrong token", ask(loop4, own, "Authorization: Bearer x"), "lh", ""},
		{"wrong token beside a cookie", ask(loop4, own, cookie, "Authorization: Bearer x"), "lh", "a program that shows a token means the token"},
		{"empty token", ask(loop4, own, "Authorization: Bearer "), "lh", ""},
		{"wrong cookie", ask(loop4, own, "Cookie: "+g.cookie+"=x"), "lh", ""},
		{"another node's cookie", ask(loop4, own, "Cookie: mural_ffff="+strings.TrimPrefix(cookie, "Cookie: "+g.cookie+"=")), "lh", ""},

		{"foreign page with the cookie", ask(loop4, own, cookie, "Origin: https://evil.example", "Sec-Fetch-Site: cross-site"), "h", ""},
		{"foreign page's plain GET", ask(loop4, own, cookie, "Sec-Fetch-Site: cross-site"), "h", ""},
		{"page on another port of localhost", ask(loop4, own, cookie, "Origin: http://localhost:3000", "Sec-Fetch-Site: same-site"), "h", "ports do not part cookies"},
		{"its plain GET", ask(loop4, own, cookie, "Sec-Fetch-Site: same-site"), "h", ""},
		{"another port that begins alike", ask(loop4, own, cookie, "Origin: http://localhost:48801"), "h", ""},
		{"no port against a port", ask(loop4, own, cookie, "Origin: http://localhost"), "h", ""},
		{"own name as a label", ask(loop4, own, cookie, "Origin: http://localhost:4880.evil.example"), "h", ""},
		{"own name as a user", ask(loop4, own, cookie, "Origin: http://localhost:4880@evil.example"), "h", ""},
		{"a user before the own name", ask(loop4, own, cookie, "Origin: http://evil@localhost:4880"), "h", ""},
		{"other scheme", ask(loop4, own, cookie, "Origin: file://localhost:4880"), "h", ""},
		{"sandboxed frame", ask(loop4, own, cookie, "Origin: null"), "h", ""},

		{"allowed client", ask(loop4, own, "Origin: https://client.example", "Sec-Fetch-Site: cross-site"), "ah", ""},
		{"allowed client has no owner rights", ask(loop4, own, cookie, "Origin: https://client.example"), "ah", ""},
		{"refused client", ask(loop4, own, "Origin: https://refused.example"), "h", ""},
		{"http instead of the allowed https", ask(loop4, own, "Origin: http://client.example"), "h", ""},
		{"allowed client's name from the network", ask(lan, "192.168.7.2:4880", "Origin: https://client.example"), "h", "there anybody can write that header"},

		{"guest of the network", ask(lan, "192.168.7.2:4880"), "h", ""},
		{"guest who claims the loopback name", ask(lan, own), "h", ""},
		{"guest who says he is a proxy for loopback", ask(lan, own, "X-Forwarded-For: 127.0.0.1"), "h", ""},
		{"loopback to the machine's address in the network", ask(loop4, "192.168.7.2:4880"), "h", "a tunnel may stand there"},
		{"0.0.0.0", ask(loop4, "0.0.0.0:4880"), "h", ""},

		{"rebound name", ask(loop4, "evil.example:4880", cookie), "", ""},
		{"rebound name, same origin", ask(loop4, "evil.example:4880", cookie, "Origin: http://evil.example:4880"), "", ""},
		{"name that ends alike", ask(loop4, "evillocalhost:4880", cookie), "", ""},
		{"name that begins alike", ask(loop4, "localhost.evil.example", cookie), "", ""},
		{"address as a label", ask(loop4, "127.0.0.1.evil.example", cookie), "", ""},
		{"short address", ask(loop4, "127.1:4880", cookie), "", "netip reads full addresses only"},
		{"two dots", ask(loop4, "localhost..:4880", cookie), "", ""},
		{"no host", ask(loop4, "", cookie), "", ""},

		{"name the owner gave, with the cookie", ask(loop4, "mural.example.org", cookie, "Origin: https://mural.example.org", "X-Forwarded-For: 1.2.3.4"), "osh", ""},
		{"its guest behind a silent tunnel", ask(loop4, "mural.example.org"), "h", "everybody comes from loopback there"},
		{"its guest with an allowed client's name", ask(loop4, "mural.example.org", "Origin: https://client.example"), "h", ""},
	}
	for _, h := range proxyHeaders {
		rows = append(rows, struct {
			name    string
			r       *http.Request
			want    string
			comment string
		}{"behind a proxy: " + h, ask(loop4, own, h+": x"), "h", ""})
	}
	for _, row := range rows {
		if got := letters(g.Identify(row.r)); got != row.want {
			t.Errorf("%s: rights are %q, want %q %s", row.name, got, row.want, row.comment)
		}
	}
}

func letters(v Visitor) string {
	out := ""
	for _, f := range []struct {
		on   bool
		name string
	}{{v.Owner, "o"}, {v.Local, "l"}, {v.SameOrigin, "s"}, {v.OriginAllowed, "a"}, {v.HostOK, "h"}} {
		if f.on {
			out += f.name
		}
	}
	return out
}

func TestIsMeKnowsThisNodesNames(t *testing.T) {
	g := openGate(t, gateFile(t), newClock())
	for _, name := range []string{"localhost", "127.0.0.1", "::1", "mural.example.org", "a.localhost", "LOCALHOST"} {
		if !g.IsMe(name) {
			t.Errorf("%s is not this node", name)
		}
	}
	for _, name := range []string{"", "example.org", "evil.example", "8.8.8.8", "0.0.0.0", "localhost.evil.example"} {
		if g.IsMe(name) {
			t.Errorf("%q is this node", name)
		}
	}
	if host, err := os.Hostname(); err == nil && host != "" && !g.IsMe(host) {
		t.Errorf("the machine's own name %q is not this node", host)
	}
}
