package peer

import (
	"context"

	"mural/event"
)

// say queues what this side wants, if it changed.
func (s *session) say(ctx context.Context) {
	s.sayMu.Lock()
	defer s.sayMu.Unlock()
	var fs []event.Filter
	dropped := 0
	if s.open() { // whom a person follows is not for strangers
		fs, dropped = widen(s.h.interests.Wants(ctx, s.peer()))
	}
	if dropped > 0 {
		s.h.log.Warn("wants are over the limit", "peer", s.id.String(), "filters dropped", dropped)
	}
	raw, err := encodeWants(0, fs)
	if err != nil {
		s.h.log.Error("wants not sent", "err", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.myGen > 0 && string(raw) == string(s.lastWants) {
		s.wantSync()
		return
	}
	s.myGen++
	s.before, s.mine, s.lastWants, s.unwanted = s.mine, fs, raw, 0
	if raw, err = encodeWants(s.myGen, fs); err == nil {
		s.out.setWants(raw)
	}
}

// wantSync asks syncLoop for a reconciliation.
func (s *session) wantSync() {
	select {
	case s.resync <- struct{}{}:
	default:
	}
}

// Resync tells every session what this node wants now and who it is, and
// reconciles again. Call it when somebody was followed, when the profile or
// the devices changed.
func (h *Host) Resync() {
	h.mu.Lock()
	var all []*session
	for _, c := range h.contacts {
		if c.session != nil {
			all = append(all, c.session)
		}
	}
	h.mu.Unlock()
	for _, s := range all {
		h.task(func(ctx context.Context) {
			s.know(ctx)
			if !s.reveal(ctx) && s.open() {
				s.out.setHello(s.hello(ctx))
			}
			s.say(ctx)
		})
	}
}
