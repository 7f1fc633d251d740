package negentropy

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math/big"
	mrand "math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"mural/event"
)

// stampsOf makes n stamps from a seed; about perSecond of them share a second.
func stampsOf(seed uint64, n, perSecond int) []event.Stamp {
	out := make([]event.Stamp, n)
	for i := range out {
		var b [16]byte
		binary.BigEndian.PutUint64(b[:], seed)
		binary.BigEndian.PutUint64(b[8:], uint64(i))
		out[i] = event.Stamp{CreatedAt: 1700000000 + int64(i/perSecond), ID: sha256.Sum256(b[:])}
	}
	slices.SortFunc(out, compare)
	return out
}

// outcome is what a whole session showed.
type outcome struct {
	have, need    []event.ID
	rounds        int
	sent, largest int // bytes
}

// reconcile runs a session to its end over two frame limits.
func reconcile(t testing.TB, mine, theirs *Set, myFrame, theirFrame int) (o outcome) {
	t.Helper()
	x, msg := mine.Initiate(myFrame)
	for {
		o.rounds++
		reply, err := theirs.Respond(msg, theirFrame)
		if err != nil {
			t.Fatalf("round %d: responder: %v", o.rounds, err)
		}
		checkTruthful(t, theirs, reply)
		checkTruthful(t, mine, msg)
		next, have, need, done, err := x.Next(reply)
		if err != nil {
			t.Fatalf("round %d: initiator: %v", o.rounds, err)
		}
		o.sent += len(msg) + len(reply)
		o.largest = max(o.largest, len(msg), len(reply))
		o.have, o.need = append(o.have, have...), append(o.need, need...)
		if done {
			return o
		}
		msg = next
	}
}

// checkTruthful reads a message back: every range of it must say exactly what
// the set holds between the two bounds as they stand on the wire.
func checkTruthful(t testing.TB, s *Set, msg []byte) {
	t.Helper()
	r := reader{b: msg[1:]}
	lo, last := 0, bound{}
	for len(r.b) > 0 {
		to, err := r.bound()
		if err != nil || compareBound(to, last) < 0 {
			t.Fatalf("bound %+v after %+v, %v", to, last, err)
		}
		hi := s.lowerBound(lo, to)
		switch mode, _ := r.varint(); mode {
		case modeSkip:
		case modeFingerprint:
			if fp, err := r.bytes(fingerprintSize); err != nil || [16]byte(fp) != s.fingerprint(lo, hi) {
				t.Fatalf("fingerprint of [%d,%d) is not that of the set, %v", lo, hi, err)
			}
		case modeIDs:
			ids, err := r.ids()
			if err != nil || len(ids) != idSize*(hi-lo) {
				t.Fatalf("%d ids for [%d,%d), %v", len(ids)/idSize, lo, hi, err)
			}
			for i := lo; i < hi; i++ {
				if event.ID(ids[idSize*(i-lo):][:idSize]) != s.stamps[i].ID {
					t.Fatalf("item %d is not the id listed", i)
				}
			}
		default:
			t.Fatalf("mode %d", mode)
		}
		lo, last = hi, to
	}
}

// only gives the ids of a that b lacks, sorted.
func only(a, b []event.Stamp) (ids []event.ID) {
	in := map[event.ID]bool{}
	for _, st := range b {
		in[st.ID] = true
	}
	for _, st := range a {
		if !in[st.ID] {
			ids = append(ids, st.ID)
		}
	}
	return sorted(ids)
}

func sorted(ids []event.ID) []event.ID {
	slices.SortFunc(ids, func(a, b event.ID) int { return bytes.Compare(a[:], b[:]) })
	return ids
}

func checkOutcome(t rapid.TB, o outcome, mine, theirs []event.Stamp) {
	t.Helper()
	if d := cmp.Diff(sorted(o.have), only(mine, theirs)); d != "" {
		t.Fatalf("have:\n%s", d)
	}
	if d := cmp.Diff(sorted(o.need), only(theirs, mine)); d != "" {
		t.Fatalf("need:\n%s", d)
	}
}

// drawSets makes two overlapping sets whose differences lie scattered, in runs,
// or everywhere, with many equal times and many equal id prefixes.
func drawSets(t *rapid.T) (mine, theirs []event.Stamp) {
	n := rapid.OneOf(rapid.IntRange(0, 70), rapid.IntRange(0, 2000)).Draw(t, "n")
	perSecond := rapid.SampledFrom([]int{1, 3, 50, 5000}).Draw(t, "per second")
	prefix := rapid.SampledFrom([]int{0, 0, 1, 20, 29, 31}).Draw(t, "shared prefix")
	r := mrand.New(mrand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
	pMine, pTheirs := rapid.Float64Range(0, 1).Draw(t, "p"), rapid.Float64Range(0, 1).Draw(t, "q")
	runs := rapid.SampledFrom([]int{1, 1, 20, 400}).Draw(t, "run")
	all := stampsOf(r.Uint64(), n, perSecond)
	seen := map[event.ID]bool{}
	for i := range all {
		clear(all[i].ID[:prefix])
	}
	all = slices.DeleteFunc(all, func(st event.Stamp) bool {
		again := seen[st.ID]
		seen[st.ID] = true
		return again
	})
	slices.SortFunc(all, compare)
	lackMine, lackTheirs := false, false
	for i, st := range all {
		if i%runs == 0 {
			lackMine, lackTheirs = r.Float64() < pMine, r.Float64() < pTheirs
		}
		if !lackMine {
			mine = append(mine, st)
		}
		if !lackTheirs {
			theirs = append(theirs, st)
		}
	}
	return mine, theirs
}

// TestTwoSetsAlwaysLearnTheirDifference also bounds the rounds: each brings at
// least a frame full of ids, or one step down a tree of sixteen branches.
func TestTwoSetsAlwaysLearnTheirDifference(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		mine, theirs := drawSets(rt)
		frames := rapid.SampledFrom([]int{0, MinFrame, 5000, 20000})
		myFrame, theirFrame := frames.Draw(rt, "my frame"), frames.Draw(rt, "their frame")
		o := reconcile(t, New(mine), New(theirs), myFrame, theirFrame)
		checkOutcome(rt, o, mine, theirs)
		if limit := max(clampFrame(myFrame), clampFrame(theirFrame)); o.largest > limit {
			rt.Fatalf("message of %d bytes over the limit of %d", o.largest, limit)
		}
		differ := len(o.have) + len(o.need)
		if bound := 4 + (len(mine)+len(theirs))*idSize/1000; o.rounds > bound {
			rt.Fatalf("%d rounds for %d differences in %d and %d", o.rounds, differ, len(mine), len(theirs))
		}
	})
}

func TestEqualSetsNeedOneRound(t *testing.T) {
	for _, n := range []int{0, 1, 31, 32, 33, 1000, 20000} {
		s := New(stampsOf(1, n, 3))
		o := reconcile(t, s, s, 0, 0)
		if o.rounds != 1 || len(o.have)+len(o.need) != 0 {
			t.Errorf("n=%d: %d rounds, %d have, %d need", n, o.rounds, len(o.have), len(o.need))
		}
	}
}

// The frame limit must not lose a difference where the part that did not fit is
// exactly what the other side lacks: a fingerprint of only what comes after it
// would then match.
func TestFullFrameDoesNotHideTheRangeThatDidNotFit(t *testing.T) {
	all := stampsOf(7, 6000, 2)
	for _, gap := range [][2]int{{0, 6000}, {0, 3000}, {100, 5900}, {5000, 6000}, {2000, 2200}, {5990, 6000}} {
		fewer := slices.Concat(all[:gap[0]], all[gap[1]:])
		for _, frame := range []int{MinFrame, 4100, 6000} {
			checkOutcome(t, reconcile(t, New(all), New(fewer), frame, 0), all, fewer)
			checkOutcome(t, reconcile(t, New(all), New(fewer), 0, frame), all, fewer)
			checkOutcome(t, reconcile(t, New(fewer), New(all), frame, frame), fewer, all)
		}
	}
}

func TestFingerprintIsTheSumOfTheIDs(t *testing.T) {
	stamps := stampsOf(3, 200, 3)
	for i := 20; i < 60; i++ {
		for j := range stamps[i].ID {
			stamps[i].ID[j] = 0xff // every limb overflows with every carry
		}
		stamps[i].CreatedAt = int64(2000000000 + i)
	}
	slices.SortFunc(stamps, compare)
	s := New(stamps)
	for lo := 0; lo <= len(stamps); lo += 7 {
		for hi := lo; hi <= len(stamps); hi += 5 {
			if got, want := s.fingerprint(lo, hi), slowFingerprint(stamps[lo:hi]); got != want {
				t.Fatalf("[%d,%d): got %x, want %x", lo, hi, got, want)
			}
		}
	}
}

// slowFingerprint follows the words of the specification with big integers.
func slowFingerprint(items []event.Stamp) [16]byte {
	total := new(big.Int)
	for _, st := range items {
		le := slices.Clone(st.ID[:])
		slices.Reverse(le)
		total.Add(total, new(big.Int).SetBytes(le))
	}
	total.Mod(total, new(big.Int).Lsh(big.NewInt(1), 256))
	sum := total.FillBytes(make([]byte, 32))
	slices.Reverse(sum)
	n := len(items)
	count := []byte{byte(n & 0x7f)}
	for n >>= 7; n > 0; n >>= 7 {
		count = append([]byte{byte(n&0x7f) | 0x80}, count...)
	}
	h := sha256.Sum256(append(sum, count...))
	return [16]byte(h[:16])
}

// The case that a known implementation gets wrong: an addend of all ones with
// a carry coming in.
func TestCarryThroughLimbsOfAllOnes(t *testing.T) {
	ones := event.ID(bytes.Repeat([]byte{0xff}, 32))
	minusTwo := ones
	minusTwo[0] = 0xfe
	if got := (sum{}).add(ones).add(ones); got != (sum{}).add(minusTwo) {
		t.Errorf("-1 + -1: got %x, want -2", got)
	}
	if got := (sum{}).add(ones).add(ones).sub((sum{}).add(ones)); got != (sum{}).add(ones) {
		t.Errorf("-2 - -1: got %x, want -1", got)
	}
	if got := (sum{}).sub((sum{}).add(event.ID{1})); got != (sum{}).add(ones) {
		t.Errorf("0 - 1: got %x, want -1", got)
	}
}

// The examples of docs/protocol/negentropy.md.
func TestWireForm(t *testing.T) {
	id := func(b ...byte) (id event.ID) { copy(id[:], b); return id }
	one := []event.Stamp{{CreatedAt: 1700000000, ID: id(0xaa, 0xbb)}}
	tail := strings.Repeat("00", 30)
	cases := []struct {
		name  string
		items []event.Stamp
		query string // "" for the initial message
		want  string
	}{
		{"nothing here", nil, "", "61" + "00" + "00" + "02" + "00"},
		{"one item", one, "", "61" + "00" + "00" + "02" + "01" + "aabb" + tail},
		{"answer to somebody who has nothing", one, "6100000200", "61" + "00" + "00" + "02" + "01" + "aabb" + tail},
		{"answer to skip", one, "61000000", "61"},
		{"answer to nothing", one, "61", "61"},
		{"other version", one, "6200", "61"},
		{"same fingerprint", nil, "610000017f9c9e31ac8256ca2f258583df262dbc", "61"},
		{"skip comes before what differs",
			one, "61" + "86aacfe201" + "00" + "00" + "00" + "00" + "02" + "00",
			"61" + "86aacfe201" + "00" + "00" + "00" + "00" + "02" + "01" + "aabb" + tail},
	}
	for _, c := range cases {
		var got []byte
		if c.query == "" {
			_, got = New(c.items).Initiate(0)
		} else {
			query, err := hex.DecodeString(c.query)
			if err != nil {
				t.Fatal(err)
			}
			if got, err = New(c.items).Respond(query, 0); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		if hex.EncodeToString(got) != c.want {
			t.Errorf("%s: got %x, want %s", c.name, got, c.want)
		}
	}
}

func TestVarint(t *testing.T) {
	for n, want := range map[uint64]string{0: "00", 127: "7f", 128: "8100", 16383: "ff7f", 16384: "818000",
		1<<64 - 1: "81ffffffffffffffff7f"} {
		b := appendVarint(nil, n)
		if got := hex.EncodeToString(b); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
		r := reader{b: b}
		if got, err := r.varint(); err != nil || got != n || len(r.b) != 0 {
			t.Errorf("%s: got %d, %v", want, got, err)
		}
	}
}

func TestBoundsAreAsShortAsTheyMay(t *testing.T) {
	s := New([]event.Stamp{
		{CreatedAt: 5, ID: event.ID{1, 2, 3}}, {CreatedAt: 5, ID: event.ID{1, 2, 4, 9}}, {CreatedAt: 6, ID: event.ID{1}},
	})
	if got, want := s.between(1), (bound{time: 5, id: event.ID{1, 2, 4}, idLen: 3}); got != want {
		t.Errorf("same second: got %+v, want %+v", got, want)
	}
	if got, want := s.between(2), (bound{time: 6}); got != want {
		t.Errorf("next second: got %+v, want %+v", got, want)
	}
}

func TestNewSortsWhatIsNotSorted(t *testing.T) {
	want := stampsOf(1, 500, 3)
	give := slices.Concat(want[200:], want[:300])
	if d := cmp.Diff(New(give).stamps, want); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(New([]event.Stamp{{CreatedAt: -5}, {CreatedAt: 0}}).stamps, []event.Stamp{{}}); d != "" {
		t.Error(d)
	}
}

func TestHostileMessages(t *testing.T) {
	s := New(stampsOf(1, 1000, 3))
	cases := []struct{ name, msg string }{
		{"nothing", ""},
		{"no version byte", "00"},
		{"version of something else", "70"},
		{"bound cut off", "6105"},
		{"number cut off", "6185"},
		{"number with leading zeros", "61" + "8001" + "00" + "00"},
		{"number over 64 bits", "61" + "ffffffffffffffffffff7f" + "00" + "00"},
		{"prefix over 32 bytes", "61" + "01" + "21" + strings.Repeat("00", 33) + "00"},
		{"prefix cut off", "61" + "01" + "20" + "00"},
		{"mode missing", "61" + "00" + "00"},
		{"mode unknown", "61" + "00" + "00" + "03"},
		{"fingerprint cut off", "61" + "00" + "00" + "01" + "00"},
		{"50 million ids in 8 bytes", "61" + "00" + "00" + "02" + "97ebe100"},
		{"2^64-1 ids", "61" + "00" + "00" + "02" + "81ffffffffffffffff7f"},
		{"one id more than sent", "61" + "00" + "00" + "02" + "02" + strings.Repeat("00", 63)},
		{"ranges out of order", "61" + "05" + "01" + "09" + "00" + "01" + "01" + "08" + "00"},
		{"over the longest message", "61" + strings.Repeat("00", MaxMessage)},
	}
	for _, c := range cases {
		msg, err := hex.DecodeString(c.msg)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Respond(msg, 0); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: responder gives %x, %v", c.name, got, err)
		}
		x, _ := s.Initiate(0)
		if _, _, _, _, err := x.Next(msg); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: initiator gives %v", c.name, err)
		}
		if _, _, _, _, err := x.Next(msg); !errors.Is(err, ErrDone) {
			t.Errorf("%s: after an error the initiator gives %v", c.name, err)
		}
	}
}

func TestHostileCountTakesNoMemory(t *testing.T) {
	s := New(nil)
	msg := []byte{version, 0, 0, modeIDs, 0x97, 0xeb, 0xe1, 0x00} // 50,000,000 ids
	per := testing.AllocsPerRun(10, func() {
		if _, err := s.Respond(msg, 0); err == nil {
			t.Error("accepted")
		}
	})
	if per > 20 { // the exchange and the error's text
		t.Errorf("%v allocations", per)
	}
	got := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = s.Respond(msg, 0)
		}
	})
	if got.AllocedBytesPerOp() > 4096 {
		t.Errorf("%d bytes", got.AllocedBytesPerOp())
	}
}

func TestInitiatorSaysWhichVersionItWasOffered(t *testing.T) {
	x, _ := New(nil).Initiate(0)
	if _, _, _, _, err := x.Next([]byte{0x62}); !errors.Is(err, ErrVersion) {
		t.Errorf("got %v, want ErrVersion", err)
	}
}

// A responder that always answers "something differs" keeps nobody forever.
func TestEndlessResponderIsLeft(t *testing.T) {
	x, _ := New(stampsOf(1, 100, 1)).Initiate(0)
	lie := append([]byte{version, 0, 0, modeFingerprint}, make([]byte, fingerprintSize)...)
	for round := 1; ; round++ {
		_, _, _, _, err := x.Next(lie)
		if errors.Is(err, ErrRounds) && round == MaxRounds+1 {
			return
		}
		if err != nil || round > MaxRounds {
			t.Fatalf("round %d: %v", round, err)
		}
	}
}

// FuzzMessage feeds one message to both sides: no panic, no answer over the frame.
func FuzzMessage(f *testing.F) {
	s, other := New(stampsOf(1, 700, 5)), New(stampsOf(2, 100, 5))
	_, first := s.Initiate(0)
	answer, _ := other.Respond(first, MinFrame)
	for _, seed := range [][]byte{first, answer, {version}, {version, 0, 0, modeIDs, 0x97, 0xeb, 0xe1, 0x00}, {version, 5, 1, 9, 0, 1, 1, 8, 0}} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		if reply, err := s.Respond(msg, MinFrame); err == nil {
			if len(reply) > MinFrame {
				t.Fatalf("answer of %d bytes", len(reply))
			}
			checkTruthful(t, s, reply)
			if _, err := other.Respond(reply, MinFrame); err != nil {
				t.Fatalf("our own answer is refused: %v", err)
			}
		}
		x, _ := s.Initiate(MinFrame)
		reply, have, _, done, err := x.Next(msg)
		if len(reply) > MinFrame || len(have) > s.Len() || (err != nil && !done) {
			t.Fatalf("reply of %d bytes, %d have, done %v, %v", len(reply), len(have), done, err)
		}
	})
}
