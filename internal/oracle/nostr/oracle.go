// Package oracle asks another implementation whether ours is right: go-nostr,
// which the product itself does not contain, reads what we write, writes what
// we read, and is a client of a running node.
//
// It is a module of its own, so that go-nostr stays out of mural's go.sum:
//
//	cd internal/oracle/nostr && go test ./...
//	MURAL_RELAY=ws://localhost:4880 go test ./...   # the client tests as well
package oracle
