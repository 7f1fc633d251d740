package peer

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/big"

	corepeer "github.com/libp2p/go-libp2p/core/peer"

	"mural/blob"
	"mural/event"
)

// ErrChallenge says that a peer could not show the chunk it was asked for.
var ErrChallenge = errors.New("the peer did not show the chunk")

// Challenge asks a peer for one random chunk of a blob and compares it with
// the copy here. nil means that the peer had access to that chunk just now;
// it does not prove where it is stored. size is that of the copy here; 0 = whatever it is.
// Errors wrap ErrChallenge where the peer failed, and are others where this side did.
func (h *Host) Challenge(ctx context.Context, peerID string, file blob.Hash, size int64) error {
	id, err := corepeer.Decode(peerID)
	if err != nil {
		return fmt.Errorf("peer: challenging %q: %w", peerID, ErrAddress)
	}
	i, want, err := h.randomChunk(ctx, file, size)
	if err != nil {
		return fmt.Errorf("peer: challenging %s: %w", peerID, err)
	}
	ctx, cancel := context.WithTimeout(ctx, challengeTimeout)
	defer cancel()
	got, err := h.askChunk(ctx, id, file, i)
	if err != nil {
		return fmt.Errorf("peer: challenging %s: %w: %w", peerID, ErrChallenge, err)
	}
	if !bytes.Equal(got, want) {
		h.punish(id, &Fault{fmt.Sprintf("answered a challenge with a forged chunk %d of blob %s", i, file)})
		return fmt.Errorf("peer: challenging %s: %w: other bytes came", peerID, ErrChallenge)
	}
	return nil
}

// ChallengeEvent asks a peer for an event that is here and compares it: the
// same of a post without blobs. Errors are as for Challenge.
func (h *Host) ChallengeEvent(ctx context.Context, peerID string, e *event.Event) error {
	id, err := corepeer.Decode(peerID)
	if err != nil {
		return fmt.Errorf("peer: challenging %q: %w", peerID, ErrAddress)
	}
	s := h.standing(ctx, id)
	if s == nil {
		return fmt.Errorf("peer: challenging %s: %w", peerID, ErrNotConnected)
	}
	ctx, cancel := context.WithTimeout(ctx, challengeTimeout)
	defer cancel()
	err = s.withSync(ctx, func(p *puller) error { return p.show(e) })
	var f *Fault
	if errors.As(err, &f) {
		h.punish(id, f)
	}
	if err != nil {
		return fmt.Errorf("peer: challenging %s: %w: %w", peerID, ErrChallenge, err)
	}
	return nil
}

// show asks for one event and wants to see just that.
func (p *puller) show(e *event.Event) error {
	if err := p.wire.send(frameNeed, e.ID[:]); err != nil {
		return err
	}
	t, body, err := p.wire.read(challengeTimeout)
	if err != nil {
		return err
	}
	if t != frameEvents {
		return errors.New("it does not give the event")
	}
	es, err := parseEvents(body)
	if err != nil {
		return err
	}
	if len(es) != 1 || !bytes.Equal(es[0].AppendCanonical(nil), e.AppendCanonical(nil)) || es[0].Verify() != nil {
		return faultf("answered a challenge with something else than event %s", e.ID)
	}
	_, err = p.answer(frameEnd)
	return err
}

// randomChunk picks a chunk that nobody can foresee.
func (h *Host) randomChunk(ctx context.Context, file blob.Hash, size int64) (int, []byte, error) {
	info, err := h.blobs.Stat(file)
	if err != nil {
		return 0, nil, err
	}
	if size != 0 && size != info.Size {
		return 0, nil, fmt.Errorf("the copy here has %d bytes, not %d", info.Size, size)
	}
	chunks := (info.Size + blob.ChunkSize - 1) / blob.ChunkSize
	if chunks == 0 {
		return 0, nil, fmt.Errorf("blob %s is empty: there is nothing to ask for", file)
	}
	n, err := rand.Int(rand.Reader, big.NewInt(chunks))
	if err != nil {
		return 0, nil, err
	}
	i := int(n.Int64())
	data, err := h.blobs.ReadChunk(ctx, file, i)
	return i, data, err
}

func (h *Host) askChunk(ctx context.Context, id corepeer.ID, file blob.Hash, i int) (data []byte, err error) {
	b, err := h.openBlobStream(ctx, id)
	if err != nil {
		return nil, err
	}
	defer func() { b.close(err == nil) }()
	if err := b.request(file, blob.Hash{}, i); err != nil {
		return nil, err
	}
	if err := b.wire.flush(); err != nil {
		return nil, err
	}
	data, err = b.reply(frameData, challengeTimeout)
	if errors.Is(err, io.EOF) {
		err = errors.New("it hung up")
	}
	return data, err
}
