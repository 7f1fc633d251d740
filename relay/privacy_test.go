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

// NIP-17: "Relays SHOULD protect message metadata by only serving kind:1059
// events to users p-tagged on the event (enforced using NIP-42 AUTH)."
func TestInboxesAreShownToTheirOwnersOnly(t *testing.T) {
	node := &memory{}
	_, url := start(t, relay.Config{}, node)
	ana, ben, cem := key(1), key(2), key(3)
	toBen := giftWrap(t, ben, 1)
	old := sign(t, ana, event.Event{Kind: 4, CreatedAt: 5, Tags: event.Tags{{"p", ben.PubKey().String()}}})
	public := note(t, 1)
	w := dial(t, url)
	w.ok(toBen)
	w.ok(old)
	w.ok(public)

	asked := fmt.Sprintf(`{"kinds":[1059,4],"#p":["%s"]}`, ben.PubKey())
	stranger := dial(t, url)
	stranger.send(`["REQ","s",` + asked + `]`)
	challenge := stranger.challenge()
	stranger.expect(`["CLOSED","s","auth-required: `)
	stranger.send(`["COUNT","s",` + asked + `]`)
	stranger.expect(`["CLOSED","s","auth-required: `)
	wantIDs(t, "a stranger who asks for everything", stranger.answer("all", `{}`), public.ID)

	stranger.authenticate(cem, challenge)
	stranger.send(`["REQ","s",` + asked + `]`)
	stranger.expect(`["CLOSED","s","restricted: `)
	wantIDs(t, "Cem, asking for everything", stranger.answer("all", `{}`), public.ID)

	b := dial(t, url)
	b.login(ben)
	wantIDs(t, "Ben, asking for his inbox", b.answer("s", asked), toBen.ID, old.ID)
	wantIDs(t, "Ben, asking for everything", b.answer("s", `{}`), public.ID, toBen.ID, old.ID)
	a := dial(t, url)
	a.login(ana)
	wantIDs(t, "Ana, asking for what she wrote", a.answer("s", `{"kinds":[4]}`), old.ID)

	// Live: the same rules.
	stranger.answer("all", `{"limit":0}`)
	b.answer("s", `{"limit":0}`)
	w.ok(giftWrap(t, ben, 2))
	b.expect(`["EVENT","s",{"id":"%s"`, giftWrap(t, ben, 2).ID)
	stranger.quiet()
}

// login proves a key the way clients do: ask, be refused, answer the challenge.
func (c *client) login(k event.SecretKey) {
	c.t.Helper()
	c.send(askInbox)
	challenge := c.challenge()
	c.expect(`["CLOSED","inbox","auth-required: `)
	c.authenticate(k, challenge)
}

func wantIDs(t testing.TB, who string, got []event.ID, want ...event.ID) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: sees %v\nwant %v", who, got, want)
	}
}

// NIP-45 counts follow the same rule: how much mail somebody gets is not
// public either.
func TestCountsLeaveOutOtherPeoplesInboxes(t *testing.T) {
	_, url := start(t, relay.Config{}, &memory{})
	w := dial(t, url)
	for n := range byte(5) {
		w.ok(giftWrap(t, key(2), n))
	}
	w.ok(sign(t, key(2), event.Event{Kind: 4, CreatedAt: 6, Tags: event.Tags{{"p", key(2).PubKey().String()}}}))
	w.ok(sign(t, key(1), event.Event{Kind: 1, Tags: event.Tags{{"p", key(2).PubKey().String()}}}))
	byTag := fmt.Sprintf(`{"#p":["%s"]}`, key(2).PubKey())
	byAuthor := fmt.Sprintf(`{"authors":["%s"]}`, key(2).PubKey())
	for _, row := range []struct {
		who     event.SecretKey
		filters string
		want    int
	}{
		{key(3), `{}`, 1},
		{key(3), byTag, 1},
		{key(3), `{"kinds":[1,1059]}`, 1},
		{key(2), `{}`, 7},
		{key(2), byTag, 7},
		{key(2), byTag + `,` + byAuthor, 7},
		{key(2), `{"kinds":[1059]}`, 5},
		{key(2), `{"kinds":[4]},{"kinds":[4,1]}`, 2},
		{key(200), `{"kinds":[1059]}`, 1}, // the author of one of them
	} {
		c := dial(t, url)
		c.login(row.who)
		c.send(`["COUNT","n",` + row.filters + `]`)
		if got, want := c.expect(`["COUNT","n"`), fmt.Sprintf(`["COUNT","n",{"count":%d`, row.want); !strings.HasPrefix(got, want+"}") && !strings.HasPrefix(got, want+`,"hll":`) {
			t.Errorf("%s counts %s: %s, want %s", row.who.PubKey(), row.filters, got, want)
		}
	}
}

// NIP-45: "Multiple filters are OR'd together and aggregated into a single
// count result."
func TestCount(t *testing.T) {
	_, url := start(t, relay.Config{}, &memory{})
	c := dial(t, url)
	for n := range 7 {
		c.ok(note(t, n))
	}
	c.ok(sign(t, key(2), event.Event{Kind: 7}))
	c.send(`["COUNT","n",{"kinds":[1],"limit":2},{"kinds":[7]},{"kinds":[1,7]}]`)
	c.expect(`["COUNT","n",{"count":8}]`)
}

// TestAFullInboxDoesNotPushPublicPostsOut: hidden events take no place in an
// answer's limit.
func TestAFullInboxDoesNotPushPublicPostsOut(t *testing.T) {
	node := &memory{}
	_, url := start(t, relay.Config{}, node)
	for n := range 3 {
		node.take(sign(t, key(1), event.Event{Kind: 1, CreatedAt: int64(n + 1)}))
	}
	for n := range 25 {
		node.take(giftWrap(t, key(2), byte(n)))
	}
	c := dial(t, url)
	if got := c.answer("s", `{"limit":2}`); len(got) != 2 {
		t.Errorf("a limit of 2 before 25 hidden events gave %d, want 2", len(got))
	}
}

// NIP-40: "Relays SHOULD NOT send expired events to clients, even if they are
// stored." The clock is the relay's.
func TestExpiredEventsAreNotSent(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	node := &memory{}
	_, url := start(t, relay.Config{Now: func() time.Time { return now }}, node)
	until := func(at int64) *event.Event {
		return sign(t, key(1), event.Event{Kind: 1, CreatedAt: at - 100, Tags: event.Tags{{"expiration", fmt.Sprint(at)}}})
	}
	gone, going, here := until(now.Unix()-1), until(now.Unix()), until(now.Unix()+1)
	for _, e := range []*event.Event{gone, going, here} {
		node.take(e)
	}
	c := dial(t, url)
	wantIDs(t, "a reader", c.answer("s", `{}`), here.ID)
	node.publish(gone)
	c.quiet()
}

// TestForeignPages: a web page of an origin that the owner does not know reads
// public posts and publishes nothing, whatever cookie or address comes with it.
func TestForeignPages(t *testing.T) {
	node := &memory{}
	var asked []string
	config := relay.Config{
		OnOrigin: func(origin string) { asked = append(asked, origin) },
		Identify: func(r *http.Request) relay.Visitor {
			origin := r.Header.Get("Origin")
			return relay.Visitor{Owner: true, Local: true, Origin: origin, OriginAllowed: origin == "https://known.example", Remote: r.RemoteAddr}
		},
	}
	_, url := start(t, config, node)
	node.take(note(t, 1))
	node.take(giftWrap(t, key(2), 1))
	page := dial(t, url, "Origin", "https://evil.example")
	for n := 2; n < 4; n++ {
		page.publish(note(t, n))
		page.expect(`["OK","%s",false,"restricted: this site may not publish here yet; the owner of this node can allow it in mural`, note(t, n).ID)
	}
	wantIDs(t, "a foreign page", page.answer("s", `{}`), note(t, 1).ID)
	page.send(askInbox)
	page.expect(`["CLOSED","inbox","restricted: this site sees public posts only`)
	e := proof(t, key(2), url, "x")
	page.send(`["AUTH",` + string(e.Raw()) + `]`)
	page.expect(`["OK","%s",false,"restricted: `, e.ID)
	node.publish(sign(t, key(1), event.Event{Kind: 24880}))
	page.quiet()
	page.send(`["COUNT","n",{}]`)
	page.expect(`["COUNT","n",{"count":1}]`)
	if len(node.sources) != 0 {
		t.Errorf("Accept was called for a foreign page")
	}
	if fmt.Sprint(asked) != "[https://evil.example]" {
		t.Errorf("the owner was asked about %v, want the page once", asked)
	}
	known := dial(t, url, "Origin", "https://known.example")
	known.ok(note(t, 5))
	if s := node.sources[0]; !s.Owner || !s.Local || s.Via != event.ViaClient {
		t.Errorf("source of an allowed origin is %+v", s)
	}
}

// TestWithoutAGate: left to itself the relay takes programs on this machine
// for local and every web page for foreign.
func TestWithoutAGate(t *testing.T) {
	node := &memory{}
	_, url := start(t, relay.Config{}, node)
	dial(t, url).ok(note(t, 1))
	if s := node.sources[0]; !s.Local || s.Owner {
		t.Errorf("source of a local program is %+v", s)
	}
	page := dial(t, url, "Origin", "http://localhost")
	page.publish(note(t, 2))
	page.expect(`["OK","%s",false,"restricted: `, note(t, 2).ID)
}

// NIP-67: "finish: the relay has sent every stored event matching the
// subscription's filters"; "more: the relay holds more matching stored events
// than it has sent".
func TestEOSESaysWhetherThereIsMore(t *testing.T) {
	node := &memory{}
	_, url := start(t, relay.Config{Identify: fromElsewhere, Limits: relay.Limits{DefaultLimit: 5, MaxLimit: 6}}, node)
	c := dial(t, url)
	for n := range 5 {
		c.ok(note(t, n))
	}
	for n := range 8 {
		c.ok(sign(t, key(1), event.Event{Kind: 7, CreatedAt: int64(n + 1)}))
	}
	// Two private messages that nobody here may see, newer than all else.
	for n := range 2 {
		node.events = append(node.events, sign(t, key(1), event.Event{Kind: 1059, CreatedAt: 1_900_000_000 + int64(n)}))
	}
	const none, finish, more = `["EOSE","s"]`, `["EOSE","s",["finish"]]`, `["EOSE","s",["more"]]`
	for filters, want := range map[string]string{
		`{"kinds":[1],"limit":6}`:                            finish,
		`{"kinds":[1],"limit":5}`:                            finish,
		`{"kinds":[1],"limit":9}`:                            finish,
		`{"kinds":[1],"limit":4}`:                            more,
		`{"kinds":[1]}`:                                      finish,
		`{"kinds":[7]}`:                                      more, // the default limit
		`{"kinds":[7],"limit":9}`:                            more, // the relay's own limit
		`{"kinds":[16]}`:                                     finish,
		`{"limit":6}`:                                        more,
		`{"since":1700000000}`:                               finish, // hidden ones are not more
		`{"since":1700000000,"limit":5}`:                     finish,
		`{"kinds":[1],"limit":0}`:                            none,
		`{"kinds":[1],"limit":6},{"kinds":[7],"limit":0}`:    none,
		`{"kinds":[1],"limit":2},{"kinds":[7],"limit":0}`:    more,
		`{"kinds":[1],"limit":6},{"kinds":[1],"limit":1}`:    none, // the second was cut, and what else it has is not known
		`{"kinds":[1],"limit":6},{"kinds":[7,16]}`:           more,
		`{"kinds":[1],"limit":6},{"kinds":[16],"limit":1}`:   finish,
		`{"kinds":[1],"limit":4},{"kinds":[1,16],"limit":3}`: more,
	} {
		c.send(`["REQ","s",` + filters + `]`)
		for {
			got, err := c.next()
			if err != nil {
				t.Fatal(err)
			}
			if got[:7] == `["EOSE"` {
				if got != want {
					t.Errorf("%s: %s, want %s", filters, got, want)
				}
				break
			}
		}
	}
}
