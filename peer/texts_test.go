package peer

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mural/blob"
	"mural/event"
)

func newKeys(t testing.TB) (event.SecretKey, ed25519.PrivateKey) {
	t.Helper()
	key, err := event.NewSecretKey(rand.Reader)
	must(t, err)
	_, device, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	return key, device
}

func sampleInvitation(t testing.TB) Invitation {
	key, device := newKeys(t)
	id, err := idOfKey(device.Public().(ed25519.PublicKey))
	must(t, err)
	inv := Invitation{Person: key.PubKey(), Peer: id.String(), Name: "Ana María"}
	for _, a := range []string{"/ip4/192.168.1.20/tcp/4881", "/ip6/fd00::1/udp/4881/quic-v1", "/dns4/hub.example/tcp/443"} {
		inv.Addrs = append(inv.Addrs, a+"/p2p/"+inv.Peer)
	}
	return inv
}

func TestInvitationSurvivesTheWay(t *testing.T) {
	inv := sampleInvitation(t)
	code := inv.String()
	if len(code) > maxInviteText {
		t.Fatalf("%d characters, over the limit of %d", len(code), maxInviteText)
	}
	for _, text := range []string{code, strings.ToUpper(code), "http://localhost:4880/#join=" + code, "come: " + code + "\n(from Ana)", code + "&x=y"} {
		got, err := ParseInvitation(text)
		if err != nil {
			t.Errorf("%.40s...: %v", text, err)
		} else if d := cmp.Diff(inv, got); d != "" {
			t.Errorf("%.40s... (-want +got):\n%s", text, d)
		}
	}
}

func TestInvitationWithATokenSurvivesTheWay(t *testing.T) {
	inv := sampleInvitation(t)
	inv.Token = bytes.Repeat([]byte{7}, inviteTokenBytes)
	got, err := ParseInvitation(inv.String())
	must(t, err)
	if d := cmp.Diff(inv, got); d != "" {
		t.Error(d)
	}
}

func TestInvitationThatIsDamaged(t *testing.T) {
	code := sampleInvitation(t).String()
	wrong := map[string]string{
		"empty": "", "other text": "hello", "cut off": code[:len(code)-1], "only the prefix": "mural1",
		"one letter changed": code[:30] + string(other(code[30])) + code[31:], "too long": strings.Repeat("a", maxInviteLink+1),
		"nothing in it": event.EncodeBech32("mural", nil), "a later version": event.EncodeBech32("mural", append([]byte{3}, make([]byte, 90)...)),
		"a token cut off":  event.EncodeBech32("mural", append([]byte{2}, make([]byte, 66)...)),
		"something behind": event.EncodeBech32("mural", append([]byte{1}, make([]byte, 80)...)),
	}
	for name, text := range wrong {
		if _, err := ParseInvitation(text); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func other(c byte) byte {
	if c == 'q' {
		return 'p'
	}
	return 'q'
}

func TestInvitationOfAHostLeadsToIt(t *testing.T) {
	ana, ben := newPerson(t, "ana"), newPerson(t, "ben")
	inv, err := ParseInvitation(ana.host.Invitation("Ana"))
	must(t, err)
	if inv.Person != ana.key.PubKey() || inv.Peer != ana.host.ID() || inv.Name != "Ana" || len(inv.Addrs) == 0 {
		t.Fatalf("got %+v", inv)
	}
	p, err := ben.host.Connect(t.Context(), inv.Addrs)
	if err != nil || p.Person != inv.Person {
		t.Fatalf("the invitation leads to %+v: %v", p, err)
	}
}

func TestDevicesAreCounterSigned(t *testing.T) {
	key, laptop := newKeys(t)
	_, phone := newKeys(t)
	who := key.PubKey()
	a := CounterSign(laptop, who, Device{Role: "laptop", Since: 1700000000, LogKey: [32]byte{1}, Hubs: []string{"/dns4/hub.example/tcp/443"}})
	b := CounterSign(phone, who, Device{Role: "phone", Since: 1700000001})
	e := NewDevices(who, nil, time.Unix(1700000002, 0), []Device{a, b})
	got, err := Devices(e)
	must(t, err)
	if d := cmp.Diff([]Device{a, b}, got); d != "" {
		t.Fatalf("(-want +got):\n%s", d)
	}
	stranger, _ := newKeys(t)
	forged := map[string]func(*Device){
		"signature": func(d *Device) { d.Sig[5] ^= 1 },
		"since":     func(d *Device) { d.Since++ },
		"log key":   func(d *Device) { d.LogKey[0]++ },
		"device":    func(d *Device) { d.Peer = b.Peer },
		"person":    func(d *Device) { *d = CounterSign(laptop, stranger.PubKey(), *d) },
		"no peer":   func(d *Device) { d.Peer = "12D3" },
	}
	for what, change := range forged {
		d := a
		change(&d)
		got, err := Devices(NewDevices(who, nil, time.Now(), []Device{d, b}))
		if err != nil || len(got) != 1 || got[0].Peer != b.Peer {
			t.Errorf("forged %s: got %v, %v", what, got, err)
		}
	}
}

func TestDevicesEditing(t *testing.T) {
	key, laptop := newKeys(t)
	_, phone := newKeys(t)
	who := key.PubKey()
	a, b := CounterSign(laptop, who, Device{}), CounterSign(phone, who, Device{})
	v1 := NewDevices(who, nil, time.Unix(100, 0), []Device{a, b})
	v1.Tags = append(v1.Tags, event.Tag{"recovery", "abc"})
	must(t, v1.Sign(key))
	v2 := NewDevices(who, v1, time.Unix(50, 0), []Device{a})
	must(t, v2.Sign(key))
	if v2.CreatedAt != 101 {
		t.Errorf("the new version has created_at %d, want one more than the old one's", v2.CreatedAt)
	}
	if v2.Tags.First("prev").Value(1) != v1.ID.String() || v2.Tags.First("recovery").Value(1) != "abc" {
		t.Errorf("prev or recovery are lost: %v", v2.Tags)
	}
	v3 := NewDevices(who, v2, time.Unix(200, 0), []Device{a, b})
	got, err := Devices(v3)
	if err != nil || len(got) != 1 || got[0].Peer != a.Peer {
		t.Errorf("a revoked device is back: %v, %v", got, err)
	}
	if _, err := Devices(&event.Event{Kind: 1}); err == nil {
		t.Error("a note passes for a devices event")
	}
}

func TestWantsOfSeveralHundredPeople(t *testing.T) {
	authors := make([]event.PubKey, 1234)
	for i := range authors {
		authors[i] = event.PubKey{byte(i), byte(i >> 8)}
	}
	fs, dropped := widen([]event.Filter{{Authors: authors, Kinds: []event.Kind{1}}})
	if dropped != 0 {
		t.Fatalf("%d filters do not fit", dropped)
	}
	raw, err := encodeWants(7, fs)
	must(t, err)
	gen, back, err := parseWants(raw)
	if err != nil || gen != 7 {
		t.Fatalf("generation %d, %v", gen, err)
	}
	for _, pk := range authors {
		for _, kind := range []event.Kind{1, event.KindDeletion} {
			if !matchesAny(back, &event.Event{PubKey: pk, Kind: kind}) {
				t.Fatalf("kind %d of %s is not wanted any more", kind, pk)
			}
		}
	}
	if matchesAny(back, &event.Event{PubKey: authors[0], Kind: 2}) || matchesAny(back, &event.Event{PubKey: event.PubKey{9, 9, 9}, Kind: 1}) {
		t.Error("more is wanted than was asked")
	}
}

func TestDeletionsAreAddedWhereTheyAreMissing(t *testing.T) {
	tests := []struct {
		f    event.Filter
		adds int
	}{
		{event.Filter{}, 0},
		{event.Filter{Authors: []event.PubKey{{1}}}, 0},
		{event.Filter{Authors: []event.PubKey{{1}}, Kinds: []event.Kind{1, 5}}, 0},
		{event.Filter{Authors: []event.PubKey{{1}}, Kinds: []event.Kind{1}}, 1},
		{event.Filter{Kinds: []event.Kind{1}}, 1},
		{event.Filter{IDs: []event.ID{{1}}}, 1},
		{event.Filter{Kinds: []event.Kind{5}, Tags: map[byte][]string{'t': {"x"}}}, 1},
	}
	for _, tt := range tests {
		if got := len(deletionsOf(tt.f)); got != tt.adds {
			t.Errorf("%+v: %d filters of deletions, want %d", tt.f, got, tt.adds)
		}
	}
}

// still is a stream whose deadlines never come.
type still struct{ io.ReadWriter }

func (still) SetReadDeadline(time.Time) error  { return nil }
func (still) SetWriteDeadline(time.Time) error { return nil }

func TestFramesSurviveTheWay(t *testing.T) {
	var buf bytes.Buffer
	w := newWire(still{&buf}, &meter{})
	big := bytes.Repeat([]byte("x"), 300<<10)
	must(t, w.send(frameHello, big[:100], big[100:]))
	must(t, w.send(framePing))
	must(t, w.send(200, []byte("a later version's frame")))
	for _, want := range []outFrame{{frameHello, big}, {framePing, []byte{}}, {200, []byte("a later version's frame")}} {
		typ, body, err := w.read(0)
		if err != nil || typ != want.t || !bytes.Equal(body, want.body) {
			t.Fatalf("got type %d with %d bytes, %v; want type %d with %d", typ, len(body), err, want.t, len(want.body))
		}
	}
	if _, _, err := w.read(0); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

func TestBatchesStayUnderTheLimits(t *testing.T) {
	var es []*event.Event
	for i := range 700 {
		e := &event.Event{Kind: 1, Content: strings.Repeat("x", i*i%4000)}
		e.Tags = event.Tags{{"n", fmt.Sprint(i)}}
		es = append(es, e)
	}
	es = append(es, &event.Event{Content: strings.Repeat("y", event.MaxEventBytes-400)})
	var back int
	err := batches(es, func(parts [][]byte) error {
		body := slices.Concat(parts...)
		if len(body) > maxEventsBody {
			t.Errorf("a frame of %d bytes", len(body))
		}
		got, err := parseEvents(body)
		back += len(got)
		return err
	})
	if err != nil || back != len(es) {
		t.Fatalf("%d of %d events came back: %v", back, len(es), err)
	}
}

func FuzzInvitation(f *testing.F) {
	f.Add(sampleInvitation(f).String())
	f.Add("http://x/#join=mural1qqqqqqqqqqqq")
	with := sampleInvitation(f)
	with.Token = make([]byte, inviteTokenBytes)
	f.Add(with.String())
	f.Add(event.EncodeBech32("mural", append([]byte{1}, make([]byte, 66)...)))
	f.Fuzz(func(t *testing.T, text string) {
		inv, err := ParseInvitation(text)
		if err != nil {
			return
		}
		again, err := ParseInvitation(inv.String())
		if err != nil {
			t.Fatalf("%+v cannot be read again: %v", inv, err)
		}
		if d := cmp.Diff(inv, again); d != "" {
			t.Fatalf("changed on the way:\n%s", d)
		}
	})
}

func FuzzInvitationBody(f *testing.F) {
	_, b, err := event.DecodeBech32(sampleInvitation(f).String())
	must(f, err)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if inv, err := parseInvitation(b); err == nil {
			if _, err := ParseInvitation(inv.String()); err != nil {
				t.Fatalf("%+v cannot be read again: %v", inv, err)
			}
		}
	})
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte{byte(framePing), 0, 0, 0, 0, byte(frameBye), 0, 0, 0, 2, 'o', 'k'})
	f.Add([]byte{byte(frameEvents), 255, 255, 255, 255})
	f.Add([]byte{130, 0, 0, 0, 1, 0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		w := newWire(still{bytes.NewBuffer(raw)}, &meter{})
		for {
			typ, body, err := w.read(0)
			if err != nil {
				return
			}
			if len(body) > max(maxPayload[typ], maxOptional) {
				t.Fatalf("type %d with %d bytes", typ, len(body))
			}
		}
	})
}

func FuzzBodies(f *testing.F) {
	key, device := newKeys(f)
	e := NewDevices(key.PubKey(), nil, time.Unix(1700000000, 0), []Device{CounterSign(device, key.PubKey(), Device{})})
	must(f, e.Sign(key))
	f.Add(encodeHello("mural", "", []*event.Event{e}))
	w, err := encodeWants(1, []event.Filter{{Kinds: []event.Kind{1}}})
	must(f, err)
	f.Add(w)
	must(f, batches([]*event.Event{e}, func(p [][]byte) error { f.Add(slices.Concat(p...)); return nil }))
	f.Add(holding{state: haveSome, size: 1 << 30, bits: []byte{0xaa}}.encode())
	f.Add(encodeIDs([]event.ID{{1}, {2}}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, es, err := parseHello(raw); err == nil && len(es) > maxHelloEvents {
			t.Fatal("too many events")
		}
		if _, fs, err := parseWants(raw); err == nil {
			if _, err := encodeWants(1, fs); err != nil {
				t.Fatal(err)
			}
		}
		if es, err := parseEvents(raw); err == nil && len(es) > maxBatchEvents {
			t.Fatal("too many events")
		}
		if o, err := parseHolding(raw); err == nil {
			o.has(0)
			o.has(len(raw) * 8)
			o.has(blob.MaxListBytes)
			if !bytes.Equal(o.encode(), raw) {
				t.Fatal("a have frame changed on the way")
			}
		}
		if ids, err := parseIDs(raw); err == nil && !bytes.Equal(encodeIDs(ids), raw) {
			t.Fatal("ids changed on the way")
		}
	})
}

func FuzzDevices(f *testing.F) {
	key, device := newKeys(f)
	d := CounterSign(device, key.PubKey(), Device{Role: "laptop", Since: 1, Hubs: []string{"/dns4/a/tcp/1"}})
	t := d.tag()
	f.Add(t[1], t[2], t[3], t[4], t[5], t[6])
	f.Add("", "", "-1", "zz", "", "")
	f.Fuzz(func(t *testing.T, id, role, since, log, sig, hub string) {
		tag := event.Tag{"device", id, role, since, log, sig, hub}
		if d, err := parseDevice(tag); err == nil && !slices.Equal(d.tag(), tag) && log != strings.Repeat("0", 64) {
			t.Fatalf("changed on the way: %q, then %q", tag, d.tag())
		}
		ds, err := Devices(&event.Event{Kind: event.KindDevices, PubKey: key.PubKey(), Tags: event.Tags{tag}})
		if err == nil && len(ds) > 0 && ds[0].Peer != d.Peer {
			t.Fatal("a device was forged")
		}
	})
}
