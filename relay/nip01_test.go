package relay_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"mural/event"
	"mural/relay"
)

// NIP-01: "OK messages MUST be sent in response to EVENT messages received
// from clients, they must have the 3rd parameter set to true when an event has
// been accepted by the relay, false otherwise. The 4th parameter MUST always
// be present, but MAY be an empty string when the 3rd is true, otherwise it
// MUST be a string formed by a machine-readable single-word prefix followed by
// a : and then a human-readable message."
func TestEveryEventIsAnsweredWithOK(t *testing.T) {
	_, url := start(t, relay.Config{}, &memory{})
	c := dial(t, url)
	good := note(t, 1)
	c.publish(good)
	c.expect(`["OK","%s",true,""]`, good.ID)
	c.publish(good)
	c.expect(`["OK","%s",true,"duplicate: already have this event"]`, good.ID)

	raw := string(note(t, 2).Raw())
	id := note(t, 2).ID.String()
	for name, bad := range map[string]string{
		"wrong signature": strings.Replace(raw, `"sig":"`+raw[strings.Index(raw, `"sig":"`)+7:][:4], `"sig":"0000`, 1),
		"wrong content":   strings.Replace(raw, "note 2", "note 3", 1),
		"no kind":         strings.Replace(raw, `"kind":1,`, ``, 1),
		"upper-case key":  strings.Replace(raw, `"pubkey":"79be`, `"pubkey":"79BE`, 1),
		"second element":  raw + `,{}`,
	} {
		if bad == raw {
			t.Fatalf("%s: the test changed nothing", name)
		}
		c.send(`["EVENT",` + bad + `]`)
		c.expect(`["OK","%s",false,"invalid: `, id)
	}
}

// NIP-01: prefixes are "duplicate, pow, blocked, rate-limited, invalid,
// restricted, mute and error"; NIP-42 adds auth-required.
func TestVerdictsKeepTheirPrefix(t *testing.T) {
	for status, want := range map[event.Status]string{
		event.Accepted:    `true,"thanks"`,
		event.Duplicate:   `true,"duplicate: thanks"`,
		event.Invalid:     `false,"invalid: thanks"`,
		event.Blocked:     `false,"blocked: thanks"`,
		event.Restricted:  `false,"restricted: thanks"`,
		event.RateLimited: `false,"rate-limited: thanks"`,
		event.Failed:      `false,"error: thanks"`,
		event.AuthNeeded:  `false,"auth-required: thanks"`,
	} {
		t.Run(want, func(t *testing.T) {
			node := &stubborn{verdict: event.Verdict{Status: status, Reason: "thanks"}}
			_, url := start(t, relay.Config{}, node)
			c := dial(t, url)
			e := note(t, 1)
			c.publish(e)
			if status == event.AuthNeeded {
				c.challenge() // NIP-42: the client "must have a stored challenge"
			}
			c.expect(`["OK","%s",%s]`, e.ID, want)
		})
	}
}

// stubborn gives every event the same verdict.
type stubborn struct {
	memory
	verdict event.Verdict
}

func (s *stubborn) Accept(_ context.Context, _ event.Source, es []*event.Event) []event.Verdict {
	out := make([]event.Verdict, len(es))
	for i := range out {
		out[i] = s.verdict
	}
	return out
}

// NIP-01: "Newer events should appear first, and in the case of ties the event
// with the lowest id (first in lexical order) should be first"; EOSE indicates
// "the end of stored events and the beginning of events newly received".
func TestStoredThenEOSEThenLive(t *testing.T) {
	_, url := start(t, relay.Config{}, &memory{})
	c, other := dial(t, url), dial(t, url)
	for n := range 3 {
		c.ok(note(t, n))
	}
	got := c.answer("feed", `{"kinds":[1]}`)
	if want := []event.ID{note(t, 2).ID, note(t, 1).ID, note(t, 0).ID}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("stored answer %v, want %v", got, want)
	}
	other.ok(note(t, 3))
	if e := eventOf(t, c.expect(`["EVENT","feed",`), "feed"); e.ID != note(t, 3).ID {
		t.Errorf("live event %s, want %s", e.ID, note(t, 3).ID)
	}
}

// NIP-01: limit is "only valid for the initial query and MUST be ignored afterwards".
func TestLimitBoundsTheStoredAnswerOnly(t *testing.T) {
	_, url := start(t, relay.Config{}, &memory{})
	c := dial(t, url)
	for n := range 5 {
		c.ok(note(t, n))
	}
	if got := c.answer("two", `{"limit":2}`); len(got) != 2 || got[0] != note(t, 4).ID {
		t.Errorf("limit 2 gave %v", got)
	}
	if got := c.answer("none", `{"limit":0}`); len(got) != 0 {
		t.Errorf("limit 0 gave %v", got)
	}
	for n := 5; n < 8; n++ {
		c.publish(note(t, n))
	}
	live := map[string]int{}
	for range 9 { // three OKs, three events on each subscription
		got, err := c.next()
		if err != nil {
			t.Fatal(err)
		}
		live[strings.Split(got, ",")[1]]++
	}
	if live[`"two"`] != 3 || live[`"none"`] != 3 {
		t.Errorf("live events by subscription: %v, want 3 on each", live)
	}
}

// NIP-01: "subscription_id is an arbitrary, non-empty string of max length 64
// chars. It represents a subscription per connection."
func TestSubscriptionIDs(t *testing.T) {
	_, url := start(t, relay.Config{}, &memory{})
	c := dial(t, url)
	for _, id := range []string{
		"x", strings.Repeat("x", 64), strings.Repeat("é", 64), `with "quotes" and \`, "\u2028", "<&>", `"`, "😀",
	} {
		c.send([]any{"REQ", id, map[string]any{}})
		got := c.expect(`["EOSE",`)
		c.send([]any{"CLOSE", id})
		if !strings.Contains(got, id) && !strings.ContainsAny(id, "\"\\<&>\u2028") {
			t.Errorf("id %q was answered as %s", id, got)
		}
	}
	c.send(`["REQ","esc\u0061ped",{}]`)
	c.expect(`["EOSE","esc\u0061ped"`) // echoed as it was written
	for _, id := range []string{"", strings.Repeat("x", 65), strings.Repeat("é", 65)} {
		c.send([]any{"REQ", id, map[string]any{}})
		c.expect(`["NOTICE","invalid: a subscription id has 1 to 64 characters`)
	}
}

// NIP-01: "Relays MUST manage subscription_ids independently for each
// WebSocket connection", and an event comes "until the connection is closed, a
// CLOSE event is received with the same subscription_id".
func TestCloseEndsOneSubscriptionOfOneConnection(t *testing.T) {
	node := &memory{}
	_, url := start(t, relay.Config{}, node)
	a, b := dial(t, url), dial(t, url)
	a.answer("same", `{"kinds":[1]}`)
	b.answer("same", `{"kinds":[1]}`)
	a.send(`["CLOSE","same"]`)
	a.send(`["CLOSE","never opened"]`)
	a.quiet()
	b.ok2(note(t, 1), "same")
	a.quiet()
	b.conn.CloseNow()
	until(t, "the connection's subscription is gone", func() bool { return node.subscriptions() == 0 })
}

// ok2 publishes on a connection that is itself subscribed.
func (c *client) ok2(e *event.Event, sub string) {
	c.t.Helper()
	c.publish(e)
	eventOf(c.t, c.expect(`["EVENT",`), sub)
	c.expect(`["OK","%s",true,""]`, e.ID)
}

// NIP-01: "a new REQ is sent using the same subscription_id (in which case a
// new subscription is created, replacing the old one)".
func TestREQWithTheSameIDReplaces(t *testing.T) {
	node := &memory{}
	_, url := start(t, relay.Config{}, node)
	c, other := dial(t, url), dial(t, url)
	c.answer("s", `{"kinds":[7]}`)
	c.answer("s", `{"kinds":[1]}`)
	if n := node.subscriptions(); n != 1 {
		t.Errorf("%d subscriptions at the node, want 1", n)
	}
	other.ok(sign(t, key(1), event.Event{Kind: 7, Content: "+"}))
	other.ok(note(t, 1))
	if e := eventOf(t, c.expect(`["EVENT"`), "s"); e.Kind != 1 {
		t.Errorf("the replaced subscription still delivers kind %d", e.Kind)
	}
	// Replacing does not count twice, and a refused one still ends the old.
	c.send(`["REQ","s",{"kinds":"all"}]`)
	c.expect(`["CLOSED","s","invalid: `)
	if n := node.subscriptions(); n != 0 {
		t.Errorf("%d subscriptions after a refused replacement, want 0", n)
	}
}

// NIP-01: "multiple filters are to be interpreted as || conditions"; an event
// that meets two of them comes once.
func TestSeveralFiltersGiveEachEventOnce(t *testing.T) {
	_, url := start(t, relay.Config{}, &memory{})
	c := dial(t, url)
	c.ok(note(t, 1))
	filter := fmt.Sprintf(`{"ids":["%s"]}`, note(t, 1).ID)
	if got := c.answer("s", filter, `{"kinds":[1]}`, `{}`); len(got) != 1 {
		t.Errorf("three filters gave %d events, want 1", len(got))
	}
	c.ok2(note(t, 2), "s")
	c.quiet()
}

// TestNoEventIsLostOrRepeated opens subscriptions while events pour in: each
// event must come exactly once, in the stored answer or after it.
func TestNoEventIsLostOrRepeated(t *testing.T) {
	const events, readers = 300, 12
	_, url := start(t, relay.Config{}, &memory{})
	all := make([]*event.Event, events)
	for i := range all {
		all[i] = note(t, i)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		c := dial(t, url)
		for _, e := range all {
			c.publish(e)
		}
		for range all {
			c.expect(`["OK",`)
		}
	})
	for range readers {
		wg.Go(func() {
			c := dial(t, url)
			c.send(`["REQ","s",{"kinds":[1],"limit":1000}]`)
			seen := map[event.ID]int{}
			for len(seen) < events {
				got, err := c.next()
				if err != nil {
					t.Errorf("after %d events: %v", len(seen), err)
					return
				}
				if strings.HasPrefix(got, `["EOSE"`) {
					continue
				}
				seen[eventOf(t, got, "s").ID]++
			}
			c.quiet() // nothing comes twice behind
			for id, n := range seen {
				if n != 1 {
					t.Errorf("event %s came %d times", id, n)
				}
			}
		})
	}
	wg.Wait()
}

// TestWhatComesInDuringTheQueryIsHeldBack makes the race of the test above
// certain: an event is stored and published while the query is under way, in
// each of the two orders.
func TestWhatComesInDuringTheQueryIsHeldBack(t *testing.T) {
	node := &memory{}
	_, url := start(t, relay.Config{}, node)
	c := dial(t, url)
	c.ok(note(t, 1))
	node.onQuery = func() {
		node.onQuery = nil
		node.take(note(t, 2))    // in the stored answer and live
		node.publish(note(t, 3)) // live only
	}
	if got := c.answer("s", `{"kinds":[1]}`); len(got) != 2 {
		t.Errorf("stored answer of %d events, want 2", len(got))
	}
	if e := eventOf(t, c.expect(`["EVENT"`), "s"); e.ID != note(t, 3).ID {
		t.Errorf("after EOSE came %s, want the third note", e.Content)
	}
	node.publish(note(t, 2)) // a node that is late with its live stream
	c.quiet()
}

// NIP-01: ephemeral events "are not expected to be stored by relays", but
// those who listen get them.
func TestEphemeralEventsAreFannedOutAndNotStored(t *testing.T) {
	_, url := start(t, relay.Config{}, &memory{})
	c, other := dial(t, url), dial(t, url)
	c.answer("s", `{"kinds":[24880]}`)
	hand := sign(t, key(1), event.Event{Kind: 24880, CreatedAt: 1})
	other.ok(hand)
	if e := eventOf(t, c.expect(`["EVENT"`), "s"); e.ID != hand.ID {
		t.Errorf("live event %s, want %s", e.ID, hand.ID)
	}
	if got := other.answer("s", `{"kinds":[24880]}`); len(got) != 0 {
		t.Errorf("an ephemeral event was stored: %v", got)
	}
}

// TestEventsGoOutByteForByte: the bytes that were signed for and sent are the
// bytes that come out, whatever their spacing, order of keys and escapes.
func TestEventsGoOutByteForByte(t *testing.T) {
	_, url := start(t, relay.Config{}, &memory{})
	c := dial(t, url)
	e := sign(t, key(1), event.Event{Kind: 1, Content: "é </script> \u2028"})
	raw := fmt.Sprintf(`{ "sig" : "%s", "content":"\u00e9 <\/script> \u2028","tags":[ ] ,"kind":1,
		"created_at":0,"pubkey":"%s","id":"%s"}`, e.Sig, e.PubKey, e.ID)
	c.send(`["EVENT",` + raw + `]`)
	c.expect(`["OK","%s",true`, e.ID)
	c.send(`["REQ","s",{}]`)
	if got, want := c.expect(`["EVENT","s",`), `["EVENT","s",`+raw+`]`; got != want {
		t.Errorf("event came out as\n%s\nwant\n%s", got, want)
	}
}

// NIP-01: "NOTICE, used to send human-readable error messages or other things
// to clients". A malformed message never ends the connection.
func TestMalformedMessages(t *testing.T) {
	_, url := start(t, relay.Config{}, &memory{})
	c := dial(t, url)
	const notice, closed = `["NOTICE","invalid: `, `["CLOSED","s","invalid: `
	for message, want := range map[string]string{
		``:                           notice,
		` `:                          notice,
		`x`:                          notice,
		`{}`:                         notice,
		`null`:                       notice,
		`[]`:                         notice,
		`[`:                          notice,
		`]`:                          notice,
		`[]]`:                        notice,
		`[[]`:                        notice,
		`[1]`:                        notice,
		`[null]`:                     notice,
		`["REQ"`:                     notice,
		`["REQ]`:                     notice,
		`["REQ\"]`:                   notice,
		`["REQ"]`:                    notice,
		`["REQ",]`:                   notice,
		`["REQ",,"s"]`:               notice,
		`["REQ","s"]`:                closed,
		`["REQ","s",]`:               notice,
		`["REQ",1,{}]`:               notice,
		`["REQ",null,{}]`:            notice,
		`["REQ",["s"],{}]`:           notice,
		`["REQ","\ud800",{}]`:        notice,
		`["REQ","\x",{}]`:            notice,
		"[\"REQ\",\"\x01\",{}]":      notice,
		`["REQ","s",1]`:              closed,
		`["REQ","s",[]]`:             closed,
		`["REQ","s",{},]`:            notice,
		`["REQ","s",{]}`:             notice,
		`["REQ","s",{"kinds":[1}]`:   notice,
		`["REQ","s",{"kinds":"1"}]`:  closed,
		`["REQ","s",{"kinds":[-1]}]`: closed,
		`["REQ","s",{"ids":["ab"]}]`: closed,
		`["REQ","s",{"limit":-5}]`:   closed,
		`["REQ","s",{"limit":1e9}]`:  closed,
		`["REQ","s",{}}]`:            notice,
		`["COUNT","s"]`:              closed,
		`["COUNT","s",7]`:            closed,
		`["CLOSE"]`:                  notice,
		`["CLOSE",7]`:                notice,
		`["CLOSE","s","t"]`:          notice,
		`["EVENT"]`:                  notice,
		`["EVENT","s"]`:              notice,
		`["EVENT",{}]`:               notice,
		`["EVENT",{"id":"ab"}]`:      notice,
		`["EVENT",{"id":7}]`:         notice,
		`["EVENT","s",{}]`:           notice,
		`["AUTH"]`:                   notice,
		`["AUTH","challenge"]`:       notice,
		`["event",{}]`:               notice,
		`["NEG-STAT","s",{},"61"]`:   notice,
		`["NOTICE","hello"]`:         notice,
		"[\"R\x00EQ\",\"s\",{}]":     notice,
		`["REQ","s",` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `]`:         closed,
		`["REQ","s",` + strings.Repeat(`{"a":`, 50_000) + `1` + strings.Repeat("}", 50_000) + `]`: closed,
		`[` + strings.Repeat("[", 200_000):                                                        notice,
		`["REQ","s"` + strings.Repeat(",{}", 21):                                                  closed,
		`["REQ","s"` + strings.Repeat(",{}", 100_000):                                             closed,
		`["` + strings.Repeat("A", 1000) + `"]`:                                                   notice,
	} {
		if strings.HasPrefix(message, `["REQ","s",{}`) && !strings.HasSuffix(message, "]") {
			message += "]"
		}
		c.send(message)
		got := c.expect(``)
		if !strings.HasPrefix(got, want) {
			t.Errorf("%.60q is answered with %.120s\nwant %s", message, got, want)
		}
		if len(got) > 500 {
			t.Errorf("%.60q is answered with %d bytes", message, len(got))
		}
	}
	c.ok(note(t, 1))
}
