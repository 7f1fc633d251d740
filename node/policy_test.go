package node

import (
	"context"
	"testing"
	"time"

	"mural/event"
)

func TestWhoMayPutWhatIntoANode(t *testing.T) {
	n, c := alone(t)
	me := newPerson(t, n)
	own := author{t, event.SecretKey{}, me}
	ana, ben, cem, eve := newAuthor(t), newAuthor(t), newAuthor(t), newAuthor(t)
	follow(t, n, ana.pub)
	accepts(t, n, fromOwner, ana.signs(event.Event{Kind: event.KindFollows, CreatedAt: c.unix(0), Tags: event.Tags{{"p", ben.pub.String()}}}), event.Accepted)
	accepts(t, n, fromOwner, ben.signs(event.Event{Kind: event.KindFollows, CreatedAt: c.unix(0), Tags: event.Tags{{"p", cem.pub.String()}}}), event.Accepted)
	asked := cem.note(c.unix(0), "source of a layer")
	n.wanted.add(1, asked.ID)
	protected := func(a author) *event.Event { return a.note(c.unix(0), "p", event.Tag{"-"}) }
	rows := []struct {
		name string
		src  event.Source
		e    *event.Event
		want event.Status
	}{
		{"owner, anybody's event", fromOwner, eve.note(c.unix(0), "x"), event.Accepted},
		{"program, anybody's event", fromProgram, eve.note(c.unix(0), "x"), event.Accepted},
		{"guest", fromGuest, ana.note(c.unix(0), "x"), event.Restricted},
		{"guest who proved a key", event.Source{Via: event.ViaClient, Auth: []event.PubKey{eve.pub}}, eve.note(c.unix(0), "x"), event.Restricted},
		{"session, somebody I follow", fromPeer("p"), ana.note(c.unix(0), "x"), event.Accepted},
		{"session, somebody they follow", fromPeer("p"), ben.note(c.unix(0), "x"), event.Accepted},
		{"session, a step further", fromPeer("p"), cem.note(c.unix(0), "x"), event.Restricted},
		{"session, asked for by name", fromPeer("p"), asked, event.Accepted},
		{"session, a neighbour's own", fromPeer("p", eve.pub), eve.note(c.unix(0), "x"), event.Accepted},
		{"session, what a neighbour passes on", fromPeer("p", eve.pub), cem.note(c.unix(0), "x"), event.Restricted},
		{"bundle, somebody I follow", event.Source{Via: event.ViaBundle}, ana.note(c.unix(0), "x"), event.Accepted},
		{"bundle, a stranger", event.Source{Via: event.ViaBundle}, eve.note(c.unix(0), "x"), event.Restricted},
		{"protected, from its author", event.Source{Via: event.ViaClient, Local: true, Auth: []event.PubKey{eve.pub}}, protected(eve), event.Accepted},
		{"protected, from a session of another", fromPeer("p", ana.pub), protected(ben), event.AuthNeeded},
		{"protected, by a program", fromProgram, protected(eve), event.AuthNeeded},
		{"protected, somebody else's by the owner", fromOwner, protected(eve), event.AuthNeeded},
		{"far future, client", fromOwner, ana.note(c.unix(time.Hour), "x"), event.Invalid},
		{"far future, session", fromPeer("p"), ana.note(c.unix(time.Hour), "x"), event.Accepted},
		{"far future, session, replaceable", fromPeer("p"), ana.signs(event.Event{Kind: 3, CreatedAt: c.unix(time.Hour)}), event.Invalid},
	}
	ctx := context.Background()
	for _, row := range rows {
		if got, why := n.policy.judge(ctx, row.src, row.e); got != row.want {
			t.Errorf("%s: %q (%s), want %q", row.name, got, why, row.want)
		}
	}
	mine := &event.Event{Kind: 1, PubKey: own.pub, CreatedAt: c.unix(0), Tags: event.Tags{{"-"}}}
	if got, why := n.policy.judge(ctx, fromOwner, mine); got != event.Accepted {
		t.Errorf("the owner's own protected event: %q (%s)", got, why)
	}
	n.policy.open = true
	if got, _ := n.policy.judge(ctx, fromGuest, eve.note(c.unix(0), "x")); got != event.Accepted {
		t.Errorf("--open refused a guest: %q", got)
	}
	if got, _ := n.policy.judge(ctx, fromGuest, protected(eve)); got != event.AuthNeeded {
		t.Errorf("--open took a protected event from anybody: %q", got)
	}
}

func TestProgramsAndNeighboursAreHeldByTheirOwnQuotas(t *testing.T) {
	n, c := alone(t)
	newPerson(t, n)
	eve, tom := newAuthor(t), newAuthor(t)
	e, f := eve.note(c.unix(0), "x"), tom.note(c.unix(0), "x")
	spend := func(src event.Source, e *event.Event) (taken int) {
		for {
			got, _ := n.policy.judge(context.Background(), src, e)
			if got == event.RateLimited {
				return taken
			}
			if taken++; got != event.Accepted || taken > 2*localBurst {
				t.Fatalf("after %d events: %q, want a rate limit", taken, got)
			}
		}
	}
	if got := spend(fromProgram, e); got != localBurst {
		t.Errorf("programs may send %d at once, want %d", got, localBurst)
	}
	if got, _ := n.policy.judge(context.Background(), fromOwner, e); got != event.Accepted {
		t.Error("programs used up the owner's own quota")
	}
	if got := spend(fromPeer("p", eve.pub), e); got != nearbyBurst {
		t.Errorf("a neighbour may send %d at once, want %d", got, nearbyBurst)
	}
	if got, _ := n.policy.judge(context.Background(), fromPeer("q", tom.pub), f); got != event.Accepted {
		t.Error("one neighbour used up another's quota")
	}
	c.pass(time.Second)
	if got := spend(fromProgram, e); got != localPerSecond {
		t.Errorf("programs may send %d more a second later, want %d", got, localPerSecond)
	}
	for i := range 2 * maxNeighbourKeys {
		n.policy.neighbour(event.PubKey{byte(i), byte(i >> 8)})
	}
	if len(n.policy.near) > maxNeighbourKeys {
		t.Errorf("%d neighbours' quotas are in memory", len(n.policy.near))
	}
}

func TestTrustFollowsTheFollowLists(t *testing.T) {
	n, c := alone(t)
	me := newPerson(t, n)
	ana, ben, cem := newAuthor(t), newAuthor(t), newAuthor(t)
	rings := func() [4]int {
		return [4]int{n.trust.ring(me), n.trust.ring(ana.pub), n.trust.ring(ben.pub), n.trust.ring(cem.pub)}
	}
	if got := rings(); got != [4]int{ringMe, ringStranger, ringStranger, ringStranger} {
		t.Errorf("rings at the start are %v", got)
	}
	follow(t, n, ana.pub)
	list := ana.signs(event.Event{Kind: event.KindFollows, CreatedAt: c.unix(0), Tags: event.Tags{{"p", ben.pub.String()}, {"p", me.String()}, {"p", "no key"}, {"p"}}})
	accepts(t, n, fromPeer("p"), list, event.Accepted)
	accepts(t, n, fromPeer("p"), ben.signs(event.Event{Kind: event.KindFollows, CreatedAt: c.unix(0), Tags: event.Tags{{"p", cem.pub.String()}}}), event.Accepted)
	if got := rings(); got != [4]int{ringMe, ringFollowing, ringFriends, ringStranger} {
		t.Errorf("rings are %v, want me, following, friends, stranger", got)
	}
	follow(t, n) // nobody any more
	if got := rings(); got != [4]int{ringMe, ringStranger, ringStranger, ringStranger} {
		t.Errorf("rings after unfollowing are %v", got)
	}
	if changed, err := n.retrust(context.Background()); changed || err != nil {
		t.Errorf("reading the same lists again changed something (%v)", err)
	}
}

func TestWantedIsBoundedAndForgets(t *testing.T) {
	c := newClock()
	w := newWanted(c.now)
	id := func(i int) (id event.ID) { id[0], id[1], id[2] = byte(i), byte(i>>8), 1; return id }
	if !w.add(1, id(1)) || w.add(1, id(1)) {
		t.Error("an event is news once")
	}
	var many []event.ID
	for i := range 2 * maxWanted {
		many = append(many, id(i))
	}
	w.add(1, many...)
	if got := len(w.list()); got != maxWanted {
		t.Errorf("%d events are asked for, want %d", got, maxWanted)
	}
	c.pass(wantedLife + time.Minute)
	if got := len(w.list()); got != 0 {
		t.Errorf("%d events are asked for after their time", got)
	}
	if w.add(maxHops+1, id(1)) {
		t.Error("sources are followed without an end")
	}
	w.add(2, many[:100]...)
	if got := len(w.list()); got != strangerFanIn {
		t.Errorf("%d sources of a stranger's post are asked for, want %d", got, strangerFanIn)
	}
	if w.remove(many[0]) != 2 || w.has(many[0]) {
		t.Error("an event that came is still asked for")
	}
}
