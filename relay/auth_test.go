package relay_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"mural/event"
	"mural/relay"
)

const askInbox = `["REQ","inbox",{"kinds":[1059]}]`

// NIP-42: "To verify AUTH messages, relays must ensure: that the kind is
// 22242; that the event created_at is close (e.g. within ~10 minutes) of the
// current time; that the challenge tag matches the challenge sent before; that
// the relay tag matches the relay URL."
func TestAProofIsChecked(t *testing.T) {
	_, url := start(t, relay.Config{}, &memory{})
	c := dial(t, url)
	early := proof(t, key(1), url, "")
	c.send(`["AUTH",` + string(early.Raw()) + `]`)
	c.expect(`["OK","%s",false,"invalid: `, early.ID) // no challenge was sent: an empty one proves nothing

	c.send(askInbox)
	challenge := c.challenge()
	c.expect(`["CLOSED","inbox","auth-required: `)
	now := time.Now().Unix()
	for name, change := range map[string]func(*event.Event){
		"other kind":           func(e *event.Event) { e.Kind = 1 },
		"11 minutes old":       func(e *event.Event) { e.CreatedAt = now - 11*60 },
		"11 minutes ahead":     func(e *event.Event) { e.CreatedAt = now + 11*60 },
		"other challenge":      func(e *event.Event) { e.Tags[1][1] = "0" + challenge },
		"empty challenge":      func(e *event.Event) { e.Tags[1][1] = "" },
		"no challenge":         func(e *event.Event) { e.Tags = e.Tags[:1] },
		"other relay":          func(e *event.Event) { e.Tags[0][1] = "wss://relay.example.com/" },
		"other port":           func(e *event.Event) { e.Tags[0][1] = "ws://127.0.0.1:1/" },
		"no address":           func(e *event.Event) { e.Tags[0][1] = "relay" },
		"no relay":             func(e *event.Event) { e.Tags = e.Tags[1:] },
		"first challenge only": func(e *event.Event) { e.Tags[1][1] = "x"; e.Tags = append(e.Tags, event.Tag{"challenge", challenge}) },
	} {
		e := event.Event{Kind: 22242, CreatedAt: now, Tags: event.Tags{{"relay", url}, {"challenge", challenge}}}
		change(&e)
		signed := sign(t, key(1), e)
		c.send(`["AUTH",` + string(signed.Raw()) + `]`)
		if got, want := c.expect(`["OK"`), fmt.Sprintf(`["OK","%s",false,"invalid: `, signed.ID); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s", name, got)
		}
	}
	forged := *proof(t, key(1), url, challenge)
	forged.Sig[5] ^= 1
	c.send(`["AUTH",` + string(forged.AppendJSON(nil)) + `]`)
	c.expect(`["OK","%s",false,"invalid: `, forged.ID)
	c.send(askInbox)
	c.expect(`["CLOSED","inbox","auth-required: `) // and the challenge is not sent twice

	c.authenticate(key(1), challenge)
	c.send(askInbox)
	c.expect(`["EOSE","inbox"`)
}

// NIP-42: "The challenge is valid for the duration of the connection", and for
// no other connection.
func TestAChallengeIsOfOneConnection(t *testing.T) {
	_, url := start(t, relay.Config{}, &memory{})
	a, b := dial(t, url), dial(t, url)
	a.send(askInbox)
	b.send(askInbox)
	one, two := a.challenge(), b.challenge()
	if one == two {
		t.Fatalf("two connections got the challenge %s", one)
	}
	b.expect(`["CLOSED"`)
	e := proof(t, key(1), url, one)
	b.send(`["AUTH",` + string(e.Raw()) + `]`)
	b.expect(`["OK","%s",false,"invalid: the challenge`, e.ID)
}

// NIP-42: "URL normalization techniques can be applied. For most cases just
// checking if the domain name is correct should be enough."
func TestTheRelayTagMayBeWrittenDifferently(t *testing.T) {
	const own = "wss://Mural.example.org"
	_, url := start(t, relay.Config{URL: func(*http.Request) string { return own }}, &memory{})
	for address, fits := range map[string]bool{
		"wss://mural.example.org":        true,
		"wss://mural.example.org/":       true,
		"WSS://MURAL.example.org:443/x":  true,
		"wss://mural.example.org.":       true,
		"ws://mural.example.org:80":      true,
		"wss://mural.example.org:4880":   false,
		"wss://evil-mural.example.org":   false,
		"wss://mural.example.org@evil.x": false,
		"mural.example.org":              false,
		"":                               false,
	} {
		c := dial(t, url)
		c.send(askInbox)
		challenge := c.challenge()
		c.expect(`["CLOSED"`)
		e := proof(t, key(1), address, challenge)
		c.send(`["AUTH",` + string(e.Raw()) + `]`)
		if got, want := c.expect(`["OK"`), fmt.Sprintf(`["OK","%s",%v,`, e.ID, fits); got[:len(want)] != want {
			t.Errorf("relay tag %q: %s, want %v", address, got, fits)
		}
	}
}

// NIP-42: "Clients MAY provide signed events from multiple pubkeys in a
// sequence of AUTH messages. Relays MUST treat all pubkeys as authenticated
// accordingly."
func TestSeveralKeysOnOneConnection(t *testing.T) {
	node := &memory{}
	_, url := start(t, relay.Config{}, node)
	c := dial(t, url)
	c.send(askInbox)
	challenge := c.challenge()
	c.expect(`["CLOSED"`)
	for n := range byte(16) {
		c.authenticate(key(n+1), challenge)
	}
	c.authenticate(key(1), challenge) // again: no new key
	e := proof(t, key(17), url, challenge)
	c.send(`["AUTH",` + string(e.Raw()) + `]`)
	c.expect(`["OK","%s",false,"restricted: too many keys`, e.ID)
	for n := range byte(16) {
		wrap := giftWrap(t, key(n+1), n)
		dial(t, url).ok(wrap)
		if got := c.answer("s", fmt.Sprintf(`{"kinds":[1059],"#p":["%s"]}`, key(n+1).PubKey())); len(got) != 1 {
			t.Errorf("key %d sees %d of its messages, want 1", n, len(got))
		}
		c.send(`["CLOSE","s"]`)
	}
	c.ok(note(t, 1))
	if keys := node.sources[len(node.sources)-1].Auth; len(keys) != 16 {
		t.Errorf("Accept was told of %d keys, want 16", len(keys))
	}
}

func giftWrap(t testing.TB, to event.SecretKey, n byte) *event.Event {
	return sign(t, key(200+n%50), event.Event{
		Kind: 1059, CreatedAt: 1_600_000_000 + int64(n), Tags: event.Tags{{"p", to.PubKey().String()}},
	})
}

// NIP-42: "Relays MUST exclude kind: 22242 events from being broadcasted to
// any client."
func TestProofsAreNotPublished(t *testing.T) {
	node := &memory{}
	_, url := start(t, relay.Config{}, node)
	c, other := dial(t, url), dial(t, url)
	c.answer("s", `{}`)
	e := proof(t, key(1), url, "x")
	other.publish(e)
	other.expect(`["OK","%s",false,"invalid: kind 22242 belongs in an AUTH message"]`, e.ID)
	node.publish(e) // should it come another way
	c.quiet()
}

// NIP-70: "Relays that want to accept such events MUST first require that the
// client perform the NIP-42 AUTH flow and then check if the authenticated
// client has the same pubkey as the event being published and only accept the
// event in that case."
func TestProtectedEventsComeFromTheirAuthorOnly(t *testing.T) {
	node := &memory{}
	_, url := start(t, relay.Config{}, node)
	protected := sign(t, key(1), event.Event{Kind: 1, Tags: event.Tags{{"-"}}, Content: "for this relay"})
	c := dial(t, url)
	c.publish(protected)
	challenge := c.challenge()
	c.expect(`["OK","%s",false,"auth-required: this event may only be published by its author"]`, protected.ID)
	c.authenticate(key(2), challenge)
	c.publish(protected)
	c.expect(`["OK","%s",false,"restricted: this event may only be published by its author"]`, protected.ID)
	c.authenticate(key(1), challenge)
	c.ok(protected)
	if got := dial(t, url).answer("s", `{"kinds":[1]}`); len(got) != 1 {
		t.Errorf("a protected event is read by nobody") // NIP-70 is about publishing
	}
	if n := len(node.sources); n != 1 {
		t.Errorf("Accept was called %d times, want once: for the author", n)
	}
}
