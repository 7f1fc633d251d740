package node

import "testing"

// A gateway enters and leaves the neighbour table all the time. The question
// is asked once per network all the same, and the answer stays.
func TestANetworkStaysTheSameWhileItsGatewayIsSilent(t *testing.T) {
	n, _ := alone(t)
	quiet := newNetwork("192.168.1.0/24", "this network", "192.168.1.1", "")
	known := newNetwork("192.168.1.0/24", "this network", "192.168.1.1", "aa:bb:cc:dd:ee:01")
	other := newNetwork("192.168.1.0/24", "this network", "192.168.1.1", "aa:bb:cc:dd:ee:02")
	y := &nearby{n: n, net: quiet}
	if got := y.choice(); got != nearbyAsk {
		t.Fatalf("before an answer: %s", got)
	}
	if err := y.say(quiet.ID, nearbyOff); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		now  Network
		want string
	}{{quiet, nearbyOff}, {known, nearbyOff}, {quiet, nearbyOff}, {known, nearbyOff}, {other, nearbyAsk}} {
		y.saw(step.now)
		if got := y.choice(); got != step.want {
			t.Errorf("after %+v: %s, want %s", step.now, got, step.want)
		}
	}
	if n.marks.get(markNearby+quiet.ID) != "" {
		t.Error("an answer was kept for every network with these numbers")
	}
}
