package relay

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"mural/event"
)

// FuzzParseMessage: whatever comes, nothing panics, what is taken apart is
// what encoding/json finds in the same bytes, and what is echoed is JSON.
func FuzzParseMessage(f *testing.F) {
	for _, seed := range []string{
		`["EVENT",{"id":"00","kind":1,"content":"a,b]\"\\","tags":[["e","x"]]}]`,
		`["REQ","sub",{"kinds":[1,2],"#e":["a"]},{}]`,
		` [ "COUNT" , "s\u00e9\ud83d\ude00" , { } ] `,
		`["CLOSE","s"]`, `["AUTH",{}]`, `["NEG-OPEN","s",{},"61"]`,
		`["NEG-MSG","s","6100000200"]`, `["NEG-MSG","s","6"]`, `["NEG-CLOSE","s"]`, `["NEG-OPEN","s",{},{},"61"]`, `["NEG-MSG","s","\u0036\u0031"]`, `[]`, `["REQ"`, `["REQ","\ud800",{}]`,
		`["REQ","s",{]}`, "[\"REQ\",\"\xff\",{}]", `["REQ","s"` + strings.Repeat(",{}", 30) + `]`, `[[[[[`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		m, err := parseMessage(frame)
		if m.sub.text != "" {
			var echoed string
			if json.Unmarshal([]byte(m.sub.json), &echoed) != nil || echoed != m.sub.text {
				t.Fatalf("subscription %q is echoed as %s", m.sub.text, m.sub.json)
			}
		}
		for _, answer := range [][]byte{
			noticeMessage(string(frame)), closedMessage(subID{"s", `"s"`}, refusal{event.Invalid, string(frame)}),
		} {
			if !json.Valid(answer) {
				t.Fatalf("answer is no JSON: %q", answer)
			}
		}
		if err != nil {
			return
		}
		m.filters()
		for _, raw := range m.payload {
			eventID(raw)
		}
		var parts []json.RawMessage
		if json.Unmarshal(frame, &parts) != nil {
			return // an element is broken inside: its own parser says so
		}
		if m.sub.json != "" {
			parts = parts[1:]
		}
		if m.neg != nil {
			checkNegentropy(t, m, parts[len(parts)-1])
			parts = parts[:len(parts)-1]
		}
		if len(parts) != 1+len(m.payload) {
			t.Fatalf("%d elements, json finds %d", 1+len(m.payload), len(parts))
		}
		for i, raw := range m.payload {
			if !bytes.Equal(bytes.TrimSpace(parts[i+1]), raw) {
				t.Fatalf("element %d is %q, json finds %q", i, raw, parts[i+1])
			}
		}
	})
}

// checkNegentropy: what is read as hex is the hex that stands there.
func checkNegentropy(t *testing.T, m message, raw json.RawMessage) {
	raw = bytes.Clone(bytes.TrimSpace(raw)) // reading uses the frame up
	got, err := m.negentropy()
	if err != nil {
		return
	}
	if want := strings.ToLower(string(raw)); want != `"`+hex.EncodeToString(got)+`"` {
		t.Fatalf("%s is read as %x", raw, got)
	}
	if want := `["NEG-MSG","s",` + strings.ToLower(string(raw)) + `]`; string(negMessage(subID{"s", `"s"`}, got)) != want {
		t.Fatalf("%x is not written as %s", got, want)
	}
}

func TestRelayHost(t *testing.T) {
	for address, want := range map[string]string{
		"ws://localhost:4880":    "localhost:4880",
		"wss://A.example":        "a.example:",
		"wss://a.example:443/":   "a.example:",
		"ws://a.example:443/":    "a.example:443",
		"ws://[2001:db8::1]:80/": "2001:db8::1:",
		"://":                    "",
		"a.example":              "",
	} {
		if got := relayHost(address); got != want {
			t.Errorf("relayHost(%q) = %q, want %q", address, got, want)
		}
	}
}

func TestIPKey(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:4880": "192.0.2.1", "192.0.2.1": "192.0.2.1", "[::ffff:192.0.2.1]:1": "192.0.2.1",
		"[2001:db8:1:2:3::4]:5": "2001:db8:1:2::/64", "[fe80::1%eth0]:5": "fe80::/64", "@": "@",
	} {
		if got := ipKey(remote); got != want {
			t.Errorf("ipKey(%q) = %q, want %q", remote, got, want)
		}
	}
}
