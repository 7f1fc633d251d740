//go:build linux

package testkit

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Patience is how long a story waits for something before it fails. It is far
// above what anything takes, since test machines are slow and shared.
const Patience = 60 * time.Second

const (
	pollEvery     = 20 * time.Millisecond
	worldsAtOnce  = 2  // a world is several nodes: more than two worlds slow each other down
	logTail       = 40 // lines of each log that a failure prints
	defaultPort   = 4880
	closePatience = 10 * time.Second // for a node to end by itself
)

var worlds = make(chan struct{}, worldsAtOnce)

// World is the people of one story and what connects them. It is used from the
// test's goroutine.
type World struct {
	t      testing.TB
	dir    string
	wire   *bridge // nil on loopback
	people []*Person
}

// New makes a world on the loopback ports of this machine.
func New(t testing.TB) *World {
	t.Helper()
	worlds <- struct{}{}
	w := &World{t: t, dir: t.TempDir()}
	t.Cleanup(w.end)
	return w
}

// Bridge makes a world where everybody has a network of their own on one
// bridge. It skips the test without root or iproute2.
func Bridge(t testing.TB) *World {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("network namespaces need root: run this test as root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("network namespaces need iproute2: apt install iproute2")
	}
	w := New(t)
	b, err := newBridge()
	if err != nil {
		t.Fatalf("testkit: making a bridge: %v", err)
	}
	w.wire = b
	return w
}

// end tells what happened where the story failed, and ends everything.
func (w *World) end() {
	defer func() { <-worlds }()
	if w.t.Failed() {
		w.tell()
	}
	for _, p := range w.people {
		p.stop()
	}
	if w.wire != nil {
		w.wire.remove()
	}
	for _, p := range w.people {
		log := p.Log()
		for _, bad := range []string{"panic: ", "fatal error: ", "WARNING: DATA RACE"} {
			if at := strings.Index(log, bad); at >= 0 {
				w.t.Errorf("the node of %s crashed or raced:\n%s", p.Name, head(log[at:], 3*logTail))
			}
		}
		w.complaints(p, log)
	}
}

// tell prints the end of every log and the sockets of every node.
func (w *World) tell() {
	for _, p := range w.people {
		w.t.Logf("-- log of %s (home %s)\n%s", p.Name, p.Home, tail(p.Log(), logTail))
		if p.ns == "" {
			continue
		}
		out, err := exec.Command("ip", "netns", "exec", p.ns, "ss", "-tnp").CombinedOutput()
		if err != nil {
			out = fmt.Appendf(out, "%v", err)
		}
		w.t.Logf("-- sockets of %s (%s)\n%s", p.Name, p.Addr, out)
	}
}

// complaints repeats the last error of a node, for whoever reads the story.
func (w *World) complaints(p *Person, log string) {
	count, last := 0, ""
	for line := range strings.SplitSeq(log, "\n") {
		if strings.Contains(line, "level=ERROR") {
			count, last = count+1, line
		}
	}
	if count > 0 {
		w.t.Logf("%s's node wrote %d errors into its log, at last: %s", p.Name, count, last)
	}
}

func head(text string, lines int) string {
	all := strings.Split(text, "\n")
	return strings.Join(all[:min(len(all), lines)], "\n")
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// Until waits until check gives no error, and fails the story with the last
// one when Patience is over. It gives how long it took.
func (w *World) Until(what string, check func() error) time.Duration {
	w.t.Helper()
	start := time.Now()
	for {
		err := check()
		took := time.Since(start)
		if err == nil {
			return took
		}
		if took > Patience {
			w.t.Fatalf("waited %s in vain until %s: %v", took.Round(time.Second), what, err)
		}
		time.Sleep(pollEvery)
	}
}

// Person starts a node for somebody and types their name. flags go to `mural run`.
func (w *World) Person(name string, flags ...string) *Person {
	w.t.Helper()
	p := w.Newcomer(name, flags...)
	p.IsNamed(name)
	return p
}

// Newcomer starts a node on which nobody has typed a name. name is what the
// story calls it.
func (w *World) Newcomer(name string, flags ...string) *Person {
	w.t.Helper()
	p := w.device(name, flags...)
	if err := p.start(); err != nil {
		w.t.Fatalf("starting the node of %s: %v", name, err)
	}
	return p
}

// Device gives a place for a node that is not started: a home, ports, and a
// network where the world has one.
func (w *World) Device(name string) *Person {
	w.t.Helper()
	return w.device(name)
}

func (w *World) device(name string, flags ...string) *Person {
	w.t.Helper()
	p := &Person{Name: name, w: w, t: w.t, flags: flags, Home: filepath.Join(w.dir, name), Port: defaultPort, PeerPort: defaultPort + 1}
	if w.wire == nil {
		p.Port, p.PeerPort = FreePort(w.t), FreePort(w.t)
	} else {
		var err error
		if p.ns, p.Addr, p.link, err = w.wire.join(); err != nil {
			w.t.Fatalf("testkit: giving %s a network: %v", name, err)
		}
	}
	p.web = p.client(net.JoinHostPort("127.0.0.1", strconv.Itoa(p.Port)))
	w.people = append(w.people, p)
	return p
}

// As lets somebody act: w.As(ana).Posts("hello").
func (w *World) As(p *Person) *Person {
	w.t.Helper()
	if p.running == nil {
		w.t.Fatalf("the node of %s is dark: a story lets it come back before it acts", p.Name)
	}
	return p
}

// GoesDark kills a node (SIGKILL). It has no time for a last word; the kernel
// still closes its connections, so others notice at once.
func (w *World) GoesDark(p *Person) {
	w.t.Helper()
	p.kill()
}

// LosesPower ends a node and the whole machine around it: nobody is told
// anything, connections stay open towards nothing. Heal gives the network back.
// What the kernel had not written to disk survives here, unlike in a real cut.
func (w *World) LosesPower(p *Person) {
	w.t.Helper()
	w.Cut(p)
	p.kill()
}

// ComesBack starts a node with the home it has.
func (w *World) ComesBack(p *Person) {
	w.t.Helper()
	if err := p.start(); err != nil {
		w.t.Fatalf("starting the node of %s again: %v", p.Name, err)
	}
}

// Cut takes somebody off the network: their cable is pulled, the node runs on.
func (w *World) Cut(p *Person) { w.setLink(p, "down") }

// Heal brings somebody back to the network.
func (w *World) Heal(p *Person) { w.setLink(p, "up") }

func (w *World) setLink(p *Person, state string) {
	w.t.Helper()
	if w.wire == nil {
		w.t.Fatal("testkit: only people of a Bridge can be cut off")
	}
	if err := w.wire.set(p.link, state); err != nil {
		w.t.Fatalf("testkit: setting the link of %s %s: %v", p.Name, state, err)
	}
}
