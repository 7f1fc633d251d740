//go:build linux

package testkit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var (
	built  string // the binary, set once
	buildE error
	once   sync.Once
	outDir string
)

// Main runs the tests of a package and removes the binary that they had built.
// Use it as the TestMain of a package of stories.
func Main(m *testing.M) {
	sweep()
	code := m.Run()
	if outDir != "" {
		os.RemoveAll(outDir)
	}
	os.Exit(code)
}

// Binary gives the mural that stories run: $MURAL_BIN, or one built from this
// tree without cgo, once for all tests of a package.
func Binary() (string, error) {
	if bin := os.Getenv("MURAL_BIN"); bin != "" {
		return bin, nil
	}
	once.Do(func() { built, buildE = build() })
	return built, buildE
}

func build() (string, error) {
	dir, err := os.MkdirTemp("", "mural-bin-")
	if err != nil {
		return "", err
	}
	outDir = dir
	bin := filepath.Join(dir, "mural")
	cmd := exec.Command("go", "build", "-o", bin, "mural/cmd/mural")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building mural: %w\n%s", err, out)
	}
	return bin, nil
}

// process is one running node.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

// The kernel ends the nodes when the thread that started them ends, also when
// the test is killed. So one thread that never ends starts them all.
var (
	startMu sync.Mutex
	starts  chan func()
)

func onStarter(do func() error) error {
	startMu.Lock()
	if starts == nil {
		starts = make(chan func())
		go func() {
			runtime.LockOSThread()
			for f := range starts {
				f()
			}
		}()
	}
	startMu.Unlock()
	err := make(chan error)
	starts <- func() { err <- do() }
	return <-err
}

// command is a mural command line of this person's home, inside their network.
func (p *Person) command(ctx context.Context, args ...string) (*exec.Cmd, error) {
	bin, err := Binary()
	if err != nil {
		return nil, err
	}
	argv := append([]string{bin, "--home", p.Home}, args...)
	if p.ns != "" {
		argv = append([]string{"ip", "netns", "exec", p.ns}, argv...)
	}
	return exec.CommandContext(ctx, argv[0], argv[1:]...), nil
}

func (p *Person) logPath() string { return filepath.Join(p.w.dir, p.Name+".log") }

// Log gives what the node of this person wrote, all its lives.
func (p *Person) Log() string {
	b, _ := os.ReadFile(p.logPath())
	return string(b)
}

// start runs the node and waits until it answers its owner.
func (p *Person) start() error {
	args := append([]string{"--port", strconv.Itoa(p.Port), "run", "-v", "--peer-port", strconv.Itoa(p.PeerPort)}, p.flags...)
	cmd, err := p.command(context.Background(), args...)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(p.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	begin := time.Now()
	if err := onStarter(cmd.Start); err != nil {
		return err
	}
	p.running = &process{cmd: cmd, done: make(chan struct{})}
	go func(r *process) { _ = r.cmd.Wait(); close(r.done) }(p.running)
	if err := p.awaitUp(p.running.done); err != nil {
		return err
	}
	p.StartTook = time.Since(begin)
	return nil
}

func (p *Person) awaitUp(done <-chan struct{}) error {
	deadline := time.Now().Add(Patience)
	for {
		err := p.checkUp()
		if err == nil {
			return nil
		}
		select {
		case <-done:
			p.running = nil
			return fmt.Errorf("the node ended at once:\n%s", tail(p.Log(), logTail))
		case <-time.After(pollEvery):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the node does not answer: %w\n%s", err, tail(p.Log(), logTail))
		}
	}
}

func (p *Person) checkUp() error {
	token, err := os.ReadFile(filepath.Join(p.Home, "run", "token"))
	if err != nil {
		return err
	}
	p.token = strings.TrimSpace(string(token))
	var me struct {
		Owner  bool   `json:"owner"`
		NodeID string `json:"node_id"`
	}
	if err := p.try("GET", "/api/me", nil, &me); err != nil {
		return err
	}
	if !me.Owner {
		return errors.New("the node does not know its owner's token")
	}
	p.PeerID = me.NodeID
	return nil
}

// PID is the process of the node.
func (p *Person) PID() int { return p.running.cmd.Process.Pid }

func (p *Person) kill() {
	if p.running == nil {
		return
	}
	_ = p.running.cmd.Process.Kill()
	<-p.running.done
	p.running = nil
	p.web.CloseIdleConnections()
}

// Quits ends the node the way its person does (SIGTERM) and waits.
func (p *Person) Quits() {
	p.t.Helper()
	if !p.quit() {
		p.t.Errorf("the node of %s did not end within %s after SIGTERM", p.Name, closePatience)
	}
}

func (p *Person) quit() bool {
	if p.running == nil {
		return true
	}
	_ = p.running.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.running.done:
		p.running = nil
		p.web.CloseIdleConnections()
		return true
	case <-time.After(closePatience):
		p.kill()
		return false
	}
}

func (p *Person) stop() {
	if !p.quit() {
		p.t.Errorf("the node of %s had to be killed: it did not end within %s after SIGTERM\n%s", p.Name, closePatience, tail(p.Log(), logTail))
	}
}

// Types runs a mural command in this home and gives what it printed and whether
// it succeeded.
func (p *Person) Types(args ...string) (stdout, stderr string, ok bool) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	cmd, err := p.command(ctx, args...)
	if err != nil {
		p.t.Fatal(err)
	}
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err == nil
}
