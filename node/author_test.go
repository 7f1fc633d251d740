package node

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"mural/event"
	"mural/keys"
	"mural/peer"
	"mural/web"
)

func TestNewVersionIsAlwaysYoungerThanTheLast(t *testing.T) {
	n, c := alone(t)
	newPerson(t, n)
	first := publish(t, n, &event.Event{Kind: event.KindProfile, Content: `{"name":"Ana"}`})
	second := publish(t, n, &event.Event{Kind: event.KindProfile, Content: `{"name":"Ana B"}`})
	if second.CreatedAt != first.CreatedAt+1 {
		t.Errorf("the second profile of one second is of %d, want %d", second.CreatedAt, first.CreatedAt+1)
	}
	if isHere(t, n, first) {
		t.Error("the old profile is still what is found")
	}
	c.pass(-10 * time.Minute) // the clock was set back
	third := publish(t, n, &event.Event{Kind: event.KindProfile, Content: `{"name":"Ana C"}`})
	if third.CreatedAt <= second.CreatedAt {
		t.Error("after the clock went back a new version is older than the last")
	}
	for _, d := range []event.Tags{{{"d", "a"}}, {{"d", ""}}, nil} {
		one := publish(t, n, &event.Event{Kind: event.KindArticle, Tags: d})
		other := publish(t, n, &event.Event{Kind: event.KindArticle, Tags: event.Tags{{"d", "other"}}})
		two := publish(t, n, &event.Event{Kind: event.KindArticle, Tags: d})
		if two.CreatedAt <= one.CreatedAt || !isHere(t, n, two) || !isHere(t, n, other) {
			t.Errorf("a new version of %v is of %d after %d", d, two.CreatedAt, one.CreatedAt)
		}
	}
	a := publish(t, n, &event.Event{Kind: event.KindNote, Content: "a"})
	b := publish(t, n, &event.Event{Kind: event.KindNote, Content: "b"})
	if a.CreatedAt != b.CreatedAt {
		t.Error("notes are dated by the clock alone")
	}
}

func problem(t *testing.T, err error, statusWanted int) {
	t.Helper()
	var p *web.Problem
	if !errors.As(err, &p) || p.Status != statusWanted || !strings.HasSuffix(p.Message, ".") || p.Next == "" {
		t.Errorf("got %v, want a problem %d with a sentence and a next step", err, statusWanted)
	}
}

func TestWhatCannotBePublishedIsAProblemForPeople(t *testing.T) {
	ctx := context.Background()
	n, c := alone(t)
	_, err := n.Publish(ctx, &event.Event{Kind: event.KindNote})
	problem(t, err, 409)
	_, err = n.Backup(ctx, "long enough")
	problem(t, err, 409)
	_, err = n.Invite(ctx)
	problem(t, err, 409)
	newPerson(t, n)
	_, err = n.Publish(ctx, &event.Event{Kind: event.KindNote, Content: strings.Repeat("x", event.MaxEventBytes)})
	problem(t, err, 422)
	_, err = n.Publish(ctx, &event.Event{Kind: event.KindNote, CreatedAt: c.unix(time.Hour)})
	problem(t, err, 422)
	_, err = n.Backup(ctx, "short")
	problem(t, err, 422)
	_, err = n.Invite(ctx)
	problem(t, err, 503)
	if err := n.store.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err = n.Publish(ctx, &event.Event{Kind: event.KindNote, Content: "x"}); err == nil {
		t.Error("published into a closed store")
	}
}

func devicesOf(t *testing.T, n *Node, who event.PubKey) []web.Device {
	t.Helper()
	list, err := n.Devices(context.Background(), who)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestPersonsFirstEventNamesThisDevice(t *testing.T) {
	n, _ := alone(t)
	me := newPerson(t, n)
	list := devicesOf(t, n, me)
	if len(list) != 1 || list[0].Peer != n.ID() || !list[0].This || list[0].Role == "" {
		t.Errorf("devices are %+v, want this one", list)
	}
	again, err := n.CreatePerson(context.Background())
	if err != nil || again != me {
		t.Errorf("making a person twice gave %s (%v), want the first", again, err)
	}
	if count, _ := n.Count(context.Background(), event.Filter{Kinds: []event.Kind{event.KindDevices}}); count != 1 {
		t.Errorf("%d devices events, want one", count)
	}
}

// A restored backup is a new device that joins the old ones, and the old
// home's device key is not in it.
func TestRestoreMakesAnotherDeviceOfTheSamePerson(t *testing.T) {
	ctx := context.Background()
	old, c := alone(t)
	me := newPerson(t, old)
	c.pass(10 * time.Second)
	locked, err := old.Backup(ctx, "a long passphrase")
	if err != nil {
		t.Fatal(err)
	}
	if !old.Self().BackupDone {
		t.Error("the backup is not remembered")
	}
	secret, err := keys.Unlock(locked, "a long passphrase")
	if err != nil {
		t.Fatal(err)
	}
	fresh, _ := alone(t)
	// What the old device published reaches the new one before the key does.
	devices, err := old.newest(ctx, me, event.KindDevices)
	if err != nil {
		t.Fatal(err)
	}
	accepts(t, fresh, fromOwner, devices, event.Accepted)
	who, err := fresh.Restore(ctx, secret)
	if err != nil || who != me {
		t.Fatalf("restored %s (%v), want %s", who, err, me)
	}
	if got := devicesOf(t, fresh, me); len(got) != 2 || got[0].Peer != old.ID() || got[1].Peer != fresh.ID() || !got[1].This {
		t.Errorf("devices are %+v, want the old and the new one", got)
	}
	newest, err := fresh.newest(ctx, me, event.KindDevices)
	if err != nil || newest.CreatedAt <= devices.CreatedAt {
		t.Errorf("the new list is not younger than the old one (%v)", err)
	}
	if list, err := peer.Devices(newest); err != nil || len(list) != 2 {
		t.Errorf("%d devices agreed to the list (%v), want both", len(list), err)
	}
	if _, err := fresh.Restore(ctx, newAuthor(t).key); err == nil {
		t.Error("a restore replaced a person")
	}
	if fresh.trust.ring(me) != ringMe {
		t.Error("the restored person is a stranger here")
	}
}

func TestMarksSurviveAndAreBounded(t *testing.T) {
	file := t.TempDir() + "/marks.json"
	m, err := openMarks(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := range maxMarks + 10 {
		if err := m.set(markNearby+string(rune('a'+i%26))+strings.Repeat("x", i/26), nearbyOn); err != nil {
			t.Fatal(err)
		}
	}
	if len(m.kv) > maxMarks {
		t.Errorf("%d marks, want at most %d", len(m.kv), maxMarks)
	}
	if err := m.set(markBackup, "done"); err != nil {
		t.Fatal(err)
	}
	again, err := openMarks(file)
	if err != nil || again.get(markBackup) != "done" || again.get("never set") != "" {
		t.Errorf("marks after a restart: %v", err)
	}
}

func TestNearbyAsksOncePerNetworkAndIsSilentUntilThen(t *testing.T) {
	ctx := context.Background()
	n, _ := alone(t)
	n.nearby.net = Network{ID: "net-1", Name: "Wi-Fi", Settled: true}
	choice := func() string {
		y, err := n.Nearby(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return y.Choice
	}
	if choice() != nearbyAsk {
		t.Errorf("a new network is %q, want the question", choice())
	}
	if err := n.SetNearby(ctx, "net-1", true); err != nil || choice() != nearbyOn {
		t.Errorf("after yes it is %q (%v)", choice(), err)
	}
	n.nearby.net = Network{ID: "net-2", Settled: true}
	if choice() != nearbyAsk {
		t.Errorf("the yes for one network counts for another: %q", choice())
	}
	n.nearby.net = Network{}
	if choice() != nearbyAsk {
		t.Errorf("without a network the choice is %q", choice())
	}
	problem(t, n.SetNearby(ctx, "", true), 409)
}
