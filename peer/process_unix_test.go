//go:build unix

package peer

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"
)

// A frozen process keeps its connection open and says nothing: like a power
// cut, as the other side sees it.
func TestFrozenPeerIsNoticed(t *testing.T) {
	t.Parallel()
	ana := newPerson(t, "ana", impatient)
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

func cpuSeconds() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// residentMB reads Linux's account of this process; 0 elsewhere.
func residentMB() int {
	raw, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, resident int
	if _, err := fmt.Sscan(string(raw), &size, &resident); err != nil {
		return 0
	}
	return resident * os.Getpagesize() >> 20
}
