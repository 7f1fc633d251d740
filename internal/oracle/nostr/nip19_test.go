package oracle

import (
	"crypto/rand"
	"testing"

	"github.com/nbd-wtf/go-nostr"
	"github.com/nbd-wtf/go-nostr/nip19"

	"mural/event"
)

// TestNamesOfBoth: NIP-19 texts are the same letter by letter, and each side
// reads the other's.
func TestNamesOfBoth(t *testing.T) {
	for range 50 {
		var id event.ID
		rand.Read(id[:])
		key, err := event.NewSecretKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		pk := key.PubKey()
		relays := []string{"wss://a.example/", "ws://[2001:db8::1]:4880/é"}
		address := event.Address{Kind: 30023, PubKey: pk, Identifier: "über/uns"}

		same(t, event.EncodeNPub(pk), must(nip19.EncodePublicKey(pk.String())))
		same(t, event.EncodeNSec(key), must(nip19.EncodePrivateKey(key.Hex())))
		same(t, event.EncodeNote(id), must(nip19.EncodeNote(id.String())))
		same(t, event.EncodeNProfile(event.NProfile{PubKey: pk, Relays: relays}), must(nip19.EncodeProfile(pk.String(), relays)))
		same(t, event.EncodeNEvent(event.NEvent{ID: id, Relays: relays, Author: pk}), must(nip19.EncodeEvent(id.String(), relays, pk.String())))
		same(t, event.EncodeNAddr(event.NAddr{Address: address, Relays: relays}), must(nip19.EncodeEntity(pk.String(), 30023, address.Identifier, relays)))

		// go-nostr does not write a kind, but reads one.
		_, value, err := nip19.Decode(event.EncodeNEvent(event.NEvent{ID: id, Author: pk, Kind: 1, HasKind: true}))
		if pointer, ok := value.(nostr.EventPointer); err != nil || !ok || pointer.ID != id.String() || pointer.Author != pk.String() || pointer.Kind != 1 {
			t.Errorf("go-nostr reads our nevent as %+v, %v", value, err)
		}
	}
}

// same also reads the text back: ours by them, theirs by us.
func same(t *testing.T, ours, theirs string) {
	t.Helper()
	if ours != theirs {
		t.Errorf("we write %s\ngo-nostr %s", ours, theirs)
	}
	if _, _, err := nip19.Decode(ours); err != nil {
		t.Errorf("go-nostr cannot read %s: %v", ours, err)
	}
	if _, err := event.Decode(theirs); err != nil {
		t.Errorf("we cannot read %s: %v", theirs, err)
	}
}

func must(s string, err error) string {
	if err != nil {
		panic(err)
	}
	return s
}
