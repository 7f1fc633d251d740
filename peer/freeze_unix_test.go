//go:build unix

package peer

import (
	"context"
	"syscall"
	"testing"
	"time"
)

// A frozen process keeps its connection open and says nothing: like a power
// cut, as the other side sees it.
func TestFrozenPeerIsNoticed(t *testing.T) {
	if testing.Short() {
		t.Skip("waits until silence is too long")
	}
	t.Parallel()
	ana := newPerson(t, "ana")
	proc, addr := spawn(t, 7, "/ip4/127.0.0.1/tcp/0")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	p, err := ana.host.Connect(ctx, []string{addr})
	must(t, err)
	must(t, proc.Signal(syscall.SIGSTOP))
	defer func() { must(t, proc.Signal(syscall.SIGCONT)) }()
	start := time.Now()
	eventually(t, "ana notices", func() bool { p, _ := ana.host.find(p.ID); return !p.Connected })
	t.Logf("noticed after %v", time.Since(start))
}
