package peer

import (
	"bytes"
	"context"
	"testing"

	corepeer "github.com/libp2p/go-libp2p/core/peer"

	"mural/blob"
	"mural/event"
)

// isAStrangerTo checks that p, who is connected with o, learns nothing of o.
func (p *person) isAStrangerTo(o *person, note *event.Event, film blob.Hash) {
	p.t.Helper()
	if q, _ := p.peer(o); !q.Connected || !q.Person.IsZero() || q.Profile != nil {
		p.t.Errorf("%s learns who %s is: %+v", p.name, o.name, q)
	}
	// Refused while the wants are on their way, or another reconciliation runs.
	eventually(p.t, "asked", func() bool { return p.host.Ask(context.Background(), o.host.ID(), []event.ID{note.ID}) == nil })
	eventually(p.t, "reconciled", func() bool { return p.session(o).pull(context.Background()) == nil })
	if p.events.has(note.ID) {
		p.t.Errorf("%s is given %s's note", p.name, o.name)
	}
	if h, err := p.host.askHolding(context.Background(), o.host.net.ID(), film); err != nil || h.state != haveNone {
		p.t.Errorf("%s learns what %s has: %+v, %v", p.name, o.name, h, err)
	}
	s := p.session(o)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.theirs) > 0 {
		p.t.Errorf("%s learns whom %s follows: %v", p.name, o.name, s.theirs)
	}
}

// private makes somebody who knows nobody, follows somebody, and has a note and a film.
func private(t *testing.T, change ...func(*Config)) (ana *person, note *event.Event, film blob.Hash) {
	ana = newPerson(t, "ana", change...)
	ana.knowsNobody()
	ana.follows(newPerson(t, "cem"))
	w, _ := ana.film(1 << 20)
	return ana, ana.posts("for those I know"), w.Hash
}

func TestStrangersLearnNothing(t *testing.T) {
	ana, note, film := private(t)
	ben := newPerson(t, "ben")
	ben.follows(ana)
	ben.meets(ana)
	eventually(t, "ana knows ben, who introduces himself", func() bool { q, _ := ana.peer(ben); return q.Person == ben.key.PubKey() })
	eventually(t, "ana has said what she wants", func() bool {
		s := ben.session(ana)
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.theirGen > 0
	})
	ben.isAStrangerTo(ana, note, film)
	ana.host.Resync()
	live := ana.posts("later")
	ben.isAStrangerTo(ana, live, film)
}

func TestTheFirstFrameToAStrangerIsEmpty(t *testing.T) {
	ana, _, _ := private(t)
	r := newRogue(t, ana)
	r.introducesItself()
	kind, body, err := r.wire.read(patience)
	must(t, err)
	hi, es, err := parseHello(body)
	if kind != frameHello || err != nil || len(es) > 0 || hi.Invited != "" {
		t.Errorf("ana answers with a frame of type %d: %s (%v)", kind, body, err)
	}
}

func TestTheInvitedLearnWhoInvites(t *testing.T) {
	token := bytes.Repeat([]byte{5}, inviteTokenBytes)
	keeps := func(c *Config) { c.InviteToken = token }
	ana, note, _ := private(t, keeps)
	ben := newPerson(t, "ben")
	ben.follows(ana)
	code := ana.host.Invitation("Ana")
	for range 2 {
		p, err := ben.host.Connect(t.Context(), []string{code})
		if err != nil || p.Person != ana.key.PubKey() {
			t.Fatalf("ben meets %+v: %v", p, err)
		}
		eventually(t, "ben has ana's note", func() bool { return ben.events.has(note.ID) })
		must(t, ana.host.Close())
		eventually(t, "ben notices", func() bool { p, _ := ben.peer(ana); return !p.Connected })
		ana.start(keeps) // the code holds after a restart, on another port
		code = ana.host.Invitation("Ana")
		note = ana.posts("after the restart")
	}
}

func TestAWrongTokenOpensNothing(t *testing.T) {
	ana, note, film := private(t)
	ben := newPerson(t, "ben")
	inv, err := ParseInvitation(ana.host.Invitation("Ana"))
	must(t, err)
	inv.Token[3] ^= 1
	_, err = ben.host.Connect(t.Context(), []string{inv.String()})
	must(t, err)
	ben.isAStrangerTo(ana, note, film)
}

func TestAProofServesNobodyElse(t *testing.T) {
	ana, _, _ := private(t)
	ben, dee := newPerson(t, "ben"), newPerson(t, "dee")
	proof := inviteProof(ana.host.cfg.InviteToken, ben.host.net.ID(), ana.host.net.ID())
	if !ana.host.invited(ben.host.net.ID(), proof) || ana.host.invited(dee.host.net.ID(), proof) || ana.host.invited(ben.host.net.ID(), "") {
		t.Error("a proof counts for whom it was not made, or not for whom it was")
	}
}

func TestNeighboursAreIntroducedOnceTheyAreFound(t *testing.T) {
	ana, note, film := private(t)
	ben := newPerson(t, "ben")
	ben.follows(ana)
	ben.meets(ana)
	ben.isAStrangerTo(ana, note, film)
	id, addrs, err := parseAddrs(ben.host.Addrs())
	must(t, err)
	ana.host.HandlePeerFound(corepeer.AddrInfo{ID: id, Addrs: addrs}) // as mDNS does while Nearby is on
	eventually(t, "ben learns who ana is", func() bool { q, _ := ben.peer(ana); return q.Person == ana.key.PubKey() })
	eventually(t, "ben has ana's note", func() bool { return ben.events.has(note.ID) })
}

func TestAcquaintancesAreIntroducedOnceTheyAreKnown(t *testing.T) {
	ana, note, film := private(t)
	ben := newPerson(t, "ben")
	ben.follows(ana)
	ben.meets(ana)
	ben.isAStrangerTo(ana, note, film)
	ana.mu.Lock()
	ana.aloof = false
	ana.mu.Unlock()
	ana.host.Resync()
	eventually(t, "ben learns who ana is", func() bool { q, _ := ben.peer(ana); return q.Person == ana.key.PubKey() })
	eventually(t, "ben has ana's note", func() bool { return ben.events.has(note.ID) })
}

func TestDiallingOnPurposeIntroduces(t *testing.T) {
	ana, note, film := private(t)
	ben := newPerson(t, "ben")
	ben.follows(ana)
	ben.meets(ana)
	ben.isAStrangerTo(ana, note, film)
	must(t, ana.host.Remember(ben.host.Addrs()))
	eventually(t, "ben has ana's note", func() bool { return ben.events.has(note.ID) })
}
