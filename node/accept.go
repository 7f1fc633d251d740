package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mural/event"
	"mural/store"
)

// Accept is the one way in: whatever brought the events, they are verified,
// admitted, stored durably and handed to subscribers here and nowhere else.
// The verdicts stand in the order of the events. It is safe for concurrent use.
func (n *Node) Accept(ctx context.Context, src event.Source, events []*event.Event) []event.Verdict {
	verdicts := make([]event.Verdict, len(events))
	for i, e := range events {
		verdicts[i].ID = e.ID
	}
	fresh := n.unknown(ctx, src, events, verdicts)
	fresh = verify(events, fresh, verdicts)
	fresh = n.admit(ctx, src, events, fresh, verdicts)
	n.keep(ctx, src, events, fresh, verdicts)
	n.metrics.accepted(verdicts)
	return verdicts
}

// unknown gives the indexes of events not seen before. A second road to a known
// event is a receipt, not an event: its signature was checked the first time.
func (n *Node) unknown(ctx context.Context, src event.Source, events []*event.Event, verdicts []event.Verdict) []int {
	ids := make([]event.ID, len(events))
	for i, e := range events {
		ids[i] = e.ID
	}
	var fresh []int
	known, err := n.known(ctx, ids)
	for i := range events {
		switch {
		case err != nil:
			verdicts[i] = n.failed(events[i].ID, err)
		case known[events[i].ID]:
			verdicts[i].Status, verdicts[i].Reason = event.Duplicate, "already here"
		default:
			fresh = append(fresh, i)
		}
	}
	if err == nil && src.Via == event.ViaPeer {
		n.noteDuplicates(ctx, src, events, verdicts)
	}
	return fresh
}

// noteDuplicates keeps who else had an event: that is how the node knows whom to ask.
func (n *Node) noteDuplicates(ctx context.Context, src event.Source, events []*event.Event, verdicts []event.Verdict) {
	var again []store.Entry
	for i, e := range events {
		if verdicts[i].Status == event.Duplicate {
			again = append(again, n.entry(src, e))
		}
	}
	if len(again) == 0 {
		return
	}
	if _, err := n.store.Save(ctx, again); err != nil {
		n.log.WarnContext(ctx, "receipts not kept", "err", err)
	}
}

func verify(events []*event.Event, fresh []int, verdicts []event.Verdict) []int {
	batch := make([]*event.Event, len(fresh))
	for k, i := range fresh {
		batch[k] = events[i]
	}
	var good []int
	for k, err := range event.VerifyBatch(batch) {
		i := fresh[k]
		if err != nil {
			verdicts[i].Status, verdicts[i].Reason = event.Invalid, err.Error()
			continue
		}
		good = append(good, i)
	}
	return good
}

func (n *Node) admit(ctx context.Context, src event.Source, events []*event.Event, fresh []int, verdicts []event.Verdict) []int {
	var in []int
	for _, i := range fresh {
		status, reason := n.policy.judge(ctx, src, events[i])
		if status != event.Accepted {
			verdicts[i].Status, verdicts[i].Reason = status, reason
			continue
		}
		in = append(in, i)
	}
	return in
}

// keep stores what is to be stored and then tells the subscribers.
func (n *Node) keep(ctx context.Context, src event.Source, events []*event.Event, in []int, verdicts []event.Verdict) {
	var entries []store.Entry
	var at []int
	for _, i := range in {
		if events[i].Kind.IsEphemeral() {
			n.fanout.Publish(events[i])
			continue
		}
		entries, at = append(entries, n.entry(src, events[i])), append(at, i)
	}
	if len(entries) == 0 {
		return
	}
	gone := n.shownByDeleted(ctx, entries)
	outcomes, err := n.store.Save(ctx, entries)
	var fresh []*event.Event
	for k, i := range at {
		if err != nil {
			verdicts[i] = n.failed(events[i].ID, err)
			continue
		}
		if settle(&verdicts[i], outcomes[k]) {
			n.fanout.Publish(events[i])
			n.sweeper.forsake(events[i].PubKey, gone[events[i].ID])
			fresh = append(fresh, events[i])
		}
	}
	n.arrived(ctx, src, fresh)
}

// settle turns what the store did into a verdict, and says whether the event is new here.
func settle(v *event.Verdict, o store.Outcome) bool {
	switch o {
	case store.Stored:
		return true
	case store.Duplicate:
		v.Status, v.Reason = event.Duplicate, "already here"
	case store.Superseded:
		v.Status, v.Reason = event.Duplicate, "a newer version is already here"
	case store.Blocked:
		v.Status, v.Reason = event.Blocked, "its author asked for it to be deleted"
	case store.Expired:
		v.Status, v.Reason = event.Invalid, "it has expired"
	default:
		v.Status, v.Reason = event.Failed, fmt.Sprintf("the store answered %d", o)
	}
	return false
}

func (n *Node) entry(src event.Source, e *event.Event) store.Entry {
	return store.Entry{Event: e, Via: src.Via, From: src.Peer, At: n.now()}
}

func (n *Node) failed(id event.ID, err error) event.Verdict {
	n.log.Error("events not stored", "err", err)
	reason := "the event could not be stored; try again"
	if errors.Is(err, store.ErrFull) {
		reason = "the disk of this node is full; nothing was stored"
	}
	return event.Verdict{ID: id, Status: event.Failed, Reason: reason}
}

// clockSkew is how far an event of a session may lie in the future before it is parked.
const clockSkew = event.MaxAhead

func ahead(e *event.Event, now time.Time) bool {
	return e.CreatedAt > now.Add(clockSkew).Unix()
}
