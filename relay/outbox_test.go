package relay

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func live10() outItem { return outItem{head: []byte(strings.Repeat("x", 9))} } // 10 bytes of budget

// TestAnswersLeaveRoomForLiveEvents: answers fill a quarter of the budget and
// then wait; live events take the rest.
func TestAnswersLeaveRoomForLiveEvents(t *testing.T) {
	o := newOutbox(100, 80)
	for range 2 {
		if err := o.wait(t.Context(), live10()); err != nil {
			t.Fatal(err)
		}
	}
	full, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := o.wait(full, live10()); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a third answer got %v, want it to wait", err)
	}
	for n := range 6 {
		if !o.push(live10()) {
			t.Fatalf("live event %d found no room", n)
		}
	}
	if o.push(live10()) {
		t.Fatal("the budget of 80 bytes took 90")
	}
	got, more := o.take(t.Context(), nil)
	if len(got) != 8 || !more {
		t.Fatalf("took %d items, want 8", len(got))
	}
	if o.push(live10()) {
		t.Fatal("what is being written counts until it is written")
	}
	o.written(got)
	if !o.push(live10()) {
		t.Fatal("what was written does not make room")
	}
}

// TestAnAnswerLargerThanItsShareStillGoesOut: alone, but it goes.
func TestAnAnswerLargerThanItsShareStillGoesOut(t *testing.T) {
	o := newOutbox(100, 80)
	if err := o.wait(t.Context(), outItem{head: make([]byte, 500)}); err != nil {
		t.Fatal(err)
	}
}

func TestWaitingEndsWithTheOutbox(t *testing.T) {
	for name, end := range map[string]func(*outbox){
		"finished": (*outbox).finish,
		"dropped":  func(o *outbox) { o.drop([]byte("bye")) },
	} {
		o := newOutbox(1, 10)
		if err := o.wait(t.Context(), live10()); err != nil {
			t.Fatal(err)
		}
		waited := make(chan error)
		go func() { waited <- o.wait(t.Context(), live10()) }()
		end(o)
		if err := <-waited; !errors.Is(err, errOutClosed) {
			t.Errorf("%s: wait gave %v", name, err)
		}
		if !o.push(live10()) {
			t.Errorf("%s: a live event counts as overflow", name)
		}
		got, more := o.take(t.Context(), nil)
		if want := map[string]string{"finished": "xxxxxxxxx", "dropped": "bye"}[name]; !more || len(got) != 1 || string(got[0].head) != want {
			t.Errorf("%s: %d items are left, want only %q", name, len(got), want)
		}
		if _, more := o.take(t.Context(), nil); more {
			t.Errorf("%s: it goes on after the end", name)
		}
	}
}
