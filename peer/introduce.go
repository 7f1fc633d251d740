package peer

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"

	corepeer "github.com/libp2p/go-libp2p/core/peer"

	"mural/event"
)

// open says whether this node shows itself to the peer: its person, what they
// want, and what is here. It does to peers that it dials on purpose, that are
// near while Nearby is on, that were invited, and that are somebody's it knows.
func (s *session) open() bool {
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	return s.c.openLocked()
}

func (c *contact) openLocked() bool {
	return c.known || !c.found.IsZero() || c.invited || c.friend
}

// hello makes a hello: an empty one for a stranger.
func (s *session) hello(ctx context.Context) []byte {
	s.h.mu.Lock()
	open, token := s.c.openLocked(), s.c.token
	s.h.mu.Unlock()
	s.mu.Lock()
	s.shown = open
	s.mu.Unlock()
	if !open {
		return encodeHello(s.h.cfg.UserAgent, "", nil)
	}
	invited := ""
	if token != nil {
		invited = inviteProof(token, s.h.net.ID(), s.id)
	}
	return encodeHello(s.h.cfg.UserAgent, invited, s.h.interests.Hello(ctx))
}

// reveal introduces this node to a peer that was a stranger when the last
// hello was sent, if it is none any more. It says whether that was so.
func (s *session) reveal(ctx context.Context) bool {
	s.mu.Lock()
	shown := s.shown
	s.mu.Unlock()
	if shown || !s.open() {
		return false
	}
	s.out.setHello(s.hello(ctx))
	s.out.setLagging() // what it reconciled as a stranger was nothing
	return true
}

// noticed draws the conclusions when something about the peer has changed.
func (s *session) noticed(ctx context.Context) {
	s.reveal(ctx)
	s.say(ctx)
}

// knows says whether a proven person is an acquaintance of this node's.
func (h *Host) knows(ctx context.Context, person event.PubKey) bool {
	a, ok := h.interests.(Acquaintances)
	return !ok || !person.IsZero() && a.Knows(ctx, person)
}

// know asks again: the person may have become an acquaintance, or be one no more.
func (s *session) know(ctx context.Context) {
	person := s.peer().Person
	friend := s.h.knows(ctx, person)
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	if s.c.person == person {
		s.c.friend = friend
	}
}

// inviteProof shows to the peer whose invitation it was that this side has it.
// It is of no use to anybody else: it names both.
func inviteProof(token []byte, from, to corepeer.ID) string {
	mac := hmac.New(sha256.New, token)
	mac.Write([]byte("mural invitation 1\n" + from.String() + "\n" + to.String() + "\n"))
	return hex.EncodeToString(mac.Sum(nil))
}

// invited says whether the peer has shown that it knows this node's invitation.
func (h *Host) invited(id corepeer.ID, proof string) bool {
	return hmac.Equal([]byte(inviteProof(h.cfg.InviteToken, id, h.net.ID())), []byte(proof))
}
