//go:build unix

package peer

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"mural/event"
)

// BenchmarkPush measures from an event's acceptance at one node to its
// acceptance at the next.
func BenchmarkPush(b *testing.B) {
	ana, ben := newPerson(b, "ana"), newPerson(b, "ben")
	ben.follows(ana)
	ben.meets(ana)
	eventually(b, "ben asked", ana.hasSubscriber)
	came := make(chan event.ID, 1)
	ben.events.Subscribe([]event.Filter{{Kinds: []event.Kind{1}}}, func(e *event.Event) { came <- e.ID })
	notes := make([]*event.Event, b.N)
	for i := range notes {
		notes[i] = ana.sign(event.Event{Kind: 1, CreatedAt: int64(1700000000 + i), Content: fmt.Sprint("note ", i)})
	}
	for b.ResetTimer(); len(notes) > 0; notes = notes[1:] {
		ana.publish(notes[0])
		<-came
	}
}

// BenchmarkFetch measures the way of a 64 MB blob between two nodes, both disks included.
func BenchmarkFetch(b *testing.B) {
	ana, ben := newPerson(b, "ana"), newPerson(b, "ben")
	ben.meets(ana)
	b.SetBytes(64 << 20)
	for b.Loop() {
		b.StopTimer()
		w, _ := ana.film(64 << 20)
		b.StartTimer()
		must(b, ben.host.Fetch(context.Background(), w, nil))
		b.StopTimer()
		must(b, ben.blobs.Delete(w.Hash))
		must(b, ana.blobs.Delete(w.Hash))
		b.StartTimer()
	}
}

// BenchmarkReconcile measures a reconciliation of 10,000 events that differ in one.
func BenchmarkReconcile(b *testing.B) {
	ana, ben := newPerson(b, "ana"), newPerson(b, "ben")
	for i := range 10000 {
		e := ana.sign(event.Event{Kind: 1, CreatedAt: int64(1700000000 + i), Content: fmt.Sprint("note ", i)})
		ana.events.all[e.ID], ben.events.all[e.ID] = e, e
	}
	ben.follows(ana)
	ben.meets(ana)
	eventually(b, "a session", ana.hasSubscriber)
	s := ben.host.standing(context.Background(), ana.host.net.ID())
	eventually(b, "reconciled", func() bool { return s.pull(context.Background()) == nil })
	for b.Loop() {
		must(b, s.pull(context.Background()))
	}
}

// TestIdleCost prints what two connected hosts cost while nothing happens; it
// asserts nothing about time. Set MURAL_IDLE to a duration to run it.
func TestIdleCost(t *testing.T) {
	span, err := time.ParseDuration(os.Getenv("MURAL_IDLE"))
	if err != nil {
		t.Skip("set MURAL_IDLE=60s to measure")
	}
	all := func(c *Config) { c.Listen = nil }
	ana, ben := newPerson(t, "ana", all), newPerson(t, "ben", all)
	if canMulticast() {
		must(t, ana.host.SetNearby(true))
		must(t, ben.host.SetNearby(true))
	}
	ana.meets(ben)
	time.Sleep(5 * time.Second)
	runtime.GC()
	before := cpuSeconds()
	time.Sleep(span)
	p, _ := ana.peer(ben)
	t.Logf("two hosts, %v idle: %.3f CPU s (%.3f %% of a core each), %d MB resident, %d bytes in", span,
		cpuSeconds()-before, (cpuSeconds()-before)/span.Seconds()*50, residentMB(), p.BytesIn)
}
