package node

import (
	"bytes"
	"context"
	"net"
	"testing"
	"time"

	"mural/blob"
	"mural/event"
	"mural/web"
)

// living opens a node with peers on loopback.
func living(t *testing.T, cfg Config) *Node {
	t.Helper()
	if cfg.Home == "" {
		cfg.Home = t.TempDir()
	}
	cfg.Port = freePort(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg.PeerPort = l.Addr().(*net.TCPAddr).Port
	l.Close()
	cfg.Nearby = first(cfg.Nearby, "off")
	return openTest(t, cfg)
}

func joins(t *testing.T, n, inviter *Node) {
	t.Helper()
	code, err := inviter.Invite(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	who, connected, err := n.Join(context.Background(), code)
	if me, _ := inviter.Person(); err != nil || !connected || who != me {
		t.Fatalf("joining: %s, connected %v, %v", who, connected, err)
	}
}

func TestPostAndItsPictureComeToWhoFollows(t *testing.T) {
	ctx := context.Background()
	a, b := living(t, Config{}), living(t, Config{})
	ana, ben := newPerson(t, a), newPerson(t, b)
	joins(t, b, a)
	follow(t, b, ana)
	told := changes(t, b)
	h := imports(t, a, picture(7))
	post := publish(t, a, &event.Event{Kind: event.KindPicture, Content: "hello", Tags: event.Tags{imeta(h), {"x", h.String()}}})
	until(t, "the post stands on B", func() bool { return isHere(t, b, post) })
	until(t, "its picture is on B", func() bool { return b.hasBlob(h) })
	var post2, blob2 bool
	until(t, "B's app is told of the post and of the picture", func() bool {
		for {
			select {
			case c := <-told:
				post2, blob2 = post2 || c.Post == post.ID, blob2 || c.Blob == web.Hash(h)
			default:
				return post2 && blob2
			}
		}
	})
	list, err := b.store.Receipts(ctx, post.ID)
	if err != nil || len(list) == 0 || list[0].From != a.ID() || list[0].Via != event.ViaPeer {
		t.Errorf("B's receipts are %v (%v), want A", list, err)
	}
	until(t, "A counts B among the keepers", func() bool {
		kept, err := a.Kept(ctx, []*event.Event{post})
		if err != nil {
			t.Fatal(err)
		}
		ks := kept[post.ID].Keepers
		return len(ks) == 2 && ks[0].This && ks[1].Peer == b.ID() && ks[1].Person == ben
	})
	// Idle now: what was answered is not asked again soon.
	if wait := a.keeping.round(ctx); wait < auditAgain/2 {
		t.Errorf("the next round of challenges is due in %s although all were answered", wait)
	}
	publish(t, a, &event.Event{Kind: event.KindDeletion, Tags: event.Tags{{"e", post.ID.String()}}})
	until(t, "the deletion reaches B", func() bool { return !isHere(t, b, post) })
	if got, err := b.sweeper.sweepForsaken(ctx); err != nil || got != 1 || b.hasBlob(h) {
		t.Errorf("B removed %d blobs of the deleted post (%v), want one", got, err)
	}
	if st, err := b.Status(ctx); err != nil || st.Peers != 1 || st.Traffic.In == 0 {
		t.Errorf("status is %+v (%v)", st, err)
	}
}

// A stranger's large blob does not come unasked, also when its size is not said.
func TestFetchingKeepsToTheRingsLimits(t *testing.T) {
	ctx := context.Background()
	a, b := living(t, Config{}), living(t, Config{})
	newPerson(t, a)
	newPerson(t, b)
	joins(t, b, a)
	big := bytes.Repeat([]byte("0123456789abcdef"), fetchStranger/16+1)
	info, err := a.blobs.Put(ctx, bytes.NewReader(big), blob.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.fetchBlob(ctx, blobRef{Hash: info.Hash}, []string{a.ID()}, fetchStranger); err == nil || b.hasBlob(info.Hash) {
		t.Errorf("a blob of %d bytes came under a limit of %d (%v)", info.Size, fetchStranger, err)
	}
	stranger := newAuthor(t)
	b.fetcher.add(a.ID(), stranger.note(b.now().Unix(), "", imeta(info.Hash, "size 99999999")))
	if len(b.fetcher.wish) != 0 {
		t.Error("a stranger's large blob is wished for")
	}
	have, err := b.Fetch(ctx, web.Hash(info.Hash)) // somebody opened the post
	if err != nil || !have.Whole || have.Size != info.Size {
		t.Errorf("asked for: %+v, %v", have, err)
	}
	if have, err := b.Fetch(ctx, web.Hash{1}); err != nil || have.Whole {
		t.Errorf("what nobody has: %+v, %v", have, err)
	}
}

func TestWishesRetrySlowerAndSlowerAndAreBounded(t *testing.T) {
	n, c := alone(t)
	f := n.fetcher
	h := blob.Sum([]byte("x"))
	f.put("p", event.ID{1}, blobRef{Hash: h}, 10)
	f.put("p", event.ID{2}, blobRef{Hash: h}, 20)
	for i := range 100 {
		f.put(string(rune(i)), event.ID{byte(i)}, blobRef{Hash: h}, 5)
	}
	w, wait := f.due()
	if w == nil || wait != 0 || w.most != 20 || len(w.from) != maxWishFrom || len(w.posts) != maxWishPosts {
		t.Fatalf("due is %+v in %s", w, wait)
	}
	if again, _ := f.due(); again != nil {
		t.Error("one blob is tried twice at once")
	}
	last := time.Duration(0)
	for range 20 {
		f.tried(w, context.DeadlineExceeded)
		_, wait := f.due()
		if wait < last || wait > lastRetry {
			t.Fatalf("the next try is in %s after %s", wait, last)
		}
		last = wait
		c.pass(wait)
		if w, _ = f.due(); w == nil {
			t.Fatal("a blob is not tried when its time has come")
		}
	}
	if last != lastRetry {
		t.Errorf("tries are %s apart in the end, want %s", last, lastRetry)
	}
	f.tried(w, context.DeadlineExceeded)
	f.peerCame()
	if again, _ := f.due(); again == nil {
		t.Error("a new peer is not asked at once")
	}
	if posts := f.tried(w, nil); len(posts) != maxWishPosts || len(f.wish) != 0 {
		t.Errorf("after it came %d posts are told and %d wishes left", len(posts), len(f.wish))
	}
	for i := range maxFetches + 10 {
		f.put("", event.ID{}, blobRef{Hash: blob.Hash{byte(i), byte(i >> 8), 1}}, 1)
	}
	if len(f.wish) > maxFetches {
		t.Errorf("%d blobs are waited for", len(f.wish))
	}
}

// A node that is on its own asks nobody and writes nothing, whatever is posted.
func TestKeepingCostsNothingWithoutPeers(t *testing.T) {
	n, _ := alone(t)
	newPerson(t, n)
	for range 3 {
		publish(t, n, &event.Event{Kind: event.KindNote, Content: "x"})
		if wait := n.keeping.round(context.Background()); wait < auditAgain {
			t.Errorf("without peers the next round is in %s", wait)
		}
	}
	if len(n.keeping.ask) != 0 {
		t.Error("challenges are noted without anybody to ask")
	}
}

// After a restart a node calls whom an invitation brought, and nobody else.
func TestRestartCallsInvitedPeersAgain(t *testing.T) {
	a := living(t, Config{})
	newPerson(t, a)
	home := t.TempDir()
	b := living(t, Config{Home: home})
	newPerson(t, b)
	joins(t, b, a)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	again := living(t, Config{Home: home})
	until(t, "B is connected with A again", func() bool { return len(again.connected()) == 1 })
	if got := len(a.peerbook.addresses()); got != 0 {
		t.Errorf("A keeps %d addresses of a peer that came to it", got)
	}
}
