package peer

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mural/blob"
	"mural/event"
)

// film stores random bytes at a person and names them.
func (p *person) film(size int) (Want, []byte) {
	p.t.Helper()
	data := make([]byte, size)
	_, _ = rand.Read(data)
	p.keeps(data)
	list, err := p.blobs.ChunkList(context.Background(), blob.Sum(data))
	must(p.t, err)
	return Want{Hash: blob.Sum(data), Size: int64(size), Chunks: list.Hash()}, data
}

func (p *person) keeps(data []byte) {
	p.t.Helper()
	_, err := p.blobs.Put(context.Background(), bytes.NewReader(data), blob.PutOptions{})
	must(p.t, err)
}

func (p *person) fetches(w Want) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return p.host.Fetch(ctx, w, nil)
}

func (p *person) holds(w Want) bool {
	_, err := p.blobs.Stat(w.Hash)
	return err == nil
}

func TestFetchSpreadsChunksOverPeers(t *testing.T) {
	ana, ben, cem := newPerson(t, "ana"), newPerson(t, "ben"), newPerson(t, "cem")
	w, data := ana.film(12<<20 + 12345)
	ben.keeps(data)
	cem.meets(ana)
	cem.meets(ben)
	var last, total atomic.Int64
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	must(t, cem.host.Fetch(ctx, w, func(have, of int64) { last.Store(have); total.Store(of) }))
	if !cem.holds(w) || last.Load() != w.Size || total.Load() != w.Size {
		t.Fatalf("fetched %d of %d, whole: %v", last.Load(), total.Load(), cem.holds(w))
	}
	for _, from := range []*person{ana, ben} {
		if p, _ := cem.peer(from); p.BytesIn < blob.ChunkSize {
			t.Errorf("%s gave %d bytes, not even a chunk", from.name, p.BytesIn)
		}
	}
}

func TestFetchKnowingOnlyTheHash(t *testing.T) {
	for _, size := range []int{0, 1, blob.ChunkSize, blob.ChunkSize + 1, 3 << 20} {
		ana, ben := newPerson(t, "ana"), newPerson(t, "ben")
		w, _ := ana.film(size)
		ben.meets(ana)
		if err := ben.fetches(Want{Hash: w.Hash}); err != nil || !ben.holds(w) {
			t.Errorf("%d bytes: %v, here: %v", size, err, ben.holds(w))
		}
	}
}

func TestFetchFromNobody(t *testing.T) {
	ana, ben := newPerson(t, "ana"), newPerson(t, "ben")
	w, _ := ana.film(1000)
	wantError(t, ben.fetches(w), ErrNobodyHas)
	ana.hidden[w.Hash] = true
	ben.meets(ana)
	wantError(t, ben.fetches(w), ErrNobodyHas)
}

// liar serves blobs with some chunks, or the list, replaced.
type liar struct {
	*blob.Store
	chunk func(i int, data []byte) []byte
	list  func(blob.List) blob.List
}

func (l liar) ReadChunk(ctx context.Context, h blob.Hash, i int) ([]byte, error) {
	data, err := l.Store.ReadChunk(ctx, h, i)
	if l.chunk != nil && err == nil {
		data = l.chunk(i, data)
	}
	return data, err
}

func (l liar) ChunkList(ctx context.Context, h blob.Hash) (blob.List, error) {
	list, err := l.Store.ChunkList(ctx, h)
	if l.list != nil && err == nil {
		list = l.list(list)
	}
	return list, err
}

func flip(_ int, data []byte) []byte {
	out := bytes.Clone(data)
	out[len(out)/2] ^= 1
	return out
}

func TestForgedChunkNamesAndDropsThePeer(t *testing.T) {
	ana, ben, cem := newPerson(t, "ana"), newPerson(t, "ben"), newPerson(t, "cem")
	w, data := ana.film(8 << 20)
	ben.keeps(data)
	ben.host.blobs = liar{Store: ben.blobs, chunk: flip}
	cem.meets(ana)
	cem.meets(ben)
	if err := cem.fetches(w); err != nil || !cem.holds(w) {
		t.Fatalf("the honest peer was not enough: %v", err)
	}
	eventually(t, "the forger is dropped", func() bool { p, _ := cem.peer(ben); return !p.Connected && strings.Contains(p.Fault, "forged chunk") })
	if p, _ := cem.peer(ana); p.Fault != "" {
		t.Errorf("ana is blamed: %s", p.Fault)
	}
}

func TestFalseListNamesAndDropsThePeer(t *testing.T) {
	ana, ben, cem := newPerson(t, "ana"), newPerson(t, "ben"), newPerson(t, "cem")
	w, _ := ana.film(2 << 20)
	// ben answers with another film of that length under the same hash, list and chunks in agreement.
	other, _ := ben.film(2 << 20)
	otherList, err := ben.blobs.ChunkList(context.Background(), other.Hash)
	must(t, err)
	ben.host.blobs = swindler{Store: ben.blobs, of: w.Hash, is: other.Hash, list: otherList}
	cem.meets(ben)
	asked := Want{Hash: w.Hash, Size: w.Size}
	wantError(t, cem.fetches(asked), ErrNobodyHas)
	eventually(t, "the liar is dropped", func() bool { p, _ := cem.peer(ben); return strings.Contains(p.Fault, "false chunk list") })
	cem.meets(ana)
	if err := cem.fetches(asked); err != nil || !cem.holds(w) {
		t.Fatalf("after the liar: %v", err)
	}
}

type swindler struct {
	*blob.Store
	of, is blob.Hash
	list   blob.List
}

func (s swindler) Stat(h blob.Hash) (blob.Info, error) {
	if h == s.of {
		h = s.is
	}
	return s.Store.Stat(h)
}

func (s swindler) ChunkList(ctx context.Context, h blob.Hash) (blob.List, error) {
	if h == s.of {
		return s.list, nil
	}
	return s.Store.ChunkList(ctx, h)
}

func (s swindler) ReadChunk(ctx context.Context, h blob.Hash, i int) ([]byte, error) {
	if h == s.of {
		h = s.is
	}
	return s.Store.ReadChunk(ctx, h, i)
}

func TestListThatTheEventNamesFalsely(t *testing.T) {
	ana, ben := newPerson(t, "ana"), newPerson(t, "ben")
	w, _ := ana.film(2 << 20)
	other, _ := ana.film(2 << 20)
	list, err := ana.blobs.ChunkList(context.Background(), other.Hash)
	must(t, err)
	ana.host.blobs = swindler{Store: ana.blobs, of: w.Hash, is: other.Hash, list: list}
	ben.meets(ana)
	w.Chunks = list.Hash()
	wantError(t, ben.fetches(w), blob.ErrFalseList)
	if ben.holds(w) {
		t.Fatal("something stands under a hash that it does not have")
	}
	if p, _ := ben.peer(ana); p.Fault != "" {
		t.Errorf("the peer is blamed for what the event's signer did: %s", p.Fault)
	}
}

func TestFetchResumes(t *testing.T) {
	ana, ben := newPerson(t, "ana"), newPerson(t, "ben")
	w, _ := ana.film(6 << 20)
	ben.meets(ana)
	ctx, cancel := context.WithCancel(context.Background())
	err := ben.host.Fetch(ctx, w, func(have, total int64) {
		if have >= total/2 {
			cancel()
		}
	})
	wantError(t, err, context.Canceled)
	eventually(t, "the broken-off fetch has ended", func() bool {
		ben.host.mu.Lock()
		defer ben.host.mu.Unlock()
		return len(ben.host.fetches) == 0
	})
	if ben.holds(w) {
		t.Skip("it was quicker than the cancellation")
	}
	var first atomic.Int64
	must(t, ben.host.Fetch(context.Background(), w, func(have, _ int64) { first.CompareAndSwap(0, have) }))
	if first.Load() <= w.Size/2 {
		t.Errorf("the second fetch began with %d of %d bytes", first.Load(), w.Size)
	}
}

func TestFetchGoesOnWhenASourceDies(t *testing.T) {
	ana, ben, cem := newPerson(t, "ana"), newPerson(t, "ben"), newPerson(t, "cem")
	w, data := ana.film(8 << 20)
	ben.keeps(data)
	cem.meets(ana)
	cem.meets(ben)
	var once atomic.Bool
	died := make(chan error, 1)
	must(t, cem.host.Fetch(context.Background(), w, func(have, _ int64) {
		if have > 1<<20 && once.CompareAndSwap(false, true) {
			go func() { died <- ben.host.Close() }()
		}
	}))
	must(t, <-died)
	if !cem.holds(w) {
		t.Fatal("not here")
	}
}

func TestHalfFetchedBlobIsPassedOn(t *testing.T) {
	ana, ben, cem := newPerson(t, "ana"), newPerson(t, "ben"), newPerson(t, "cem")
	w, _ := ana.film(4 << 20)
	gate := make(chan struct{})
	ana.host.blobs = liar{Store: ana.blobs, chunk: func(i int, data []byte) []byte {
		if i == 15 {
			<-gate // ana is slow with the last chunk
		}
		return data
	}}
	ben.meets(ana)
	cem.meets(ben) // cem never meets ana
	done := make(chan error, 1)
	go func() { done <- ben.fetches(w) }()
	half := func() holding { o, _ := cem.host.askHolding(context.Background(), ben.host.net.ID(), w.Hash); return o }
	eventually(t, "ben offers the first half", func() bool { o := half(); return o.state == haveSome && o.has(7) && !o.has(15) })
	go func() { done <- cem.fetches(w) }()
	eventually(t, "cem has chunks from ben", func() bool { p, _ := cem.peer(ben); return p.BytesIn > 8*blob.ChunkSize })
	close(gate)
	must(t, <-done)
	must(t, <-done)
	if !cem.holds(w) {
		t.Fatal("not here")
	}
}

func TestChallenge(t *testing.T) {
	ana, ben := newPerson(t, "ana"), newPerson(t, "ben")
	w, data := ana.film(1 << 20)
	ana.meets(ben)
	ctx, id := context.Background(), ben.host.ID()
	wantError(t, ana.host.Challenge(ctx, id, w.Hash, w.Size), ErrChallenge)
	ben.keeps(data)
	must(t, ana.host.Challenge(ctx, id, w.Hash, w.Size))
	if err := ana.host.Challenge(ctx, id, blob.Sum([]byte("elsewhere")), 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("challenging without a copy: %v", err)
	}
	ben.host.blobs = liar{Store: ben.blobs, chunk: flip}
	wantError(t, ana.host.Challenge(ctx, id, w.Hash, w.Size), ErrChallenge)
	eventually(t, "the forger is dropped", func() bool { p, _ := ana.peer(ben); return strings.Contains(p.Fault, "challenge") })
}

// Somebody asks for a blob while the last one who wanted it gives up.
func TestFetchAfterOthersGaveUp(t *testing.T) {
	ana, ben := newPerson(t, "ana"), newPerson(t, "ben")
	ben.meets(ana)
	for range 20 {
		w, _ := ana.film(1 << 20)
		f, leave, err := ben.host.joinFetch(w, nil)
		must(t, err)
		leave()
		must(t, ben.host.Fetch(t.Context(), w, nil))
		<-f.done
	}
}

func TestServingBlobsIsBounded(t *testing.T) {
	ana := newPerson(t, "ana")
	r := newRogue(t, ana)
	r.introducesItself()
	eventually(t, "the rogue is met", func() bool { p, _ := ana.host.peer(r.host.ID()); return p.Connected })
	open := 0
	for range maxBlobStreams + 3 {
		_, w := r.stream(ana, blobProtocol)
		if w.send(frameAsk, make([]byte, 32)) != nil {
			continue
		}
		if t, _, err := w.read(5 * time.Second); err == nil && t == frameHave {
			open++
		}
	}
	if open != maxBlobStreams {
		t.Errorf("%d blob streams are served at once, want %d", open, maxBlobStreams)
	}
}

func TestChallengeForAnEvent(t *testing.T) {
	ana, ben := newPerson(t, "ana"), newPerson(t, "ben")
	e := ana.posts("kept by others")
	ana.meets(ben)
	ctx, id := context.Background(), ben.host.ID()
	wantError(t, ana.host.ChallengeEvent(ctx, id, e), ErrChallenge)
	if p, _ := ana.peer(ben); p.Fault != "" {
		t.Errorf("ben is blamed for not having it: %s", p.Fault)
	}
	ben.publish(e)
	must(t, ana.host.ChallengeEvent(ctx, id, e))
}

func TestAskBringsEventsById(t *testing.T) {
	ana, ben := newPerson(t, "ana"), newPerson(t, "ben")
	e := ana.posts("asked for by name")
	ben.meets(ana)
	must(t, ben.host.Ask(context.Background(), ana.host.ID(), []event.ID{e.ID, {1}}))
	if !ben.events.has(e.ID) {
		t.Fatal("it did not come")
	}
}
