package relay_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"mural/event"
	"mural/relay"
)

// NIP-45: "Relays may return an HyperLogLog value together with the count".
// The registers are those of the authors, however many pages they fill, and
// however many share a second.
func TestCountsCarryHyperLogLog(t *testing.T) {
	node := openStore(t, filepath.Join(t.TempDir(), "events.db"))
	_, url := start(t, relay.Config{}, node)
	c := dial(t, url)
	target := strings.Repeat("0", 32) + "3" + strings.Repeat("0", 31) // offset 3+8
	const reactions = 300
	want := [256]byte{}
	for n := range reactions {
		k := event.SecretKey{30: byte(n>>8) + 1, 31: byte(n)}
		c.publish(sign(t, k, event.Event{Kind: 7, CreatedAt: 1_700_000_000 + int64(n/90), Tags: event.Tags{{"e", target}}}))
		pk := k.PubKey()
		bits := ""
		for _, b := range pk[12:] {
			bits += fmt.Sprintf("%08b", b)
		}
		want[pk[11]] = max(want[pk[11]], byte(strings.IndexByte(bits, '1')+1))
	}
	for range reactions {
		c.expect(`["OK",`)
	}
	c.send(`["COUNT","n",{"kinds":[7],"#e":["` + target + `"]}]`)
	var answer []json.RawMessage
	if err := json.Unmarshal([]byte(c.expect(`["COUNT","n",`)), &answer); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Count int
		HLL   string
	}
	if err := json.Unmarshal(answer[2], &got); err != nil {
		t.Fatal(err)
	}
	if got.Count != reactions || got.HLL != fmt.Sprintf("%x", want) {
		t.Errorf("count %d, want %d; registers\n%s, want\n%x", got.Count, reactions, got.HLL, want)
	}
	for _, filters := range []string{`{"kinds":[7]}`, `{"kinds":[7],"#e":["` + target + `","x"]}`, `{"kinds":[7],"#e":["` + target + `"]},{"#e":["x"]}`} {
		c.send(`["COUNT","n",` + filters + `]`)
		c.expect(`["COUNT","n",{"count":300}]`)
	}
}

// More in one second than a page holds: the count is right, without registers.
func TestACountWithoutRegistersIsStillRight(t *testing.T) {
	node := &memory{}
	for n := range 1100 {
		node.events = append(node.events, sign(t, key(1), event.Event{Kind: 7, CreatedAt: 5, Content: fmt.Sprint(n), Tags: event.Tags{{"t", "x"}}}))
	}
	_, url := start(t, relay.Config{}, node)
	c := dial(t, url)
	c.send(`["COUNT","n",{"#t":["x"]}]`)
	c.expect(`["COUNT","n",{"count":1100}]`)
}
