package negentropy

import (
	"fmt"
	"testing"

	"mural/event"
)

// session is reconcile without the checks.
func session(t testing.TB, mine, theirs *Set) {
	x, msg := mine.Initiate(0)
	for done := false; !done; {
		reply, err := theirs.Respond(msg, 0)
		if err != nil {
			t.Fatal(err)
		}
		if msg, _, _, done, err = x.Next(reply); err != nil {
			t.Fatal(err)
		}
	}
}

func BenchmarkReconcile(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		all := stampsOf(1, n, 3)
		var mine, theirs []event.Stamp
		for i, st := range all {
			if i%(n/50) != 5 {
				mine = append(mine, st)
			}
			if i%(n/50) != 11 {
				theirs = append(theirs, st)
			}
		}
		b.Run(fmt.Sprintf("items=%d/differences=100", n), func(b *testing.B) {
			a, c := New(mine), New(theirs)
			o := reconcile(b, a, c, 0, 0)
			b.ReportAllocs()
			for b.Loop() {
				session(b, a, c)
			}
			if len(o.have)+len(o.need) != 100 {
				b.Fatalf("%d have, %d need", len(o.have), len(o.need))
			}
			b.ReportMetric(float64(o.rounds), "rounds")
			b.ReportMetric(float64(o.sent), "bytes-on-wire")
		})
		b.Run(fmt.Sprintf("new/items=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				New(all)
			}
		})
	}
}
