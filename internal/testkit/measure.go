//go:build linux

package testkit

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// clockTick is USER_HZ: the unit of CPU times in /proc, the same on every Linux
// that Go runs on.
const clockTick = 10 * time.Millisecond

// Usage gives the resident memory of the node in bytes and the CPU time it has used.
func (p *Person) Usage() (resident int64, cpu time.Duration) {
	p.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		p.t.Fatal(err)
	}
	for line := range strings.SplitSeq(string(status), "\n") {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmRSS:" {
			kb, _ := strconv.ParseInt(f[1], 10, 64)
			resident = kb << 10
		}
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID()))
	if err != nil {
		p.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // the name before may have spaces
	f := strings.Fields(rest)
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return resident, time.Duration(user+system) * clockTick
}

// Spread says how durations lie: median, 95th percentile, longest.
func Spread(all []time.Duration) string {
	s := slices.Sorted(slices.Values(all))
	if len(s) == 0 {
		return "nothing measured"
	}
	at := func(q float64) time.Duration { return s[int(q*float64(len(s)-1)+0.5)].Round(100 * time.Microsecond) }
	return fmt.Sprintf("p50 %s, p95 %s, longest %s of %d", at(0.5), at(0.95), at(1), len(s))
}
