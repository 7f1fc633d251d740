//go:build linux

package testkit

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

const (
	nsPrefix = "mural"       // network namespaces are named mural-<pid>-<world>-<n>
	subnet   = "10.99.0."    // of every bridge; bridges do not know each other
	gateway  = "10.99.0.254" // a default route, without which mDNS and libp2p see no network
)

var worldNumber atomic.Int64

// bridge is one switch with a network namespace per person plugged into it.
// Nothing of it is in the namespace of the machine.
type bridge struct {
	name   string // prefix of its namespaces
	joined int
}

func newBridge() (*bridge, error) {
	b := &bridge{name: fmt.Sprintf("%s-%d-%d-", nsPrefix, os.Getpid(), worldNumber.Add(1))}
	err := ip("netns", "add", b.hub())
	if err == nil {
		// A snooping bridge without a querier swallows multicast, and mDNS with it.
		err = ip("-n", b.hub(), "link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
	}
	if err == nil {
		err = ip("-n", b.hub(), "link", "set", "br0", "up")
	}
	if err != nil {
		b.remove()
		return nil, err
	}
	return b, nil
}

func (b *bridge) hub() string { return b.name + "0" }

// join plugs one more namespace in, and gives its name, its address and its link.
func (b *bridge) join() (ns, addr, link string, err error) {
	b.joined++
	n := strconv.Itoa(b.joined)
	ns, addr, link = b.name+n, subnet+n, "p"+n
	for _, args := range [][]string{
		{"netns", "add", ns},
		{"-n", b.hub(), "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", ns},
		{"-n", b.hub(), "link", "set", link, "master", "br0", "up"},
		{"-n", ns, "addr", "add", addr + "/24", "dev", "eth0"},
		{"-n", ns, "link", "set", "eth0", "up"},
		{"-n", ns, "link", "set", "lo", "up"},
		{"-n", ns, "route", "add", "default", "via", gateway},
	} {
		if err := ip(args...); err != nil {
			return "", "", "", err
		}
	}
	return ns, addr, link, nil
}

func (b *bridge) set(link, state string) error { return ip("-n", b.hub(), "link", "set", link, state) }

func (b *bridge) remove() {
	for n := b.joined; n >= 0; n-- {
		_ = ip("netns", "del", b.name+strconv.Itoa(n)) // one that was never made
	}
}

func ip(args ...string) error {
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// sweep removes namespaces of tests that were killed before they could.
func sweep() {
	if os.Getuid() != 0 {
		return
	}
	names, err := os.ReadDir("/run/netns")
	if err != nil {
		return
	}
	for _, n := range names {
		parts := strings.Split(n.Name(), "-")
		if len(parts) != 4 || parts[0] != nsPrefix {
			continue
		}
		pid, err := strconv.Atoi(parts[1])
		if err == nil && unix.Kill(pid, 0) == unix.ESRCH {
			_ = ip("netns", "del", n.Name())
		}
	}
}

// within runs do on a thread that stands in a network namespace ("" = here).
// Sockets stay in the namespace where they were made.
func within[T any](ns string, do func() (T, error)) (T, error) {
	if ns == "" {
		return do()
	}
	type result struct {
		v   T
		err error
	}
	out := make(chan result, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with its namespace
		var r result
		if r.err = enter(ns); r.err == nil {
			r.v, r.err = do()
		}
		out <- r
	}()
	r := <-out
	return r.v, r.err
}

func enter(ns string) error {
	f, err := os.Open("/run/netns/" + ns)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("entering network namespace %s: %w", ns, err)
	}
	return nil
}
