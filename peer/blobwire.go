package peer

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	corepeer "github.com/libp2p/go-libp2p/core/peer"

	"mural/blob"
)

// Blobs is where blobs are kept.
type Blobs interface {
	// Stat fails with fs.ErrNotExist where the blob is not here whole.
	Stat(blob.Hash) (blob.Info, error)
	ChunkList(context.Context, blob.Hash) (blob.List, error)
	ReadChunk(context.Context, blob.Hash, int) ([]byte, error)
	Partial(ctx context.Context, file blob.Hash, size int64, list blob.List) (*blob.Partial, error)
}

// What a have frame says of a blob.
const (
	haveNone byte = 0
	haveSome byte = 1
	haveAll  byte = 2

	haveHeader = 1 + 8 + 32 // bytes of a have frame before the bit field
)

// holding is what a peer says it has of a blob: a claim.
type holding struct {
	state byte
	size  int64
	list  blob.Hash // name of the chunk list
	bits  []byte    // with haveSome: chunk i is bit 7-i%8 of byte i/8
}

func (o holding) has(i int) bool {
	switch o.state {
	case haveAll:
		return true
	case haveSome:
		return i/8 < len(o.bits) && o.bits[i/8]>>(7-i%8)&1 == 1
	}
	return false
}

func (o holding) encode() []byte {
	b := append([]byte{o.state}, binary.BigEndian.AppendUint64(nil, uint64(o.size))...)
	return append(append(b, o.list[:]...), o.bits...)
}

func parseHolding(b []byte) (o holding, err error) {
	if len(b) < haveHeader || b[0] > haveAll || b[0] != haveSome && len(b) > haveHeader {
		return o, faultf("sent a broken answer about a blob")
	}
	o.state, o.size = b[0], int64(binary.BigEndian.Uint64(b[1:]))
	copy(o.list[:], b[9:])
	o.bits = b[haveHeader:]
	if o.size < 0 {
		return o, faultf("claims a blob of negative size")
	}
	return o, nil
}

// serveBlobs answers a peer's questions about blobs, one after the other.
func (h *Host) serveBlobs(ctx context.Context, st network.Stream) error {
	s, free := h.blobSessionFor(ctx, st.Conn().RemotePeer())
	if s == nil {
		return errors.New("peer: a blob stream without a session, or too many at once")
	}
	defer free()
	g := blobGiver{h: h, s: s, w: newWire(st, s.c.meter)}
	for {
		t, body, err := g.w.read(blobIdle)
		if err != nil {
			return err
		}
		if err := g.answer(ctx, t, body); err != nil {
			return err
		}
	}
}

// blobGiver is the answering side of one blob stream.
type blobGiver struct {
	h *Host
	s *session
	w *wire

	file, list blob.Hash // a file here that is known to have that list
}

func (h *Host) blobSessionFor(ctx context.Context, id corepeer.ID) (s *session, free func()) {
	if s = h.standing(ctx, id); s == nil {
		return nil, nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	c := s.c
	if c.blobStreams >= maxBlobStreams {
		return nil, nil
	}
	c.blobStreams++
	return s, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		c.blobStreams--
	}
}

func (g *blobGiver) answer(ctx context.Context, t frameType, body []byte) error {
	lengths := map[frameType]int{frameAsk: 32, frameList: 64, frameChunk: 68}
	if n, ok := lengths[t]; !ok || len(body) != n {
		return faultf("sent a frame of type %d with %d bytes about a blob", t, len(body))
	}
	file := blob.Hash(body[:32])
	if !g.s.open() || !g.h.interests.BlobAllowed(ctx, g.s.peer(), file) {
		if t == frameAsk {
			return g.w.send(frameHave, holding{}.encode())
		}
		return g.w.send(frameRefuse, []byte("not here")) // as for what is not here, so that nothing is told
	}
	switch t {
	case frameAsk:
		return g.w.send(frameHave, g.h.holding(ctx, file).encode())
	case frameList:
		list, err := g.h.listOf(ctx, file, blob.Hash(body[32:64]))
		return sendOr(g.w, list.Bytes(), err)
	}
	return g.giveChunk(ctx, file, blob.Hash(body[32:64]), int(binary.BigEndian.Uint32(body[64:])))
}

// sendOr sends data, or a refusal where there is none to give.
func sendOr(w *wire, data []byte, err error) error {
	if err != nil {
		return w.send(frameRefuse, []byte("not here"))
	}
	return w.send(frameData, data)
}

// giveChunk holds a chunk in memory only while one of the places for it is taken.
func (g *blobGiver) giveChunk(ctx context.Context, file, list blob.Hash, i int) error {
	select {
	case g.h.reads <- struct{}{}:
		defer func() { <-g.h.reads }()
	case <-ctx.Done():
		return ctx.Err()
	}
	data, err := g.chunk(ctx, file, list, i)
	return sendOr(g.w, data, err)
}

// holding says what is here of a blob: all, or what a running fetch has so far.
func (h *Host) holding(ctx context.Context, file blob.Hash) holding {
	if info, err := h.blobs.Stat(file); err == nil {
		list, err := h.blobs.ChunkList(ctx, file)
		if err != nil {
			h.log.Warn("chunk list not made", "blob", file.String(), "err", err)
			return holding{}
		}
		return holding{state: haveAll, size: info.Size, list: list.Hash()}
	}
	if p := h.partialOf(file, blob.Hash{}); p != nil {
		return partialHolding(p)
	}
	return holding{}
}

func partialHolding(p *blob.Partial) holding {
	list := p.List()
	o := holding{state: haveSome, size: p.Size(), list: list.Hash(), bits: make([]byte, (list.Len()+7)/8)}
	for i := range list.Len() {
		o.bits[i/8] |= 1 << (7 - i%8)
	}
	for _, i := range p.Missing() {
		o.bits[i/8] &^= 1 << (7 - i%8)
	}
	return o
}

// listOf gives the chunk list of a blob that is here, or of one being fetched.
// A zero name means whichever there is.
func (h *Host) listOf(ctx context.Context, file, name blob.Hash) (blob.List, error) {
	if p := h.partialOf(file, name); p != nil {
		return p.List(), nil
	}
	list, err := h.blobs.ChunkList(ctx, file)
	if err == nil && !name.IsZero() && list.Hash() != name {
		err = fs.ErrNotExist
	}
	return list, err
}

// chunk gives a chunk of a whole blob (list is zero or its list) or of one
// being fetched under that list.
func (g *blobGiver) chunk(ctx context.Context, file, list blob.Hash, i int) ([]byte, error) {
	if list.IsZero() || g.file == file && g.list == list {
		return g.h.blobs.ReadChunk(ctx, file, i)
	}
	if p := g.h.partialOf(file, list); p != nil {
		return p.ReadChunk(i)
	}
	if _, err := g.h.listOf(ctx, file, list); err != nil {
		return nil, err
	}
	g.file, g.list = file, list
	return g.h.blobs.ReadChunk(ctx, file, i)
}

// blobStream is the asking side of one blob stream.
type blobStream struct {
	wire  *wire
	close func(ok bool)
}

func (h *Host) openBlobStream(ctx context.Context, id corepeer.ID) (*blobStream, error) {
	h.mu.Lock()
	c := h.contacts[id]
	connected := c != nil && c.session != nil
	h.mu.Unlock()
	if !connected {
		return nil, fmt.Errorf("peer: asking %s: %w", id, ErrNotConnected)
	}
	open, cancel := context.WithTimeout(network.WithNoDial(ctx, "blob"), dialTimeout)
	defer cancel()
	st, err := h.net.NewStream(open, id, blobProtocol)
	if err != nil {
		return nil, fmt.Errorf("peer: opening a blob stream: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = st.Reset() })
	return &blobStream{wire: newWire(st, c.meter), close: func(ok bool) {
		stop()
		if ok {
			_ = st.Close()
			return
		}
		_ = st.Reset()
	}}, nil
}

// errRefused says that the peer does not give what was asked.
var errRefused = errors.New("refused")

// reply reads the answer to the oldest open question.
func (b *blobStream) reply(t frameType, wait time.Duration) ([]byte, error) {
	got, body, err := b.wire.read(wait)
	switch {
	case err != nil:
		return nil, err
	case got == frameRefuse:
		return nil, fmt.Errorf("%w: %q", errRefused, body)
	case got != t:
		return nil, faultf("answered with a frame of type %d instead of %d", got, t)
	}
	return body, nil
}

func (b *blobStream) ask(file blob.Hash) (holding, error) {
	if err := b.wire.send(frameAsk, file[:]); err != nil {
		return holding{}, err
	}
	body, err := b.reply(frameHave, askTimeout)
	if err != nil {
		return holding{}, err
	}
	return parseHolding(body)
}

func (b *blobStream) list(file, name blob.Hash) (blob.List, error) {
	if err := b.wire.send(frameList, file[:], name[:]); err != nil {
		return blob.List{}, err
	}
	body, err := b.reply(frameData, chunkTimeout)
	if err != nil {
		return blob.List{}, err
	}
	list, err := blob.ParseList(body)
	if err != nil || list.Hash() != name {
		return blob.List{}, faultf("sent a chunk list that does not match its name %s", name)
	}
	return list, nil
}

func (b *blobStream) request(file, list blob.Hash, i int) error {
	return b.wire.put(frameChunk, file[:], list[:], binary.BigEndian.AppendUint32(nil, uint32(i)))
}
