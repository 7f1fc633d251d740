//go:build linux

package stories_test

import (
	"errors"
	"testing"
	"time"

	"mural/internal/testkit"
)

// TestInvitedOnOneMachine proves that an invitation is all two nodes need, also
// side by side on one machine and without any right there.
func TestInvitedOnOneMachine(t *testing.T) {
	t.Parallel()
	w := testkit.New(t)
	ana, ben := w.Person("Ana"), w.Person("Ben")
	w.As(ben).Joins(w.As(ana).Invites())
	w.As(ben).Sees(w.As(ana).Posts("come in", testkit.Photo(t, 1)))
}

// TestOfflineThenMeet proves that two who wrote while they were apart both have
// both when they meet again, without doing anything.
func TestOfflineThenMeet(t *testing.T) {
	t.Parallel()
	w := testkit.Bridge(t)
	ana, ben := w.Person("Ana"), w.Person("Ben")
	w.As(ana).ShowsNearby()
	w.As(ben).ShowsNearby()
	ana.MeetsNearby(ben)
	w.As(ana).Follows(ben)
	w.As(ben).Follows(ana)
	w.As(ben).Sees(w.As(ana).Posts("see you after the trip"))

	w.Cut(ana)
	fromAna := w.As(ana).Posts("written on the train", testkit.Photo(t, 1))
	fromBen := w.As(ben).Posts("written at home", testkit.Photo(t, 2))
	ana.IsNotConnectedTo(ben) // long enough for both to give the other up
	ben.IsNotConnectedTo(ana)
	if page, err := ben.Opens(fromAna.ID); err == nil {
		t.Fatalf("Ana is cut off, and Ben has her post: %+v", page.Post)
	}
	w.Heal(ana)
	start := time.Now()
	w.As(ben).Sees(fromAna)
	w.As(ana).Sees(fromBen)
	t.Logf("both had both, pictures too, %s after the cable was back", time.Since(start).Round(time.Millisecond))
}

// TestDeletedPostsDoNotComeBack proves that an author's deletion wins: the post
// goes from every mural, and a device that slept through it cannot bring it back.
func TestDeletedPostsDoNotComeBack(t *testing.T) {
	t.Parallel()
	w := testkit.New(t)
	ana, ben, cem := w.Person("Ana"), w.Person("Ben"), w.Person("Cem")
	w.As(ben).Joins(w.As(ana).Invites())
	w.As(cem).Joins(w.As(ana).Invites())
	w.As(cem).Joins(w.As(ben).Invites())
	regretted, stays := w.As(ana).Posts("too much said"), w.As(ana).Posts("this stays")
	for _, p := range []*testkit.Person{ben, cem} {
		w.As(p).Sees(regretted)
		w.As(p).Sees(stays)
	}

	cem.Quits()
	page := w.As(ben).Watches()
	w.As(ana).Deletes(regretted)
	w.As(ana).NoLongerSees(regretted)
	page.Awaits("gone", regretted.ID)
	w.As(ben).NoLongerSees(regretted)

	w.ComesBack(cem)
	cem.IsConnectedTo(ben)
	w.As(cem).NoLongerSees(regretted)
	time.Sleep(2 * time.Second) // for whatever Cem still wants to tell
	for _, p := range []*testkit.Person{ana, ben, cem} {
		w.As(p).NoLongerSees(regretted)
		w.As(p).Sees(stays)
		if e, err := p.Program().Reads(regretted.ID); err == nil {
			t.Errorf("the relay of %s still serves the deleted post: %s", p.Name, e.Raw())
		}
	}
	var problem *testkit.Problem
	if _, err := ben.Opens(regretted.ID); !errors.As(err, &problem) {
		t.Errorf("Ben opens the deleted post: %v", err)
	}
}
