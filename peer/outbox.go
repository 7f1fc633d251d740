package peer

import (
	"encoding/binary"
	"sync"

	"mural/event"
)

// outbox is what waits to be written to one peer. Everything in it is
// bounded: control frames replace one another, and when events pile up they
// are dropped and the peer is told to reconcile instead. Nothing blocks.
type outbox struct {
	wake chan struct{} // something waits
	gone chan struct{} // closed when the writer has ended

	mu      sync.Mutex // guards what follows
	hello   []byte
	wants   []byte
	ready   *uint32
	ping    bool
	pong    bool
	lagging bool
	events  []*event.Event
	bytes   int // of events
	seen    map[event.ID]struct{}
	ring    []event.ID // what seen holds, as a ring
	next    int
}

func newOutbox() *outbox {
	return &outbox{wake: make(chan struct{}, 1), gone: make(chan struct{}), seen: map[event.ID]struct{}{}}
}

// change applies f under the lock and wakes the writer.
func (o *outbox) change(f func()) {
	o.mu.Lock()
	f()
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *outbox) setHello(b []byte) { o.change(func() { o.hello = b }) }
func (o *outbox) setWants(b []byte) { o.change(func() { o.wants = b }) }
func (o *outbox) setReady(g uint32) { o.change(func() { o.ready = &g }) }
func (o *outbox) setPing()          { o.change(func() { o.ping = true }) }
func (o *outbox) setLagging()       { o.change(func() { o.lagging = true }) }
func (o *outbox) setPong()          { o.change(func() { o.pong = true }) }

// offer queues an event for pushing, unless the peer has it already.
func (o *outbox) offer(e *event.Event) {
	size := len(e.Raw())
	o.change(func() {
		if _, known := o.seen[e.ID]; known || o.lagging {
			return
		}
		if len(o.events) >= maxPushQueue || o.bytes+size > maxPushBytes {
			o.events, o.bytes, o.lagging = nil, 0, true
			return
		}
		o.remember(e.ID)
		o.events = append(o.events, e)
		o.bytes += size
	})
}

// saw notes that the peer has the event, so that it is not pushed back.
// It says whether that is news.
func (o *outbox) saw(id event.ID) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, known := o.seen[id]; known {
		return false
	}
	o.remember(id)
	return true
}

func (o *outbox) remember(id event.ID) {
	if len(o.ring) < maxSeen {
		o.ring = append(o.ring, id)
	} else {
		delete(o.seen, o.ring[o.next])
		o.ring[o.next] = id
		o.next = (o.next + 1) % maxSeen
	}
	o.seen[id] = struct{}{}
}

// load is what one round of the writer sends.
type load struct {
	frames []outFrame
	events []*event.Event
}

type outFrame struct {
	t    frameType
	body []byte
}

// take empties the outbox.
func (o *outbox) take() (l load) {
	o.mu.Lock()
	defer o.mu.Unlock()
	add := func(t frameType, body []byte) { l.frames = append(l.frames, outFrame{t, body}) }
	if o.hello != nil {
		add(frameHello, o.hello)
	}
	if o.wants != nil {
		add(frameWants, o.wants)
	}
	if o.ready != nil {
		add(frameReady, binary.BigEndian.AppendUint32(nil, *o.ready))
	}
	if o.ping {
		add(framePing, nil)
	}
	if o.pong {
		add(framePong, nil)
	}
	if o.lagging {
		add(frameLagging, nil)
	}
	l.events = o.events
	o.hello, o.wants, o.ready, o.ping, o.pong, o.lagging = nil, nil, nil, false, false, false
	o.events, o.bytes = nil, 0
	return l
}
