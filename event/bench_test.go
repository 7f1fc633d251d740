package event

import (
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
)

// population makes n signed events of about 600 bytes by the given number of people.
func population(t testing.TB, n, people int) []*Event {
	t.Helper()
	keys := make([]SecretKey, people)
	for i := range keys {
		k, err := NewSecretKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		keys[i] = k
	}
	es := make([]*Event, n)
	for i := range es {
		e := Event{CreatedAt: 1700000000 + int64(i), Kind: KindNote, Content: strings.Repeat("a word or two, ", 12),
			Tags: Tags{{"e", strings.Repeat("ab", 32), "wss://relay.example"}, {"p", strings.Repeat("cd", 32)}}}
		if err := e.Sign(keys[i%people]); err != nil {
			t.Fatal(err)
		}
		es[i] = &e
	}
	return es
}

func BenchmarkParse(b *testing.B) {
	raw := population(b, 1, 1)[0].Raw()
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkComputeID(b *testing.B) {
	e := population(b, 1, 1)[0]
	b.ReportAllocs()
	for b.Loop() {
		e.ComputeID()
	}
}

func BenchmarkSign(b *testing.B) {
	k, _ := NewSecretKey(rand.Reader)
	e := population(b, 1, 1)[0]
	for b.Loop() {
		if err := e.Sign(k); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	e := population(b, 1, 1)[0]
	for b.Loop() {
		if err := e.Verify(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyBatch(b *testing.B) {
	for _, people := range []int{1, 1 << 20} {
		for _, n := range []int{2, 4, 6, 8, 16, 64, 256, 1024} {
			b.Run(fmt.Sprintf("people=%d/n=%d", min(people, n), n), func(b *testing.B) {
				es := population(b, n, min(people, n))
				for b.Loop() {
					for _, err := range VerifyBatch(es) {
						if err != nil {
							b.Fatal(err)
						}
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n)/1000, "µs/event")
			})
		}
	}
}

// BenchmarkVerifyBatchWithBad shows what an attacker can make a node pay;
// compare with BenchmarkVerify.
func BenchmarkVerifyBatchWithBad(b *testing.B) {
	const n = 256
	for _, every := range []int{n, 64, 16, 8, 4, 2, 1} {
		b.Run(fmt.Sprintf("bad=%d", n/every), func(b *testing.B) {
			es := population(b, n, n)
			for i := 0; i < n; i += every {
				es[i].Sig[63] ^= 1
			}
			for b.Loop() {
				VerifyBatch(es)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n)/1000, "µs/event")
		})
	}
}
