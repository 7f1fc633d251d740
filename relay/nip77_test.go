package relay_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mural/event"
	"mural/negentropy"
	"mural/relay"
)

// stamping is a memory that can be reconciled with.
type stamping struct {
	memory
	onStamps func()
	taken    int // times that stamps were asked for
}

func (s *stamping) Stamps(_ context.Context, filters ...event.Filter) ([]event.Stamp, error) {
	if s.onStamps != nil {
		s.onStamps()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken++
	var out []event.Stamp
	for _, e := range s.events {
		if matches(filters, e) {
			out = append(out, e.Stamp())
		}
	}
	slices.SortFunc(out, byTime)
	return out, nil
}

func byTime(a, b event.Stamp) int {
	if a.CreatedAt != b.CreatedAt {
		return int(a.CreatedAt - b.CreatedAt)
	}
	return slices.Compare(a.ID[:], b.ID[:])
}

func stampsOf(events ...*event.Event) (out []event.Stamp) {
	for _, e := range events {
		out = append(out, e.Stamp())
	}
	slices.SortFunc(out, byTime)
	return out
}

// negOpen sends a NEG-OPEN.
func (c *client) negOpen(sub, filter string, query []byte) {
	c.t.Helper()
	c.send(fmt.Sprintf(`["NEG-OPEN",%q,%s,"%x"]`, sub, filter, query))
}

// negNext reads a NEG-MSG.
func (c *client) negNext(sub string) []byte {
	c.t.Helper()
	got := c.expect(`["NEG-MSG",%q,"`, sub)
	var parts []string
	if err := json.Unmarshal([]byte(got), &parts); err != nil || len(parts) != 3 {
		c.t.Fatalf("relay said %s", got)
	}
	message, err := hex.DecodeString(parts[2])
	if err != nil {
		c.t.Fatal(err)
	}
	return message
}

// reconcile compares what we hold with what the relay shows for a filter.
func (c *client) reconcile(sub, filter string, mine []event.Stamp) (have, need []event.ID) {
	c.t.Helper()
	session, query := negentropy.New(mine).Initiate(0)
	c.negOpen(sub, filter, query)
	for {
		reply, h, n, done, err := session.Next(c.negNext(sub))
		if err != nil {
			c.t.Fatal(err)
		}
		have, need = append(have, h...), append(need, n...)
		if done {
			c.send(fmt.Sprintf(`["NEG-CLOSE",%q]`, sub))
			return have, need
		}
		c.send(fmt.Sprintf(`["NEG-MSG",%q,"%x"]`, sub, reply))
	}
}

// shown gives the ids that the relay shows, sorted.
func (c *client) shown(filter string) []event.ID {
	c.t.Helper()
	_, need := c.reconcile("shown", filter, nil)
	return sorted(need...)
}

func sorted(ids ...event.ID) []event.ID {
	slices.SortFunc(ids, func(a, b event.ID) int { return slices.Compare(a[:], b[:]) })
	return ids
}

func idsOf(events ...*event.Event) (ids []event.ID) {
	for _, e := range events {
		ids = append(ids, e.ID)
	}
	return sorted(ids...)
}

func wantSet(t *testing.T, what string, got, want []event.ID) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %d ids, want %d", what, len(got), len(want))
	}
}

var emptyQuery = func() []byte { _, q := negentropy.New(nil).Initiate(0); return q }()

// NIP-77: "the client learning about IDs it has/needs"; "Subscription IDs are
// in a separate namespace from REQ subscription IDs."
func TestReconcileOnTheRealStore(t *testing.T) {
	_, url := start(t, relay.Config{}, openStore(t, filepath.Join(t.TempDir(), "events.db")))
	c := dial(t, url)
	var all, mine []*event.Event
	var theirs, ours []event.ID
	for n := range 700 {
		e := sign(t, key(1), event.Event{Kind: 1, CreatedAt: 1_700_000_000 + int64(n*n*300), Content: fmt.Sprint(n)})
		if n%90 != 1 {
			c.publish(e)
			c.expect(`["OK","%s",true`, e.ID)
		} else {
			ours = append(ours, e.ID)
		}
		if n%50 != 7 {
			mine = append(mine, e)
		} else {
			theirs = append(theirs, e.ID)
		}
		all = append(all, e)
	}
	c.answer("same", `{"limit":1}`)
	have, need := c.reconcile("same", `{"kinds":[1]}`, stampsOf(mine...))
	wantSet(t, "have", sorted(have...), sorted(ours...))
	wantSet(t, "need", sorted(need...), sorted(theirs...))
	c.publish(note(t, 1))
	c.expect(`["EVENT","same",{"id":"%s"`, note(t, 1).ID) // the REQ is still open
	c.expect(`["OK","%s",true,""]`, note(t, 1).ID)
	wantSet(t, "since and until hold", c.shown(fmt.Sprintf(`{"since":%d,"until":%d}`, all[100].CreatedAt, all[120].CreatedAt)), idsOf(all[100:121]...))
	wantSet(t, "by id", c.shown(`{"ids":["`+all[3].ID.String()+`"]}`), idsOf(all[3]))
	wantSet(t, "nothing of that kind", c.shown(`{"kinds":[7]}`), nil)
	wantSet(t, "no author", c.shown(`{"authors":[]}`), nil)
}

// Tombstones are part of what is reconciled: a deletion request is an event
// like others, and what it names is neither in the set nor taken back.
func TestReconcilingKeepsDeletedPostsDeleted(t *testing.T) {
	_, url := start(t, relay.Config{}, openStore(t, filepath.Join(t.TempDir(), "events.db")))
	c := dial(t, url)
	gone, kept := note(t, 1), note(t, 2)
	request := sign(t, key(1), event.Event{Kind: 5, CreatedAt: 1_800_000_000, Tags: event.Tags{{"e", gone.ID.String()}}})
	for _, e := range []*event.Event{gone, kept, request} {
		c.ok(e)
	}
	have, need := c.reconcile("s", `{"kinds":[1,5]}`, stampsOf(gone, kept))
	wantSet(t, "have", have, idsOf(gone))
	wantSet(t, "need", need, idsOf(request))
	c.publish(gone)
	c.expect(`["OK","%s",false,"blocked: `, gone.ID)
	wantSet(t, "after the upload", c.shown(`{"kinds":[1,5]}`), idsOf(kept, request))
}

// A limit asks for the newest, as in a REQ: of one second the lowest ids.
func TestReconcileWithALimit(t *testing.T) {
	_, url := start(t, relay.Config{}, openStore(t, filepath.Join(t.TempDir(), "events.db")))
	c := dial(t, url)
	for n := range 40 {
		c.ok(sign(t, key(1), event.Event{Kind: 1, CreatedAt: 1_700_000_000 + int64(n/8)*500_000, Content: fmt.Sprint(n)}))
	}
	for _, limit := range []int{1, 7, 8, 9, 20, 39, 40, 41} {
		filter := fmt.Sprintf(`{"limit":%d}`, limit)
		wantSet(t, filter, c.shown(filter), sorted(c.answer("r", filter)...))
	}
	wantSet(t, "limit 0", c.shown(`{"limit":0}`), nil)
}

// What a REQ does not show is in no set either.
func TestSetsHoldWhatOneMaySee(t *testing.T) {
	node := &stamping{}
	config := relay.Config{Identify: fromElsewhere}
	_, url := start(t, config, node)
	ana, ben := key(1), key(2)
	public := note(t, 1)
	toBen := sign(t, ana, event.Event{Kind: 1059, CreatedAt: 20, Tags: event.Tags{{"p", ben.PubKey().String()}}})
	toAna := sign(t, ben, event.Event{Kind: 1059, CreatedAt: 30, Tags: event.Tags{{"p", ana.PubKey().String()}}})
	toCem := sign(t, key(4), event.Event{Kind: 4, CreatedAt: 40, Tags: event.Tags{{"p", key(5).PubKey().String()}}})
	node.events = []*event.Event{public, toBen, toAna, toCem}

	stranger := dial(t, url)
	wantSet(t, "a stranger", stranger.shown(`{}`), idsOf(public))
	wantSet(t, "a stranger, by kind", stranger.shown(`{"kinds":[1,4,1059]}`), idsOf(public))
	stranger.negOpen("s", `{"kinds":[1059]}`, emptyQuery)
	challenge := stranger.challenge()
	stranger.expect(`["NEG-ERR","s","auth-required: `)
	stranger.authenticate(key(3), challenge)
	wantSet(t, "somebody else", stranger.shown(`{}`), idsOf(public))
	stranger.negOpen("s", `{"kinds":[1059],"#p":["`+ben.PubKey().String()+`"]}`, emptyQuery)
	stranger.expect(`["NEG-ERR","s","restricted: `)

	c := dial(t, url)
	c.negOpen("s", `{"kinds":[1059]}`, emptyQuery)
	challenge = c.challenge()
	c.expect(`["NEG-ERR","s","auth-required: `)
	c.authenticate(ben, challenge)
	wantSet(t, "Ben", c.shown(`{}`), idsOf(public, toBen, toAna))
	wantSet(t, "Ben, by kind", c.shown(`{"kinds":[1,1059]}`), idsOf(public, toBen, toAna))
	wantSet(t, "Ben's inbox", c.shown(`{"kinds":[1059],"#p":["`+ben.PubKey().String()+`"]}`), idsOf(toBen))

	page := dial(t, url, "Origin", "https://elsewhere.example")
	wantSet(t, "a foreign page", page.shown(`{}`), idsOf(public))
	page.negOpen("s", `{"kinds":[4]}`, emptyQuery)
	page.expect(`["NEG-ERR","s","restricted: `)
	wantSet(t, "the owner", dial(t, url, "X-Owner", "yes").shown(`{}`), idsOf(public, toBen, toAna, toCem))
}

// NIP-77: "closed"; "If a NEG-OPEN is issued for a currently open subscription
// ID, the existing subscription is first closed"; "After a NEG-ERR is issued,
// the subscription is considered to be closed."
func TestReconciliationsOpenAndClose(t *testing.T) {
	node := &stamping{}
	node.events = []*event.Event{note(t, 1)}
	_, url := start(t, relay.Config{Limits: relay.Limits{MaxReconciliations: 2}}, node)
	c := dial(t, url)
	unknown := func(sub string) {
		t.Helper()
		c.send(fmt.Sprintf(`["NEG-MSG",%q,"61"]`, sub))
		c.expect(`["NEG-ERR",%q,"closed: `, sub)
	}
	unknown("a")
	c.negOpen("a", `{}`, emptyQuery)
	c.negNext("a")
	c.negOpen("b", `{"kinds":[1]}`, emptyQuery)
	c.negNext("b")
	c.negOpen("c", `{"kinds":[2]}`, emptyQuery)
	c.expect(`["NEG-ERR","c","rate-limited: `)
	c.negOpen("b", `{"kinds":[7]}`, emptyQuery) // takes the place of the other b
	if got := c.negNext("b"); len(got) > 8 {
		t.Errorf("the set of kind 7 answers %x", got)
	}
	for _, bad := range []string{`"6"`, `"zz"`, `""`, `61`, `"00"`, `"61ff"`, `"610000023d"`} {
		c.send(`["NEG-MSG","a",` + bad + `]`)
		c.expect(`["NEG-ERR","a","invalid: `)
		unknown("a")
		c.negOpen("a", `{}`, emptyQuery)
		c.negNext("a")
	}
	c.send(`["NEG-CLOSE","a"]`)
	unknown("a")
	c.send(`["NEG-CLOSE","never"]`)
	c.negOpen("d", `{}`, []byte{0x65}) // "reply with a single byte containing the highest protocol version it supports"
	c.expect(`["NEG-MSG","d","61"]`)
	for _, bad := range []string{`["NEG-OPEN","x",{}]`, `["NEG-OPEN","x",{},{},"61"]`, `["NEG-OPEN","x",{"kinds":"1"},"61"]`, `["NEG-MSG","x"]`} {
		c.send(bad)
		c.expect(`["NEG-ERR","x","invalid: `)
	}
	c.send(`["NEG-OPEN","x",{"search":"sea"},"61"]`)
	c.expect(`["NEG-ERR","x","unsupported: `)
	c.send(`["NEG-OPEN"]`)
	c.expect(`["NOTICE","invalid: `)
	c.quiet()
}

// NIP-77 is announced by those who can.
func TestReconciliationIsAnnounced(t *testing.T) {
	_, with := start(t, relay.Config{}, &stamping{})
	_, without := start(t, relay.Config{}, &memory{})
	if doc, _ := document(t, with); !slices.Contains(doc.NIPs, 77) || doc.Limitation["max_negentropy_sessions"] != float64(relay.DefaultReconciliations) {
		t.Errorf("the document is %+v", doc)
	}
	if doc, _ := document(t, without); slices.Contains(doc.NIPs, 77) || doc.Limitation["max_negentropy_sessions"] != nil {
		t.Errorf("the document of a relay without stamps is %+v", doc)
	}
	c := dial(t, without)
	c.negOpen("s", `{}`, emptyQuery)
	c.expect(`["NEG-ERR","s","unsupported: `)
}

// NIP-77: "Relays can optionally reject queries that would require them to
// process too many records"; "The maximum number of records that can be
// processed can optionally be returned as the 4th element in the response".
func TestSetsAreBounded(t *testing.T) {
	node := &stamping{}
	for n := range 12 {
		node.events = append(node.events, sign(t, key(1), event.Event{Kind: event.Kind(n % 2), CreatedAt: int64(n), Content: fmt.Sprint(n)}))
	}
	_, url := start(t, relay.Config{Limits: relay.Limits{MaxSetItems: 10, MaxSetItemsOfAll: 14}}, node)
	c, other := dial(t, url), dial(t, url)
	c.negOpen("s", `{}`, emptyQuery)
	c.expect(`["NEG-ERR","s","blocked: this query is too big",10]`)
	c.negOpen("a", `{"kinds":[0]}`, emptyQuery)
	c.negNext("a")
	c.negOpen("b", `{"kinds":[1]}`, emptyQuery)
	c.expect(`["NEG-ERR","b","rate-limited: the reconciliations of this connection`)
	other.negOpen("a", `{"kinds":[0]}`, emptyQuery) // the same set: it takes no room
	other.negNext("a")
	other.negOpen("b", `{"kinds":[1],"limit":4}`, emptyQuery)
	other.negNext("b")
	third := dial(t, url)
	third.negOpen("c", `{"kinds":[1],"until":9}`, emptyQuery)
	third.expect(`["NEG-ERR","c","rate-limited: too many reconciliations are open on this relay`)
	c.send(`["NEG-CLOSE","a"]`)
	other.send(`["NEG-CLOSE","a"]`)
	other.quiet()
	c.quiet()
	third.negOpen("c", `{"kinds":[1],"until":9}`, emptyQuery)
	third.negNext("c")
	other.conn.CloseNow()
	until(t, "a lost connection gives its room back", func() bool {
		third.negOpen("d", `{"kinds":[0],"until":8}`, emptyQuery)
		return strings.HasPrefix(third.expect(``), `["NEG-MSG"`)
	})
}

// One set serves those who ask the same at the same time, until something
// comes in that belongs to it.
func TestSetsAreShared(t *testing.T) {
	node := &stamping{}
	node.events = []*event.Event{note(t, 1)}
	_, url := start(t, relay.Config{}, node)
	first := dial(t, url)
	first.negOpen("s", `{"kinds":[1]}`, emptyQuery)
	first.negNext("s")
	asked := node.taken
	for range 5 {
		wantSet(t, "shared", dial(t, url).shown(`{"kinds":[1]}`), idsOf(note(t, 1)))
	}
	if node.taken != asked {
		t.Errorf("stamps were asked for %d times more", node.taken-asked)
	}
	first.ok(note(t, 2))
	wantSet(t, "after a new event", dial(t, url).shown(`{"kinds":[1]}`), idsOf(note(t, 1), note(t, 2)))
	first.send(`["NEG-CLOSE","s"]`)
	until(t, "no watch is left", func() bool { return node.subscriptions() == 0 })
}

// TestALargeSetIsKeptForTheNext: who asks a little later does not have it taken
// again; it makes room where there is none, and goes with the relay.
func TestALargeSetIsKeptForTheNext(t *testing.T) {
	node := &stamping{}
	for n := range 1200 {
		node.events = append(node.events, &event.Event{ID: [32]byte{byte(n), byte(n >> 8)}, CreatedAt: int64(n + 1), Kind: event.Kind(n % 2)})
	}
	server, url := start(t, relay.Config{Limits: relay.Limits{MaxSetItemsOfAll: 1300}}, node)
	ask := func(filter string, want int) {
		t.Helper()
		c := dial(t, url)
		if got := c.shown(filter); len(got) != want {
			t.Fatalf("%s: %d ids, want %d", filter, len(got), want)
		}
		c.quiet() // the set was given back
	}
	ask(`{}`, 1200)
	asked := node.taken
	ask(`{}`, 1200)
	if node.taken != asked {
		t.Errorf("stamps were asked for %d times more", node.taken-asked)
	}
	ask(`{"kinds":[1]}`, 600)
	asked = node.taken
	ask(`{}`, 1200)
	if node.taken == asked {
		t.Error("the set was not dropped to make room")
	}
	if err := server.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := node.subscriptions(); n != 0 {
		t.Errorf("%d watches are left behind", n)
	}
}

// TestManyWaitForOneSet: those who come while a set is being taken wait for it.
func TestManyWaitForOneSet(t *testing.T) {
	const clients = 8
	entered, release := make(chan struct{}), make(chan struct{})
	node := &stamping{}
	node.events = []*event.Event{note(t, 1)}
	var once sync.Once
	node.onStamps = func() { once.Do(func() { close(entered); <-release }) }
	_, url := start(t, relay.Config{}, node)
	var wg sync.WaitGroup
	ask := func() {
		c := dial(t, url)
		c.negOpen("s", `{}`, emptyQuery)
		c.negNext("s")
	}
	wg.Go(ask)
	<-entered
	for range clients - 1 {
		wg.Go(ask)
	}
	close(release)
	wg.Wait()
}

// NIP-77: "relays may choose to time-out inactive queries", "closed: you took
// too long to respond!"
func TestIdleReconciliationsAreClosed(t *testing.T) {
	node := &stamping{}
	_, url := start(t, relay.Config{Limits: relay.Limits{ReconcileIdle: 20 * time.Millisecond}}, node)
	c := dial(t, url)
	c.negOpen("s", `{}`, emptyQuery)
	c.negNext("s")
	c.expect(`["NEG-ERR","s","closed: you took too long to respond!"]`)
	c.send(`["NEG-MSG","s","61"]`)
	c.expect(`["NEG-ERR","s","closed: no reconciliation is open`)
	until(t, "the set is forgotten", func() bool { return node.subscriptions() == 0 })
}

// A stranger's NEG-OPENs read the store, so they count for more than one message.
func TestOpeningCostsAStranger(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	_, url := start(t, relay.Config{Identify: fromElsewhere, Now: func() time.Time { return now }, Limits: relay.Limits{Burst: 30}}, &stamping{})
	c := dial(t, url)
	refused := ""
	for n := 0; n < 10 && refused == ""; n++ {
		c.negOpen("s", fmt.Sprintf(`{"kinds":[%d]}`, n), emptyQuery)
		if got := c.expect(``); !strings.HasPrefix(got, `["NEG-MSG"`) {
			refused = fmt.Sprint(n, " ", got)
		}
	}
	if !strings.HasPrefix(refused, `2 ["NEG-ERR","s","rate-limited: `) {
		t.Errorf("refused: %s, want the third to be rate-limited", refused)
	}
}

// The frame limit holds whatever the client's message asks for: in hex an
// answer fits into what the relay itself takes.
func TestNegentropyFrames(t *testing.T) {
	node := &stamping{}
	for n := range 400 {
		id := [32]byte{byte(n), byte(n >> 8), 1}
		node.events = append(node.events, &event.Event{ID: id, CreatedAt: int64(n), Kind: 1})
	}
	const frame = 12 << 10
	_, url := start(t, relay.Config{Limits: relay.Limits{MaxFrameBytes: frame}}, node)
	c := dial(t, url)
	session, query := negentropy.New(nil).Initiate(0)
	c.negOpen("s", `{}`, query)
	total := 0
	for {
		answer := c.negNext("s")
		if 2*len(answer) > frame {
			t.Fatalf("an answer of %d bytes", len(answer))
		}
		reply, _, need, done, err := session.Next(answer)
		if err != nil {
			t.Fatal(err)
		}
		if total += len(need); done {
			break
		}
		c.send(fmt.Sprintf(`["NEG-MSG","s","%x"]`, reply))
	}
	if total != 400 {
		t.Errorf("%d ids, want 400", total)
	}
}

// fromElsewhere is a gate where programs are strangers, and the owner says so.
func fromElsewhere(r *http.Request) relay.Visitor {
	return relay.Visitor{Owner: r.Header.Get("X-Owner") != "", Origin: r.Header.Get("Origin"), Remote: "192.0.2.1:99"}
}
