package node

import (
	"context"
	"sync"
	"time"

	"mural/event"
	"mural/peer"
	"mural/web"
)

// Answers to the question asked once per network. Until then this node is silent.
const (
	nearbyAsk = "ask"
	nearbyOn  = "on"
	nearbyOff = "off"

	networkLook = 5 * time.Second // how often the interfaces are looked at
)

// nearby shows this device on networks where the person said yes.
type nearby struct {
	n   *Node
	mu  sync.Mutex // guards what follows
	net Network
	on  bool
	// word is the answer for a network that cannot be told apart yet: it is
	// kept on disk once it can, lest another café with the same numbers inherit it.
	word string
}

func newNearby(n *Node) *nearby { return &nearby{n: n, net: currentNetwork()} }

// choice is the person's word for the network this device is on now.
func (y *nearby) choice() string {
	if y.n.cfg.Nearby != "" {
		return y.n.cfg.Nearby
	}
	y.mu.Lock()
	net, word := y.net, y.word
	y.mu.Unlock()
	if net.ID == "" {
		return nearbyAsk
	}
	if !net.Settled {
		return first(word, nearbyAsk)
	}
	return first(y.n.marks.get(markNearby+net.ID), nearbyAsk)
}

// say keeps the person's word for the network the device is on, or for another one.
func (y *nearby) say(networkID, word string) error {
	y.mu.Lock()
	unsettled := y.net.ID == networkID && !y.net.Settled
	if unsettled {
		y.word = word
	}
	y.mu.Unlock()
	if unsettled {
		return nil
	}
	return y.n.marks.set(markNearby+networkID, word)
}

// run follows the device from network to network.
func (y *nearby) run(ctx context.Context) {
	tick := time.NewTicker(networkLook)
	defer tick.Stop()
	y.apply(false)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			y.look()
		}
	}
}

func (y *nearby) look() { y.saw(currentNetwork()) }

// saw takes in what the interfaces say now. A gateway that falls out of the
// neighbour table does not make another network, nor does one that enters it.
func (y *nearby) saw(now Network) {
	y.mu.Lock()
	before, word := y.net, y.word
	same := now.Subnets == before.Subnets
	if now == before || (same && !now.Settled) {
		y.mu.Unlock()
		return
	}
	y.net, y.word = now, ""
	y.mu.Unlock()
	if same && !before.Settled && word != "" && y.n.marks.get(markNearby+now.ID) == "" {
		if err := y.n.marks.set(markNearby+now.ID, word); err != nil {
			y.n.log.Error("the answer for this network was not kept", "err", err)
		}
	}
	y.apply(!same)
}

// apply makes the network see us or not, as the person chose.
func (y *nearby) apply(moved bool) {
	want := y.choice() == nearbyOn
	y.mu.Lock()
	defer y.mu.Unlock()
	if want == y.on && !(moved && want) {
		return
	}
	if moved && y.on { // multicast membership belongs to the old network
		y.set(false)
	}
	y.set(want)
	y.n.watch.tell(web.Change{Nearby: true, Me: true})
}

func (y *nearby) set(on bool) {
	if err := y.n.peers.SetNearby(on); err != nil {
		y.n.log.Warn("nearby could not be switched", "on", on, "err", err)
		return
	}
	y.on = on
}

// Nearby gives the choice for the network the device is on now.
func (n *Node) Nearby(context.Context) (web.Nearby, error) {
	n.nearby.mu.Lock()
	net := n.nearby.net
	n.nearby.mu.Unlock()
	return web.Nearby{Choice: n.nearby.choice(), Network: net.Name, NetworkID: net.ID}, nil
}

// SetNearby remembers the person's word for a network.
func (n *Node) SetNearby(_ context.Context, networkID string, on bool) error {
	if networkID == "" {
		return &web.Problem{Status: 409, Code: "no-network", Message: "This device is on no network.", Next: "Join a Wi-Fi or plug in a cable, then try again."}
	}
	word := nearbyOff
	if on {
		word = nearbyOn
	}
	if err := n.nearby.say(networkID, word); err != nil {
		return err
	}
	if n.peers != nil {
		n.nearby.apply(false)
		n.peers.Resync()
	}
	n.watch.tell(web.Change{Nearby: true, Me: true})
	return nil
}

// Invite makes an invitation code that carries this device's addresses.
func (n *Node) Invite(ctx context.Context) (string, error) {
	who, ok := n.ring.Person()
	if !ok {
		return "", &web.Problem{Status: 409, Code: "no-person", Message: "Nobody invites yet.", Next: "Type a name first."}
	}
	if n.peers == nil {
		return "", notRunning()
	}
	e, err := n.newest(ctx, who, event.KindProfile)
	if err != nil {
		return "", err
	}
	return n.peers.Invitation(parseProfile(e).Name), nil
}

func notRunning() error {
	return &web.Problem{Status: 503, Code: "not-running", Message: "This needs a running node.", Next: "Start one in another terminal: mural run"}
}

const joinTime = 15 * time.Second

// Join connects with the inviter of a code or link.
func (n *Node) Join(ctx context.Context, code string) (event.PubKey, bool, error) {
	inv, err := peer.ParseInvitation(code)
	if err != nil || inv.Person.IsZero() {
		return event.PubKey{}, false, &web.Problem{Status: 422, Code: "invitation", Message: "This is not an invitation, or a part of it is missing.", Next: "Copy the whole link or code again; it begins with mural1."}
	}
	if inv.Peer == n.ID() {
		return inv.Person, false, &web.Problem{Status: 422, Code: "own-invitation", Message: "This invitation is your own.", Next: "Send it to somebody else."}
	}
	if n.peers == nil {
		return inv.Person, false, nil
	}
	if err := n.peerbook.invited(ctx, inv.Peer, []string{inv.String()}); err != nil {
		return inv.Person, false, err
	}
	ctx, cancel := context.WithTimeout(ctx, joinTime)
	defer cancel()
	_, err = n.peers.Connect(ctx, []string{inv.String()})
	if err != nil {
		n.log.Info("the inviter does not answer yet", "err", err)
	}
	return inv.Person, err == nil, nil
}
