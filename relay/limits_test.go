package relay_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"mural/event"
	"mural/relay"
)

func document(t *testing.T, url string) (doc struct {
	Name       string         `json:"name"`
	NIPs       []int          `json:"supported_nips"`
	Limitation map[string]any `json:"limitation"`
}, header http.Header) {
	t.Helper()
	req, err := http.NewRequest("GET", "http"+strings.TrimPrefix(url, "ws"), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/nostr+json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return doc, res.Header
}

// NIP-11: "When a relay receives an HTTP(s) request with an Accept header of
// application/nostr+json to a URI supporting WebSocket upgrades, they SHOULD
// return a document"; "Relays MUST accept CORS requests by sending
// Access-Control-Allow-Origin, Access-Control-Allow-Headers, and
// Access-Control-Allow-Methods headers."
func TestInformationDocument(t *testing.T) {
	_, url := start(t, relay.Config{Info: relay.Info{Name: "Ana's node", NIPs: []int{62, 9}}}, &memory{})
	doc, header := document(t, url)
	if doc.Name != "Ana's node" || !slices.Equal(doc.NIPs, []int{1, 9, 11, 40, 42, 45, 62, 67, 70}) {
		t.Errorf("document is %+v", doc)
	}
	for _, name := range []string{"Access-Control-Allow-Origin", "Access-Control-Allow-Headers", "Access-Control-Allow-Methods"} {
		if header.Get(name) == "" {
			t.Errorf("header %s is missing", name)
		}
	}
	if got := header.Get("Content-Type"); got != "application/nostr+json" {
		t.Errorf("content type %q", got)
	}
}

func TestOtherRequestsAreNotItsBusiness(t *testing.T) {
	_, url := start(t, relay.Config{}, &memory{})
	res, err := http.Get("http" + strings.TrimPrefix(url, "ws"))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if res.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("a plain request is answered with %d", res.StatusCode)
	}
	plain, _ := http.NewRequest("GET", "/", nil)
	plain.Header.Set("Accept", "text/html")
	if relay.Wants(plain) {
		t.Error("the relay wants a browser's request for the app")
	}
}

// TestAnnouncedLimitsAreTheRealOnes reads the document and goes to each limit
// and one beyond it. NIP-11: "Your client should expect that requests exceed
// these practical limitations are rejected or fail immediately."
func TestAnnouncedLimitsAreTheRealOnes(t *testing.T) {
	node := &memory{}
	_, url := start(t, relay.Config{Limits: relay.Limits{
		MaxSubscriptions: 3, MaxLimit: 4, DefaultLimit: 2, MaxFrameBytes: 200_000,
	}}, node)
	doc, _ := document(t, url)
	limit := func(name string) int {
		n, ok := doc.Limitation[name].(float64)
		if !ok {
			t.Fatalf("limit %s is not announced: %v", name, doc.Limitation)
		}
		return int(n)
	}
	c := dial(t, url)
	for n := range 6 {
		c.ok(note(t, n))
	}
	if got := len(c.answer("s", `{"limit":5}`)); got != limit("max_limit") {
		t.Errorf("limit 5 gave %d events, max_limit is %d", got, limit("max_limit"))
	}
	if got := len(c.answer("s", `{}`)); got != limit("default_limit") {
		t.Errorf("no limit gave %d events, default_limit is %d", got, limit("default_limit"))
	}
	for n := 1; n < limit("max_subscriptions"); n++ {
		c.answer(fmt.Sprint("more", n), `{"kinds":[9]}`)
	}
	c.send(`["REQ","over",{"kinds":[9]}]`)
	c.expect(`["CLOSED","over","rate-limited: 3 subscriptions are open`)
	c.send(`["CLOSE","s"]`)
	c.answer("over", `{"kinds":[9]}`)

	c.answer(strings.Repeat("x", 0)+"over", `{"kinds":[9]}`)
	id := strings.Repeat("x", limit("max_subid_length"))
	c.send(`["COUNT","` + id + `",{"kinds":[9]}]`)
	c.expect(`["COUNT","xxx`)
	c.send(`["COUNT","x` + id + `",{"kinds":[9]}]`)
	c.expect(`["NOTICE","invalid: `)

	filters := strings.Repeat(`,{"kinds":[9]}`, limit("max_filters"))
	c.send(`["COUNT","n"` + filters + `]`)
	c.expect(`["COUNT","n"`)
	c.send(`["COUNT","n"` + filters + `,{"kinds":[9]}]`)
	c.expect(`["CLOSED","n","invalid: a message has at most 20 filters`)

	tags := make(event.Tags, limit("max_event_tags"))
	for i := range tags {
		tags[i] = event.Tag{"t"}
	}
	c.ok(sign(t, key(2), event.Event{Kind: 9000, Tags: tags}))
	over := event.Event{Kind: 9000, Tags: append(tags, event.Tag{"t"}), PubKey: key(2).PubKey()}
	c.publish(&over)
	c.expect(`["OK","%s",false,"invalid: `, over.ID)

	fits := `["COUNT","n",{"kinds":[9]}]`
	c.send(fits + strings.Repeat(" ", limit("max_message_length")-len(fits)))
	c.expect(`["COUNT","n"`)
	c.send(fits + strings.Repeat(" ", limit("max_message_length")+1-len(fits)))
	if before := c.expectClose(websocket.StatusMessageTooBig); len(before) != 1 || !strings.HasPrefix(before[0], `["NOTICE","invalid: a message has at most 200000 bytes`) {
		t.Errorf("before closing the relay said %v", before)
	}
}

// TestGiantFrames: a frame that announces gigabytes takes no memory on its word.
func TestGiantFrames(t *testing.T) {
	server, url := start(t, relay.Config{}, &memory{})
	raw := handshake(t, url)
	// A masked text frame of 2^62 bytes.
	raw.Write([]byte{0x81, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4})
	chunk := make([]byte, 64<<10)
	for n := 0; n < 8<<20; n += len(chunk) {
		if _, err := raw.Write(chunk); err != nil {
			break
		}
	}
	until(t, "the connection is gone", func() bool { return server.Stats().Connections == 0 })
}

// handshake opens a websocket and gives the bare connection, so that a test
// may be as rude as it likes.
func handshake(t *testing.T, url string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "ws://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
	head := make([]byte, 0, 512)
	for b := make([]byte, 1); !strings.HasSuffix(string(head), "\r\n\r\n"); head = append(head, b[0]) {
		if _, err := io.ReadFull(conn, b); err != nil {
			t.Fatalf("handshake: %v after %q", err, head)
		}
	}
	if !strings.HasPrefix(string(head), "HTTP/1.1 101") {
		t.Fatalf("handshake answered with %q", head)
	}
	return conn
}

// frame makes a masked text frame with a mask of zeros.
func frame(text string) []byte {
	n := len(text)
	return append([]byte{0x81, 0xfe, byte(n >> 8), byte(n), 0, 0, 0, 0}, text...)
}

func TestBinaryMessagesAreRefused(t *testing.T) {
	_, url := start(t, relay.Config{}, &memory{})
	c := dial(t, url)
	if err := c.conn.Write(context.Background(), websocket.MessageBinary, []byte(`["CLOSE","s"]`)); err != nil {
		t.Fatal(err)
	}
	c.expectClose(websocket.StatusUnsupportedData)
}

// TestASlowMessageIsCutOff: a message that never ends costs a connection, not forever.
func TestASlowMessageIsCutOff(t *testing.T) {
	server, url := start(t, relay.Config{Limits: relay.Limits{FrameTimeout: 50 * time.Millisecond}}, &memory{})
	raw := handshake(t, url)
	raw.Write(frame(`["COUNT","n",{"kinds":[9]}]`)[:20])
	until(t, "the connection is gone", func() bool { return server.Stats().Connections == 0 })
}

// TestADeadClientIsNoticed: one that does not answer a ping is gone.
func TestADeadClientIsNoticed(t *testing.T) {
	server, url := start(t, relay.Config{Limits: relay.Limits{PingEvery: 30 * time.Millisecond, PongWithin: 30 * time.Millisecond}}, &memory{})
	dead := handshake(t, url)
	live := dial(t, url)
	go io.Copy(io.Discard, dead)
	pongs := make(chan error, 1)
	go func() { _, err := live.next(); pongs <- err }() // the library answers pings while it reads
	until(t, "only the live one is left", func() bool { return server.Stats().Connections == 1 })
	live.send(`["CLOSE"]`)
	if err := <-pongs; err != nil {
		t.Errorf("the live client was cut off as well: %v", err)
	}
}

// TestPublishingInOneGo: EVENTs that arrive together are accepted together, in
// batches of up to 256, and answered in order.
func TestPublishingInOneGo(t *testing.T) {
	const total = 600
	node := &memory{}
	first := make(chan struct{})
	var once sync.Once
	release := make(chan struct{})
	node.onAccept = func([]*event.Event) {
		once.Do(func() { close(first); <-release })
	}
	_, url := start(t, relay.Config{}, node)
	c := dial(t, url)
	for n := range total {
		if n == 100 {
			c.send(`["EVENT",` + strings.Replace(string(note(t, 100).Raw()), "note 100", "note X", 1) + `]`)
			continue
		}
		if n == 200 {
			c.send(`["EVENT",{"id":"` + note(t, 200).ID.String() + `"}]`)
			continue
		}
		c.publish(note(t, n))
		if n == 0 {
			<-first
		}
		if n == 500 {
			close(release) // what the relay read ahead meanwhile comes together
		}
	}
	for n := range total {
		c.expect(`["OK","%s",%v,`, note(t, n).ID, n != 100 && n != 200)
	}
	if largest := slices.Max(node.batches); largest < 200 || largest > 256 {
		t.Errorf("batches of %v, want the largest between 200 and 256", node.batches)
	}
}

// TestAnswersKeepTheOrderOfQuestions: a question between pipelined events is
// answered between their OKs, and sees the events before it.
func TestAnswersKeepTheOrderOfQuestions(t *testing.T) {
	_, url := start(t, relay.Config{}, &memory{})
	c := dial(t, url)
	for n := range 20 {
		c.publish(note(t, n))
		c.send(fmt.Sprintf(`["COUNT","n%d",{"kinds":[1]}]`, n))
	}
	for n := range 20 {
		c.expect(`["OK","%s"`, note(t, n).ID)
		c.expect(`["COUNT","n%d",{"count":%d}]`, n, n+1)
	}
}

// TestRateLimit: strangers have a bucket of messages; each refusal takes the
// form that fits the message.
func TestRateLimit(t *testing.T) {
	now := atomic.Int64{}
	now.Store(1_800_000_000)
	_, url := start(t, relay.Config{
		Identify: func(*http.Request) relay.Visitor { return relay.Visitor{Remote: "192.0.2.1:99"} },
		Limits:   relay.Limits{MessagesPerSecond: 1, Burst: 3},
		Now:      func() time.Time { return time.Unix(now.Load(), 0) },
	}, &memory{})
	c := dial(t, url)
	for n := range 3 {
		c.ok(note(t, n))
	}
	c.publish(note(t, 3))
	c.expect(`["OK","%s",false,"rate-limited: `, note(t, 3).ID)
	c.send(`["REQ","s",{}]`)
	c.expect(`["CLOSED","s","rate-limited: `)
	c.send(`["CLOSE","s"]`)
	c.expect(`["NOTICE","rate-limited: `)
	now.Add(1)
	c.ok(note(t, 3))
	for range 1001 {
		c.send(`["CLOSE","s"]`)
	}
	c.expectClose(websocket.StatusPolicyViolation)
}

// TestConnectionLimits: so many from one address, loopback aside, and so many
// in all. IPv6 counts by network.
func TestConnectionLimits(t *testing.T) {
	_, url := start(t, relay.Config{
		Limits:   relay.Limits{MaxPerIP: 2, MaxConnections: 6},
		Identify: func(r *http.Request) relay.Visitor { return relay.Visitor{Remote: r.Header.Get("X-Remote")} },
	}, &memory{})
	try := func(remote string) *http.Response {
		conn, res, err := websocket.Dial(context.Background(), url, &websocket.DialOptions{HTTPHeader: http.Header{"X-Remote": {remote}}})
		if err == nil {
			t.Cleanup(func() { conn.CloseNow() })
		}
		return res
	}
	for _, row := range []struct {
		remote string
		want   int
	}{
		{"192.0.2.1:10", 101}, {"192.0.2.1:11", 101}, {"192.0.2.1:12", 429}, {"[::ffff:192.0.2.1]:13", 429},
		{"[2001:db8::1]:1", 101}, {"[2001:db8::2]:1", 101}, {"[2001:db8::3]:1", 429},
		{"127.0.0.1:1", 101}, {"127.0.0.1:2", 101},
		{"127.0.0.1:3", 429}, {"192.0.2.9:1", 429}, // six in all
	} {
		if res := try(row.remote); res.StatusCode != row.want {
			t.Errorf("connection from %s is answered with %d, want %d", row.remote, res.StatusCode, row.want)
		}
	}
}

// TestForeignPagesCannotTakeAllConnections: they count by origin, and leave
// room for the owner.
func TestForeignPagesCannotTakeAllConnections(t *testing.T) {
	_, url := start(t, relay.Config{Limits: relay.Limits{MaxPerIP: 3, MaxConnections: 8}}, &memory{})
	try := func(origin string) int {
		h := http.Header{}
		if origin != "" {
			h.Set("Origin", origin)
		}
		conn, res, err := websocket.Dial(context.Background(), url, &websocket.DialOptions{HTTPHeader: h})
		if err == nil {
			t.Cleanup(func() { conn.CloseNow() })
		}
		return res.StatusCode
	}
	var got []int
	for _, origin := range []string{
		"https://a.example", "https://a.example", "https://a.example", "https://a.example", // one too many
		"https://b.example", "https://b.example", "https://b.example",
		"https://c.example", "https://d.example", // the seventh stranger, and one too many
		"", "", // the eighth in all, and one too many
	} {
		got = append(got, try(origin))
	}
	if want := []int{101, 101, 101, 429, 101, 101, 101, 101, 429, 101, 429}; !slices.Equal(got, want) {
		t.Errorf("answers %v, want %v", got, want)
	}
}

// TestSubscriptionsTogetherAreBounded: what open filters name stays in memory,
// so there is a limit to it besides their number.
func TestSubscriptionsTogetherAreBounded(t *testing.T) {
	node := &memory{}
	_, url := start(t, relay.Config{}, node)
	c := dial(t, url)
	authors := make([]string, event.MaxFilterValues)
	for i := range authors {
		authors[i] = fmt.Sprintf("%064x", i)
	}
	list, err := json.Marshal(authors)
	if err != nil {
		t.Fatal(err)
	}
	filters := strings.TrimSuffix(strings.Repeat(`{"authors":`+string(list)+`},`, 10), ",")
	opened := 0
	for ; opened < 20; opened++ {
		c.send(fmt.Sprintf(`["REQ","s%d",%s]`, opened, filters))
		if !strings.HasPrefix(c.expect(``), `["EOSE"`) {
			break
		}
	}
	if opened != 9 { // 5,010 values each, 50,000 in all
		t.Errorf("%d subscriptions of 5,010 values were opened, want 9", opened)
	}
	if n := node.subscriptions(); n != opened {
		t.Errorf("%d subscriptions at the node, want %d", n, opened)
	}
	c.send(`["CLOSE","s0"]`)
	c.answer("again", filters)
}

// TestASlowReaderIsDropped: live events that nobody reads fill the budget,
// then the connection is closed and says so. Others are not held up.
func TestASlowReaderIsDropped(t *testing.T) {
	node := &memory{}
	server, url := start(t, relay.Config{Limits: relay.Limits{OutBytes: 1 << 20, OutMessages: 100}}, node)
	slow, quick := dial(t, url), dial(t, url)
	slow.answer("s", `{"kinds":[1]}`)
	quick.answer("s", `{"kinds":[1]}`)
	big := sign(t, key(1), event.Event{Kind: 1, Content: strings.Repeat("x", 100_000)})
	published := 0
	for server.Stats().Dropped == 0 {
		node.publish(big)
		published++
		eventOf(t, quick.expect(`["EVENT"`), "s")
		if published > 2000 {
			t.Fatal("200 MB were queued for a reader that does not read")
		}
	}
	before := slow.expectClose(websocket.StatusTryAgainLater)
	if last := before[len(before)-1]; !strings.HasPrefix(last, `["NOTICE","error: you read more slowly`) {
		t.Errorf("the last message before the close is %.100s", last)
	}
	if len(before) > published {
		t.Errorf("%d messages for %d events", len(before), published)
	}
	node.publish(note(t, 1))
	quick.expect(`["EVENT","s",{"id":"%s"`, note(t, 1).ID)
}

// TestAReaderThatStopsIsCutOff: when the kernel takes nothing for the write
// timeout, the connection is gone, goodbye or not.
func TestAReaderThatStopsIsCutOff(t *testing.T) {
	node := &memory{}
	for n := range 200 {
		node.events = append(node.events, sign(t, key(1), event.Event{Kind: 1, CreatedAt: int64(n), Content: strings.Repeat("x", 100_000)}))
	}
	server, url := start(t, relay.Config{Limits: relay.Limits{WriteTimeout: 50 * time.Millisecond}}, node)
	raw := handshake(t, url)
	raw.Write(frame(`["REQ","s",{}]`))
	until(t, "the query has run", func() bool { return node.subscriptions() == 1 })
	until(t, "the connection is gone", func() bool { return server.Stats().Connections == 0 })
	if n := node.subscriptions(); n != 0 {
		t.Errorf("%d subscriptions are left behind", n)
	}
}

// TestWhatWasSaidBeforeLeavingCounts: a client that publishes and goes without
// waiting for its OKs has published.
func TestWhatWasSaidBeforeLeavingCounts(t *testing.T) {
	const total = 150
	node := &memory{}
	_, url := start(t, relay.Config{}, node)
	c := dial(t, url)
	for n := range total {
		c.publish(note(t, n))
	}
	c.conn.Close(websocket.StatusNormalClosure, "")
	until(t, "all are stored", func() bool { n, _ := node.Count(t.Context(), event.Filter{}); return n == total })
}

// TestClose: what has arrived is answered, then the connection closes with
// "going away", and nobody new comes in.
func TestClose(t *testing.T) {
	node := &memory{}
	entered, release := make(chan struct{}), make(chan struct{})
	node.onAccept = func([]*event.Event) { close(entered); <-release }
	server, url := start(t, relay.Config{}, node)
	busy, idle := dial(t, url), dial(t, url)
	idle.answer("s", `{}`)
	busy.publish(note(t, 1))
	<-entered
	closed := make(chan error, 1)
	go func() { closed <- server.Close(t.Context()) }()
	idle.expectClose(websocket.StatusGoingAway)
	if _, res, err := websocket.Dial(t.Context(), url, nil); err == nil || res.StatusCode != http.StatusTooManyRequests {
		t.Errorf("a closing relay let somebody in: %v", err)
	}
	close(release)
	busy.expect(`["OK","%s",true`, note(t, 1).ID)
	busy.expectClose(websocket.StatusGoingAway)
	if err := <-closed; err != nil {
		t.Errorf("Close: %v", err)
	}
	if node.subscriptions() != 0 {
		t.Error("a subscription survived the relay")
	}
}
