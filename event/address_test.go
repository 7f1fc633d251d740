package event

import (
	"strings"
	"testing"
)

func TestKindClasses(t *testing.T) {
	cases := []struct {
		kind  Kind
		class string
	}{
		{0, "replaceable"}, {1, "regular"}, {2, "regular"}, {3, "replaceable"}, {4, "regular"}, {9999, "regular"},
		{10000, "replaceable"}, {KindDevices, "replaceable"}, {19999, "replaceable"}, {20000, "ephemeral"},
		{KindHand, "ephemeral"}, {29999, "ephemeral"}, {30000, "addressable"}, {KindMural, "addressable"},
		{39999, "addressable"}, {40000, "regular"}, {65535, "regular"}, {KindCutList, "regular"}, {KindDecision, "regular"},
	}
	for _, c := range cases {
		var got []string
		for class, in := range map[string]bool{"regular": c.kind.IsRegular(), "replaceable": c.kind.IsReplaceable(),
			"ephemeral": c.kind.IsEphemeral(), "addressable": c.kind.IsAddressable()} {
			if in {
				got = append(got, class)
			}
		}
		if len(got) != 1 || got[0] != c.class {
			t.Errorf("kind %d: got %v, want %s", c.kind, got, c.class)
		}
	}
	if got := Kind(54321).String(); got != "kind 54321" {
		t.Errorf("got %q", got)
	}
	if got := KindStewardship.String(); got != "stewardship" {
		t.Errorf("got %q", got)
	}
}

func TestAddress(t *testing.T) {
	pk, _ := ParsePubKey(hexB)
	cases := []struct {
		e    Event
		want string
	}{
		{Event{PubKey: pk, Kind: 1, Tags: Tags{{"d", "x"}}}, ""},
		{Event{PubKey: pk, Kind: KindHand, Tags: Tags{{"d", "x"}}}, ""},
		{Event{PubKey: pk, Kind: 0, Tags: Tags{{"d", "x"}}}, "0:" + hexB + ":"},
		{Event{PubKey: pk, Kind: 30023}, "30023:" + hexB + ":"},
		{Event{PubKey: pk, Kind: 30023, Tags: Tags{{"d"}}}, "30023:" + hexB + ":"},
		{Event{PubKey: pk, Kind: 30023, Tags: Tags{{"d", "a:b"}, {"d", "c"}}}, "30023:" + hexB + ":a:b"},
	}
	for _, c := range cases {
		got := c.e.Address()
		if got != c.want {
			t.Errorf("%+v: got %q, want %q", c.e, got, c.want)
		}
		if got == "" {
			continue
		}
		if a, err := ParseAddress(got); err != nil || a.String() != got {
			t.Errorf("%q comes back as %q, %v", got, a, err)
		}
	}
	for _, s := range []string{"", "30023", "30023:" + hexB, "1:" + hexB + ":x", "030023:" + hexB + ":", "30023.0:" + hexB + ":",
		"30023:" + strings.ToUpper(hexB) + ":", "99999:" + hexB + ":", " 30023:" + hexB + ":", "30023 :" + hexB + ":"} {
		if a, err := ParseAddress(s); err == nil {
			t.Errorf("%q is read as %+v", s, a)
		}
	}
}

func TestExpirationAndProtection(t *testing.T) {
	cases := []struct {
		tags Tags
		at   int64
		ok   bool
	}{
		{nil, 0, false},
		{Tags{{"expiration"}}, 0, false},
		{Tags{{"expiration", "1700000000"}}, 1700000000, true},
		{Tags{{"expiration", "0"}}, 0, true},
		{Tags{{"expiration", "1.7e9"}}, 0, false},
		{Tags{{"expiration", "-5"}}, 0, false},
		{Tags{{"expiration", "5 "}}, 0, false},
		{Tags{{"expiration", " 5"}}, 0, false},
		{Tags{{"expiration", "99999999999999999999"}}, 0, false},
	}
	for _, c := range cases {
		e := Event{Tags: c.tags}
		if at, ok := e.Expiration(); at != c.at || ok != c.ok {
			t.Errorf("%v: got %d, %v; want %d, %v", c.tags, at, ok, c.at, c.ok)
		}
	}
	if e := (&Event{Tags: Tags{{"-"}}}); !e.IsProtected() {
		t.Error("a protected event does not say so")
	}
	if e := (&Event{Tags: Tags{{"--"}, {"p", "-"}}}); e.IsProtected() {
		t.Error("an event says that it is protected and is not")
	}
}
