package peer

import (
	"fmt"
	"testing"
	"time"

	"mural/event"
)

func TestTwoNodesBringTheirEventsTogether(t *testing.T) {
	ana, ben := newPerson(t, "ana"), newPerson(t, "ben")
	for i := range 500 {
		ana.publish(ana.sign(event.Event{Kind: 1, CreatedAt: 1700000000 + int64(i/7), Content: fmt.Sprint("note ", i)}))
	}
	ben.posts("one of mine")
	ana.follows(ben)
	ben.follows(ana)
	ben.meets(ana)
	eventually(t, "ben has ana's 500 notes", func() bool { return ben.events.count() >= 500+1+2 })
	eventually(t, "ana has ben's note", func() bool { return ana.events.count() >= 500+1+2 })
}

func TestSessionProvesWhoThePeerIs(t *testing.T) {
	ana, ben := newPerson(t, "ana"), newPerson(t, "ben")
	p := ben.meets(ana)
	if p.Person != ana.key.PubKey() {
		t.Fatalf("ben takes ana's device for %s's", p.Person)
	}
	if p.Profile == nil || p.Profile.Content != `{"name":"ana"}` {
		t.Fatalf("ben has the profile %v of ana", p.Profile)
	}
	eventually(t, "ana knows ben", func() bool { q, _ := ana.peer(ben); return q.Connected && q.Person == ben.key.PubKey() })
}

func TestNewEventsArePushed(t *testing.T) {
	ana, ben, cem := newPerson(t, "ana"), newPerson(t, "ben"), newPerson(t, "cem")
	ben.follows(ana)
	cem.follows(ana)
	ben.meets(ana)
	cem.meets(ben) // cem never meets ana
	eventually(t, "ben asked ana, cem asked ben", func() bool { return ana.hasSubscriber() && ben.hasSubscriber() })
	e := ana.posts("hello")
	eventually(t, "the note reaches ben", func() bool { return ben.events.has(e.ID) })
	eventually(t, "the note reaches cem through ben", func() bool { return cem.events.has(e.ID) })
	if src := ben.events.source(e.ID); src.Via != event.ViaPeer || src.Peer != ana.host.ID() || len(src.Auth) != 1 || src.Auth[0] != ana.key.PubKey() {
		t.Errorf("the note came with source %+v", src)
	}
}

func TestFollowingSomebodyDuringASession(t *testing.T) {
	ana, ben := newPerson(t, "ana"), newPerson(t, "ben")
	e := ana.posts("before")
	ben.meets(ana)
	if ben.events.has(e.ID) {
		t.Fatal("ben got what he did not want")
	}
	ben.follows(ana)
	ben.host.Resync()
	eventually(t, "the old note comes", func() bool { return ben.events.has(e.ID) })
	e = ana.posts("after")
	eventually(t, "the new note comes", func() bool { return ben.events.has(e.ID) })
}

func (p *person) hasSubscriber() bool {
	p.events.mu.Lock()
	defer p.events.mu.Unlock()
	return len(p.events.subs) > 1 // the host's own aside
}

func (m *memory) source(id event.ID) event.Source {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.from[id]
}

func TestDeletionsComeWithWhatIsWanted(t *testing.T) {
	ana, ben := newPerson(t, "ana"), newPerson(t, "ben")
	e := ana.posts("a mistake")
	gone := ana.sign(event.Event{Kind: event.KindDeletion, Tags: event.Tags{{"e", e.ID.String()}}})
	ana.publish(gone)
	ben.follows(ana)
	ben.meets(ana)
	eventually(t, "the deletion comes", func() bool { return ben.events.has(gone.ID) })
}

func TestProtectedEventsGoToTheirAuthorsDevicesOnly(t *testing.T) {
	ana, ben := newPerson(t, "ana"), newPerson(t, "ben")
	phone := newPerson(t, "ana's phone")
	phone.key = ana.key
	d := []Device{CounterSign(ana.device, ana.key.PubKey(), Device{Role: "laptop"}), CounterSign(phone.device, ana.key.PubKey(), Device{Role: "phone"})}
	devices := NewDevices(ana.key.PubKey(), ana.hello[0], time.Now(), d)
	must(t, devices.Sign(ana.key))
	ana.hello = []*event.Event{devices}
	phone.hello = ana.hello
	secret := ana.posts("mine", event.Tag{"-"})
	ben.follows(ana)
	phone.follows(ana)
	ben.meets(ana)
	phone.meets(ana)
	eventually(t, "the phone has it", func() bool { return phone.events.has(secret.ID) })
	live := ana.posts("also mine", event.Tag{"-"})
	open := ana.posts("for all")
	eventually(t, "the phone has the live one", func() bool { return phone.events.has(live.ID) })
	eventually(t, "ben has the open one", func() bool { return ben.events.has(open.ID) })
	if ben.events.has(secret.ID) || ben.events.has(live.ID) {
		t.Fatal("ben was given a protected event")
	}
}

func TestMayDecidesWhatIsGiven(t *testing.T) {
	ana, ben := newPerson(t, "ana"), newPerson(t, "ben")
	hidden := ana.posts("hidden")
	shown := ana.posts("shown")
	ana.may = func(_ Peer, e *event.Event) bool { return e.Content != "hidden" }
	ben.follows(ana)
	ben.meets(ana)
	eventually(t, "ben has what may be given", func() bool { return ben.events.has(shown.ID) })
	if ben.events.has(hidden.ID) {
		t.Fatal("ben was given what may not be given")
	}
}
