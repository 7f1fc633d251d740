package relay

import (
	"context"
	"errors"
	"sync"
)

// outbox is what waits to be written to one client, bounded in messages and
// bytes. Answers to what the client asked wait for room (the client is asking
// faster than it reads: it can wait); live events do not, since they would
// hold up everybody else's.
type outbox struct {
	maxMessages, maxBytes int

	ready chan struct{} // something to take, or the end; room for one
	room  chan struct{} // something was written; room for one

	mu       sync.Mutex // guards all below
	queue    []outItem
	messages int // queued or being written
	bytes    int
	state    outState
}

// outItem is one message: head, body and, where there is a body, a closing
// bracket. The body is an event's own bytes, shared by all who get it.
type outItem struct{ head, body []byte }

func (i outItem) size() int { return len(i.head) + len(i.body) + 1 }

type outState uint8

const (
	outOpen     outState = iota
	outFinished          // no more comes; what is queued still goes out
	outDropped           // nothing goes out any more
)

var errOutClosed = errors.New("relay: the connection ends")

func newOutbox(maxMessages, maxBytes int) *outbox {
	return &outbox{
		maxMessages: maxMessages, maxBytes: maxBytes,
		ready: make(chan struct{}, 1), room: make(chan struct{}, 1),
	}
}

// push queues a live message. It never blocks, and says false where the budget
// is used up. Once the outbox has ended the message goes nowhere.
func (o *outbox) push(i outItem) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.state != outOpen {
		return true
	}
	if o.messages >= o.maxMessages || o.bytes+i.size() > o.maxBytes {
		return false
	}
	o.add(i)
	return true
}

// storedShare is the part of the budget that answers may fill.
const storedShare = 4

// wait queues an answer as soon as there is room for it. Only one goroutine
// may wait at a time.
func (o *outbox) wait(ctx context.Context, i outItem) error {
	for {
		if done, err := o.tryAnswer(i); done {
			return err
		}
		select {
		case <-o.room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (o *outbox) tryAnswer(i outItem) (done bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.state != outOpen {
		return true, errOutClosed
	}
	if o.messages > 0 && (o.messages >= max(1, o.maxMessages/storedShare) || o.bytes+i.size() > o.maxBytes/storedShare) {
		return false, nil
	}
	o.add(i)
	return true, nil
}

func (o *outbox) add(i outItem) {
	o.queue = append(o.queue, i)
	o.messages++
	o.bytes += i.size()
	signal(o.ready)
}

// take moves all that is queued into dst and waits for it where there is
// nothing. It says false at the end.
func (o *outbox) take(ctx context.Context, dst []outItem) ([]outItem, bool) {
	for {
		o.mu.Lock()
		dst = append(dst, o.queue...)
		o.queue = keepShort(o.queue)
		state := o.state
		o.mu.Unlock()
		if len(dst) > 0 {
			return dst, true
		}
		if state != outOpen {
			return nil, false
		}
		select {
		case <-o.ready:
		case <-ctx.Done():
			return nil, false
		}
	}
}

// written gives back the budget of items that went out.
func (o *outbox) written(items []outItem) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.messages -= len(items)
	for _, i := range items {
		o.bytes -= i.size()
	}
	signal(o.room)
}

// finish ends the outbox after what is queued.
func (o *outbox) finish() { o.endWith(outFinished, nil) }

// drop ends the outbox at once: what is queued is forgotten, and last, where
// it is not nil, goes out in its place.
func (o *outbox) drop(last []byte) { o.endWith(outDropped, last) }

func (o *outbox) endWith(state outState, last []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.state >= state {
		return
	}
	o.state = state
	if state == outDropped {
		o.queue = nil
		if last != nil {
			o.queue = []outItem{{head: last}} // beyond the budget, which nobody asks for any more
		}
	}
	signal(o.ready)
	signal(o.room)
}

// keepShort empties a list of items and lets go of one that a burst has grown.
func keepShort(items []outItem) []outItem {
	if cap(items) > shortList {
		return nil
	}
	clear(items)
	return items[:0]
}

// shortList is how many items a list may hold and be kept while idle.
const shortList = 64

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
