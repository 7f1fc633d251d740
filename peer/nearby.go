package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	corepeer "github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/discovery/mdns"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// mdnsService is the service that nodes announce on the local network.
const mdnsService = "_mural._udp"

// secondDial is how long the side with the higher id leaves dialling to the
// other, so that two nodes that find each other do not connect twice.
const secondDial = 1500 * time.Millisecond

// nearby is the discovery on the local network. Nothing of it runs while it is off.
type nearby struct {
	mu     sync.Mutex // guards what follows; held while switching
	cancel context.CancelFunc
	done   chan struct{}
}

// SetNearby switches discovery on the local network (mDNS). Off means silent:
// nothing is announced, asked or listened for, peers that are known from the
// local network alone are no longer dialled, and their sessions end.
func (h *Host) SetNearby(on bool) error {
	h.nearby.mu.Lock()
	defer h.nearby.mu.Unlock()
	running := h.nearby.cancel != nil
	if on == running {
		return nil
	}
	if !on {
		h.nearby.stopLocked()
		h.forgetNearby()
		return nil
	}
	var service mdns.Service
	if canMulticast() { // otherwise keepMDNS waits for a network
		var err error
		if service, err = h.startMDNS(); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancel(h.ctx)
	done := make(chan struct{})
	if !h.task(func(context.Context) { defer close(done); h.keepMDNS(ctx, service) }) {
		cancel()
		return errors.Join(ErrClosed, closeMDNS(service))
	}
	h.nearby.cancel, h.nearby.done = cancel, done
	return nil
}

func (n *nearby) stop() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stopLocked()
}

func (n *nearby) stopLocked() {
	if n.cancel != nil {
		n.cancel()
		<-n.done
		n.cancel, n.done = nil, nil
	}
}

func (h *Host) startMDNS() (mdns.Service, error) {
	service := mdns.NewMdnsService(h.net, mdnsService, h)
	if err := service.Start(); err != nil {
		return nil, fmt.Errorf("peer: announcing this node on the local network: %w", errors.Join(err, service.Close()))
	}
	return service, nil
}

// keepMDNS starts the service anew when the machine's addresses change: it
// joins the networks it sees at its start only.
func (h *Host) keepMDNS(ctx context.Context, service mdns.Service) {
	tick := time.NewTicker(interfaceCheck)
	defer tick.Stop()
	before := localAddrs()
	for {
		select {
		case <-ctx.Done():
			_ = closeMDNS(service)
			return
		case <-tick.C:
		}
		now := localAddrs()
		if now == before {
			continue
		}
		before = now
		_ = closeMDNS(service)
		if service = nil; !canMulticast() {
			continue
		}
		var err error
		if service, err = h.startMDNS(); err != nil {
			h.log.Info("local network not joined", "err", err)
			service, before = nil, "" // tried again at the next look
		}
	}
}

func closeMDNS(service mdns.Service) error {
	if service == nil {
		return nil
	}
	return service.Close()
}

// canMulticast says whether an interface is up that leads to a local network.
func canMulticast() bool {
	ifaces, err := net.Interfaces()
	if err != nil {
		return false
	}
	return slices.ContainsFunc(ifaces, func(i net.Interface) bool {
		addrs, err := i.Addrs()
		ready := net.FlagUp | net.FlagMulticast
		return err == nil && i.Flags&(ready|net.FlagLoopback) == ready && len(addrs) > 0
	})
}

func localAddrs() string {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return ""
	}
	var all []string
	for _, a := range addrs {
		all = append(all, a.String())
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// HandlePeerFound is called by mDNS for every peer that answers.
func (h *Host) HandlePeerFound(info corepeer.AddrInfo) {
	addrs := nearbyAddrs(info.Addrs)
	if info.ID == h.net.ID() || len(addrs) == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.nearbyCountLocked() >= maxNearby {
		return
	}
	c := h.contactLocked(info.ID)
	if c == nil {
		return
	}
	fresh := c.found.IsZero()
	c.found = time.Now()
	c.addAddrs(addrs)
	if c.session == nil {
		c.fails, c.nextDial = 0, time.Now()
		if h.net.ID() > info.ID {
			c.nextDial = c.nextDial.Add(secondDial)
		}
		h.poke()
	}
	if !fresh {
		return
	}
	h.tellLocked(c)
	if s := c.session; s != nil {
		h.taskLocked(s.noticed) // what is wanted may depend on who is near
	}
}

func (h *Host) nearbyCountLocked() (n int) {
	for _, c := range h.contacts {
		if !c.found.IsZero() && time.Since(c.found) < nearbyMemory {
			n++
		}
	}
	return n
}

// nearbyAddrs leaves what may be dialled on a local network: private addresses
// and those of a network that this machine is on. A loopback address means
// another machine's own, unless it is all there is.
func nearbyAddrs(addrs []ma.Multiaddr) []ma.Multiaddr {
	nets, _ := net.InterfaceAddrs() // without them private addresses still count
	out := slices.DeleteFunc(slices.Clone(addrs), func(a ma.Multiaddr) bool {
		return !dialable(a) || manet.IsIP6LinkLocal(a) || !isLocal(a) && !onLink(nets, a)
	})
	if slices.ContainsFunc(out, func(a ma.Multiaddr) bool { return !isLoopback(a) }) {
		out = slices.DeleteFunc(out, isLoopback)
	}
	return out[:min(len(out), maxAddrs)]
}

func onLink(nets []net.Addr, a ma.Multiaddr) bool {
	ip, err := manet.ToIP(a)
	return err == nil && slices.ContainsFunc(nets, func(n net.Addr) bool {
		own, ok := n.(*net.IPNet)
		return ok && own.Contains(ip)
	})
}

// forgetNearby lets go of the peers that were known from the local network alone.
func (h *Host) forgetNearby() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.contacts {
		if c.found.IsZero() {
			continue
		}
		c.found = time.Time{}
		if !c.known {
			c.addrs = nil
			if c.session != nil {
				c.session.stop(errNearbyOff)
			}
		}
		h.tellLocked(c)
	}
}

var errNearbyOff = errors.New("the local network was switched off")
