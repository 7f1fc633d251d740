package peer

import (
	"context"
	"slices"
	"sync"

	corepeer "github.com/libp2p/go-libp2p/core/peer"

	"mural/blob"
)

// source is a peer that says it has the blob, or some of it.
type source struct {
	id    corepeer.ID
	holds holding
}

// scan asks the connected peers what they have, the preferred ones before the
// others. With a claim only those that agree with it count.
func (f *fetch) scan(ctx context.Context, claim *holding) []*source {
	first, rest := f.candidates()
	out := f.ask(ctx, first, claim)
	if len(out) == 0 || len(first) == 0 || claim != nil {
		out = append(out, f.ask(ctx, rest, claim)...)
	} else {
		out = append(out, f.ask(ctx, rest[:min(len(rest), maxFetchPeers-len(out))], claim)...)
	}
	return out[:min(len(out), maxFetchPeers)]
}

func (f *fetch) candidates() (first, rest []corepeer.ID) {
	f.h.mu.Lock()
	defer f.h.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, c := range f.h.contacts {
		if c.session == nil || !c.openLocked() || f.strikes[id] >= maxBlobRefusals {
			continue
		}
		if slices.Contains(f.want.From, id.String()) {
			first = append(first, id)
		} else {
			rest = append(rest, id)
		}
	}
	return first, rest
}

// ask asks many peers at once.
func (f *fetch) ask(ctx context.Context, ids []corepeer.ID, claim *holding) []*source {
	answers := make([]*source, len(ids))
	var wg sync.WaitGroup
	for i, id := range ids {
		wg.Go(func() {
			o, err := f.h.askHolding(ctx, id, f.want.Hash)
			if err != nil {
				f.failed(id, err)
			} else if f.usable(o, claim) {
				answers[i] = &source{id, o}
			}
		})
	}
	wg.Wait()
	return slices.DeleteFunc(answers, func(s *source) bool { return s == nil })
}

func (h *Host) askHolding(ctx context.Context, id corepeer.ID, file blob.Hash) (o holding, err error) {
	b, err := h.openBlobStream(ctx, id)
	if err != nil {
		return o, err
	}
	defer func() { b.close(err == nil) }()
	return b.ask(file)
}

// usable says whether what a peer claims fits what is wanted.
func (f *fetch) usable(o holding, claim *holding) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case o.state == haveNone, f.disbelieved[o.list], f.want.Size != 0 && o.size != f.want.Size:
		return false
	case claim != nil:
		return o.list == claim.list && o.size == claim.size
	}
	return f.want.Chunks.IsZero() || o.list == f.want.Chunks || o.size <= blob.ChunkSize
}

// choose picks the claim that most peers agree on.
func (f *fetch) choose(sources []*source) (best holding, ok bool) {
	type claim struct {
		list blob.Hash
		size int64
	}
	votes := map[claim]int{}
	most := 0
	for _, s := range sources {
		c := claim{s.holds.list, s.holds.size}
		if votes[c]++; votes[c] > most {
			most, best = votes[c], holding{size: c.size, list: c.list}
		}
	}
	return best, most > 0
}
