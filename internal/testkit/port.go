//go:build linux

package testkit

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// Ports of loopback worlds lie below those that the kernel gives to outgoing
// connections, so that none is taken between the moment it was found free and
// the moment a node opens it.
const (
	firstPort = 20_000
	lastPort  = 32_000
)

var (
	portsMu sync.Mutex
	given   = map[int]bool{}
)

// FreePort finds a port that nobody has now, for TCP and UDP, and that was not
// given to another story of this run.
func FreePort(t testing.TB) int {
	t.Helper()
	portsMu.Lock()
	defer portsMu.Unlock()
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		if !given[port] && isFree(port) {
			given[port] = true
			return port
		}
	}
	t.Fatal("testkit: no free port found")
	return 0
}

func isFree(port int) bool {
	addr := fmt.Sprintf(":%d", port)
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return false
	}
	defer l.Close()
	u, err := net.ListenPacket("udp", addr)
	if err != nil {
		return false
	}
	return u.Close() == nil
}
