package node

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"mural/blob"
	"mural/event"
)

func sweep(t *testing.T, n *Node) int {
	t.Helper()
	removed, err := n.sweeper.sweepOld(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return removed
}

const old = blobKeep + time.Hour

func TestUnshownBlobAgesOut(t *testing.T) {
	n, c := alone(t)
	newPerson(t, n)
	h := puts(t, n, "nobody shows me")
	c.pass(blobKeep - time.Hour)
	if sweep(t, n) != 0 || !n.hasBlob(h) {
		t.Fatal("a blob went before its time")
	}
	c.pass(2 * time.Hour)
	if got := sweep(t, n); got != 1 || n.hasBlob(h) {
		t.Errorf("%d blobs were removed, want the one that nothing shows", got)
	}
	if sweep(t, n) != 0 {
		t.Error("a second sweep found something")
	}
}

// Whatever way an event has to name a blob, the blob stays, however old.
func TestNothingThatAnEventNamesIsSwept(t *testing.T) {
	a := newAuthor(t)
	ways := map[string]func(blob.Hash) event.Event{
		"imeta": func(h blob.Hash) event.Event { return event.Event{Kind: 1, Tags: event.Tags{imeta(h)}} },
		"x tag": func(h blob.Hash) event.Event { return event.Event{Kind: 1063, Tags: event.Tags{{"x", h.String()}}} },
		"poster": func(h blob.Hash) event.Event {
			return event.Event{Kind: 22, Tags: event.Tags{{"imeta", "x " + strings.Repeat("ab", 32), "image http://h/" + h.String() + ".jpg"}}}
		},
		"thumb": func(h blob.Hash) event.Event {
			return event.Event{Kind: 1063, Tags: event.Tags{{"thumb", "http://h/" + h.String()}}}
		},
		"chunk list": func(h blob.Hash) event.Event {
			return event.Event{Kind: 21, Tags: event.Tags{{"imeta", "chunks " + h.String()}}}
		},
		"profile picture": func(h blob.Hash) event.Event {
			return event.Event{Kind: 0, Content: `{"picture":"http://h/` + h.String() + `.png"}`}
		},
		"profile banner": func(h blob.Hash) event.Event {
			return event.Event{Kind: 0, Content: `{"banner":"http:\/\/h\/` + h.String() + `"}`}
		},
		"link in the text": func(h blob.Hash) event.Event {
			return event.Event{Kind: 1, Content: "see http://h/" + h.String() + ".mp4 there"}
		},
		"article": func(h blob.Hash) event.Event {
			return event.Event{Kind: 30023, Tags: event.Tags{{"d", "x"}}, Content: "![](https://h/" + h.String() + ".webp)"}
		},
		"article's cover": func(h blob.Hash) event.Event {
			return event.Event{Kind: 30023, Tags: event.Tags{{"d", "y"}, {"image", "https://h/" + h.String()}}}
		},
		"blossom link": func(h blob.Hash) event.Event {
			return event.Event{Kind: 1, Content: "blossom:" + h.String() + ".pdf?sz=1"}
		},
		"upper case":       func(h blob.Hash) event.Event { return event.Event{Kind: 1, Content: strings.ToUpper(h.String())} },
		"after hex digits": func(h blob.Hash) event.Event { return event.Event{Kind: 1, Content: "http://h/abc" + h.String()} },
		"before hex":       func(h blob.Hash) event.Event { return event.Event{Kind: 1, Content: h.String() + "abc"} },
		"unknown kind": func(h blob.Hash) event.Event {
			return event.Event{Kind: 31999, Tags: event.Tags{{"d", ""}, {"whatever", h.String()}}}
		},
		"quoted event": func(h blob.Hash) event.Event { return event.Event{Kind: 6, Content: `{\"x\":\"` + h.String() + `\"}`} },
		"derive tag": func(h blob.Hash) event.Event {
			return event.Event{Kind: 1, Tags: event.Tags{{"derive", strings.Repeat("0", 64), "cut", h.String()}}}
		},
	}
	for name, way := range ways {
		n, c := alone(t)
		newPerson(t, n)
		h := puts(t, n, "shown by "+name)
		e := way(h)
		e.CreatedAt = c.unix(0)
		accepts(t, n, fromOwner, a.signs(e), event.Accepted)
		c.pass(10 * old)
		if sweep(t, n) != 0 || !n.hasBlob(h) {
			t.Errorf("a blob named by %s was removed", name)
		}
	}
}

// More events than are in memory at once, many in one second.
func TestSweepReadsTheWholeHistory(t *testing.T) {
	n, c := alone(t)
	newPerson(t, n)
	a := newAuthor(t)
	var events []*event.Event
	var kept []blob.Hash
	at := c.unix(-time.Hour)
	for i := range 3*scanPage + 7 {
		if i%3 == 0 && i < scanPage {
			at++ // two thirds of all in one second
		}
		e := event.Event{Kind: 1, CreatedAt: at, Content: fmt.Sprint(i)}
		if i%200 == 0 {
			h := puts(t, n, fmt.Sprint("media ", i))
			kept = append(kept, h)
			e.Tags = event.Tags{imeta(h)}
		}
		events = append(events, a.signs(e))
	}
	events = append(events, a.signs(event.Event{Kind: 1, CreatedAt: 0, Content: "at the beginning of time"}))
	n.Accept(context.Background(), fromOwner, events)
	seen := map[event.ID]int{}
	if err := eachEvent(context.Background(), n.store, event.Filter{Authors: []event.PubKey{a.pub}}, func(e *event.Event) bool { seen[e.ID]++; return true }); err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if seen[e.ID] != 1 {
			t.Fatalf("an event of second %d was seen %d times, want once", e.CreatedAt, seen[e.ID])
		}
	}
	gone := puts(t, n, "nobody shows me")
	c.pass(old)
	if got := sweep(t, n); got != 1 || n.hasBlob(gone) {
		t.Errorf("%d blobs were removed, want one", got)
	}
	for _, h := range kept {
		if !n.hasBlob(h) {
			t.Error("a blob that an event shows was removed")
		}
	}
}

func TestWhatThePersonUploadedOnPurposeStays(t *testing.T) {
	ctx := context.Background()
	n, c := alone(t)
	me := newPerson(t, n)
	mine, theirs := puts(t, n, "my own upload"), puts(t, n, "a program's upload")
	if err := n.blobs.AddOwner(ctx, mine, me); err != nil {
		t.Fatal(err)
	}
	if err := n.blobs.AddOwner(ctx, theirs, newAuthor(t).pub); err != nil {
		t.Fatal(err)
	}
	// Taken in by the app, too: the upload on purpose counts.
	both := blob.Sum(picture(1))
	if got := puts(t, n, string(picture(1))); got != both {
		t.Fatal("another hash")
	}
	if err := n.blobs.AddOwner(ctx, both, me); err != nil {
		t.Fatal(err)
	}
	if imports(t, n, picture(1)) != both {
		t.Skip("cleaning changes this picture")
	}
	c.pass(10 * old)
	if got := sweep(t, n); got != 0 {
		t.Errorf("%d uploads were removed", got)
	}
}

func TestDraftThatNeverBecameAPostAgesOut(t *testing.T) {
	n, c := alone(t)
	me := newPerson(t, n)
	h := imports(t, n, picture(1))
	if list, err := n.blobs.Uploads(context.Background(), me); err != nil || len(list) != 1 || list[0].Hash != h {
		t.Fatalf("what the app took in is listed as %v (%v), want the file", list, err)
	}
	c.pass(old)
	again := imports(t, n, picture(1)) // the composer is open with it
	if again != h {
		t.Fatal("the same picture has another name")
	}
	if sweep(t, n) != 0 || !n.hasBlob(h) {
		t.Fatal("a file went while its post was being written")
	}
	c.pass(old)
	if sweep(t, n) != 1 || n.hasBlob(h) {
		t.Error("a file that was never posted stays for ever")
	}
	if list, _ := n.blobs.Uploads(context.Background(), me); len(list) != 0 {
		t.Error("it is still listed as an upload")
	}
	if left, _ := os.ReadDir(n.home.path("cache")); len(left) != 0 {
		t.Errorf("%d files about it are left in cache/", len(left))
	}
	// Posted this time: it stays.
	imports(t, n, picture(1))
	publish(t, n, &event.Event{Kind: event.KindPicture, Tags: event.Tags{imeta(h)}})
	c.pass(10 * old)
	if sweep(t, n) != 0 || !n.hasBlob(h) {
		t.Error("a posted picture was removed")
	}
}

func TestDraftsWithoutMarksStay(t *testing.T) {
	n, c := alone(t)
	newPerson(t, n)
	h := imports(t, n, picture(1))
	if err := os.RemoveAll(n.home.path("cache")); err != nil {
		t.Fatal(err)
	}
	c.pass(10 * old)
	if sweep(t, n) != 0 || !n.hasBlob(h) {
		t.Error("without cache/ an upload of the person was removed; every doubt keeps")
	}
}

// The lists that this node made, and those of others, stay with their files.
func TestChunkListsStay(t *testing.T) {
	ctx := context.Background()
	n, c := alone(t)
	newPerson(t, n)
	h := puts(t, n, strings.Repeat("long enough for two chunks ", 20_000))
	list, err := n.blobs.ChunkList(ctx, h)
	if err != nil {
		t.Fatal(err)
	}
	accepts(t, n, fromOwner, newAuthor(t).note(c.unix(0), "", imeta(h)), event.Accepted) // without chunks
	c.pass(10 * old)
	if sweep(t, n) != 0 || !n.hasBlob(list.Hash()) {
		t.Error("the chunk list of a shown file was removed")
	}
}

// A home whose events.db was lost must not lose its media, too.
func TestSweepStopsWhereMostWouldGo(t *testing.T) {
	n, c := alone(t)
	newPerson(t, n)
	for i := range sweepBrake + 1 {
		puts(t, n, fmt.Sprint("media ", i))
	}
	c.pass(old)
	if removed, err := n.sweeper.sweepOld(context.Background()); removed != 0 || err == nil {
		t.Errorf("%d blobs removed (%v), want a refusal", removed, err)
	}
	if count, _ := n.blobs.Usage(); count != sweepBrake+1 {
		t.Errorf("%d blobs are left, want all %d", count, sweepBrake+1)
	}
}

func TestSweepThatCannotReadEventsRemovesNothing(t *testing.T) {
	n, c := alone(t)
	newPerson(t, n)
	h := puts(t, n, "nobody shows me")
	c.pass(old)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if removed, err := n.sweeper.sweepOld(ctx); removed != 0 || err == nil || !n.hasBlob(h) {
		t.Errorf("%d removed (%v) by a sweep that was cancelled", removed, err)
	}
	if err := n.store.Close(); err != nil {
		t.Fatal(err)
	}
	if removed, err := n.sweeper.sweepOld(context.Background()); removed != 0 || err == nil || !n.hasBlob(h) {
		t.Errorf("%d removed (%v) by a sweep without a store", removed, err)
	}
}

// An event that comes while a sweep is under way saves its blob.
func TestEventThatComesDuringASweepSavesItsBlob(t *testing.T) {
	n, c := alone(t)
	newPerson(t, n)
	h := puts(t, n, "just in time")
	left, done, err := n.sweeper.unnamed(context.Background(), map[blob.Hash]bool{h: true})
	if err != nil || len(left()) != 1 {
		t.Fatalf("left are %v (%v), want the blob", left(), err)
	}
	accepts(t, n, fromOwner, newAuthor(t).note(c.unix(0), "http://h/"+h.String()), event.Accepted)
	if got := left(); len(got) != 0 {
		t.Errorf("left are %v, want nothing", got)
	}
	done()
}

func forsakenGo(t *testing.T, n *Node) int {
	t.Helper()
	removed, err := n.sweeper.sweepForsaken(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return removed
}

func TestDeletedPostsMediaGoSoon(t *testing.T) {
	n, _ := alone(t)
	me := newPerson(t, n)
	h, shared := imports(t, n, picture(1)), imports(t, n, picture(2))
	poster := puts(t, n, "poster")
	post := publish(t, n, &event.Event{Kind: event.KindPicture, Tags: event.Tags{imeta(h, "image http://h/"+poster.String()), imeta(shared)}})
	publish(t, n, &event.Event{Kind: event.KindNote, Content: "also http://h/" + shared.String()})
	if forsakenGo(t, n) != 0 {
		t.Fatal("media went before anything was deleted")
	}
	publish(t, n, &event.Event{Kind: event.KindDeletion, Tags: event.Tags{{"e", post.ID.String()}}})
	if got := forsakenGo(t, n); got != 2 || n.hasBlob(h) || n.hasBlob(poster) {
		t.Errorf("%d blobs of a deleted post were removed, want the picture and the poster", got)
	}
	if !n.hasBlob(shared) {
		t.Error("a picture that another post shows was removed")
	}
	list, err := n.blobs.Uploads(context.Background(), me)
	if err != nil || len(list) != 1 || list[0].Hash != shared {
		t.Errorf("uploads are %v (%v), want the one that is still shown", list, err)
	}
}

func TestNobodyDeletesAnothersMedia(t *testing.T) {
	ctx := context.Background()
	n, c := alone(t)
	newPerson(t, n)
	ana, eve := newAuthor(t), newAuthor(t)
	h, uploaded := puts(t, n, "ana's"), puts(t, n, "eve's post, ana's upload")
	post := ana.note(c.unix(0), "", imeta(h))
	accepts(t, n, fromOwner, post, event.Accepted)
	accepts(t, n, fromOwner, eve.signs(event.Event{Kind: 5, CreatedAt: c.unix(0), Tags: event.Tags{{"e", post.ID.String()}}}), event.Accepted)
	if forsakenGo(t, n) != 0 || !n.hasBlob(h) || !isHere(t, n, post) {
		t.Error("a stranger's deletion removed somebody's media")
	}
	if err := n.blobs.AddOwner(ctx, uploaded, ana.pub); err != nil {
		t.Fatal(err)
	}
	evil := eve.note(c.unix(0), "mine now", imeta(uploaded))
	accepts(t, n, fromOwner, evil, event.Accepted)
	accepts(t, n, fromOwner, eve.signs(event.Event{Kind: 5, CreatedAt: c.unix(0), Tags: event.Tags{{"e", evil.ID.String()}}}), event.Accepted)
	if forsakenGo(t, n) != 0 || !n.hasBlob(uploaded) {
		t.Error("showing and deleting removed what somebody else uploaded")
	}
}

func TestDeletionByAddressAndVanishingTakeTheMedia(t *testing.T) {
	n, c := alone(t)
	newPerson(t, n)
	a := newAuthor(t)
	cover, other := puts(t, n, "cover"), puts(t, n, "other")
	article := a.signs(event.Event{Kind: 34235, CreatedAt: c.unix(0), Tags: event.Tags{{"d", "x"}, imeta(cover)}})
	accepts(t, n, fromOwner, article, event.Accepted)
	accepts(t, n, fromOwner, a.note(c.unix(0), "", imeta(other)), event.Accepted)
	accepts(t, n, fromOwner, a.signs(event.Event{Kind: 5, CreatedAt: c.unix(0), Tags: event.Tags{{"a", article.Address()}}}), event.Accepted)
	if forsakenGo(t, n) != 1 || n.hasBlob(cover) || !n.hasBlob(other) {
		t.Error("a deletion by address took other media than the article's")
	}
	accepts(t, n, fromOwner, a.signs(event.Event{Kind: 62, CreatedAt: c.unix(0), Tags: event.Tags{{"relay", "ALL_RELAYS"}}}), event.Accepted)
	if forsakenGo(t, n) != 1 || n.hasBlob(other) {
		t.Error("who vanished left media behind")
	}
}

// Posting the same picture anew after a deletion keeps it.
func TestPictureTakenInAgainAfterADeletionStays(t *testing.T) {
	n, c := alone(t)
	newPerson(t, n)
	h := imports(t, n, picture(1))
	post := publish(t, n, &event.Event{Kind: event.KindPicture, Tags: event.Tags{imeta(h)}})
	publish(t, n, &event.Event{Kind: event.KindDeletion, Tags: event.Tags{{"e", post.ID.String()}}})
	c.pass(2 * time.Second)
	imports(t, n, picture(1))
	if forsakenGo(t, n) != 0 || !n.hasBlob(h) {
		t.Error("a picture went under the hands of a person who posts it again")
	}
}

func TestBlossomDeleteSparesWhatAPostShows(t *testing.T) {
	n, c := alone(t)
	newPerson(t, n)
	door := keptBlobs{n.blobs, n}
	a := newAuthor(t)
	byTag, byLink, free := puts(t, n, "x tag"), puts(t, n, "link"), puts(t, n, "free")
	accepts(t, n, fromOwner, a.note(c.unix(0), "", event.Tag{"x", byTag.String()}), event.Accepted)
	accepts(t, n, fromOwner, a.note(c.unix(0), "http://h/"+byLink.String()+".png"), event.Accepted)
	for _, h := range []blob.Hash{byTag, byLink, free} {
		if err := door.Delete(h); err != nil {
			t.Fatal(err)
		}
	}
	if !n.hasBlob(byTag) || !n.hasBlob(byLink) {
		t.Error("DELETE removed a blob that a post shows")
	}
	if n.hasBlob(free) {
		t.Error("DELETE left a blob that nothing shows")
	}
}
