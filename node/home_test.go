package node

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mural/event"
)

// freePort gives a port that is free, and so is the next one.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		l.Close()
		if next, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", "0")); err == nil {
			next.Close()
		}
		if port < 65000 {
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

func TestHomeBelongsToOneProcess(t *testing.T) {
	home := t.TempDir()
	n := openTest(t, Config{Home: home, Alone: true})
	_, err := Open(Config{Home: home, Alone: true})
	if !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), "--home") {
		t.Errorf("a second node of one home: got %v, want ErrBusy and what to type", err)
	}
	if err := n.home.announce(Running{PID: 4711, URL: "http://localhost:4880", Since: n.started}); err != nil {
		t.Fatal(err)
	}
	_, err = Open(Config{Home: home, Alone: true})
	if !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), "4711") || !strings.Contains(err.Error(), "http://localhost:4880") {
		t.Errorf("got %v, want who has the home and where it answers", err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := FindRunning(home); err == nil {
		t.Error("a closed node is still announced")
	}
	again, err := Open(Config{Home: home, Alone: true})
	if err != nil {
		t.Fatalf("the home is not free after Close: %v", err)
	}
	if again.ID() != n.ID() {
		t.Error("the device has another name after a restart")
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func TestCloseLeavesNothingBehind(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	port := freePort(t)
	n, err := Open(Config{Home: t.TempDir(), Port: port, PeerPort: port + 1, Nearby: "off"})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Serve(); err != nil {
		t.Fatal(err)
	}
	newPerson(t, n)
	publish(t, n, &event.Event{Kind: event.KindNote, Content: "hello"})
	if err := n.Close(); err != nil {
		t.Error(err)
	}
}

func TestDamagedFilesOfAHomeAreToldWithTheirNames(t *testing.T) {
	rows := map[string]string{
		"mural.toml":      "port = [",
		"marks.json":      "{",
		"keys/gate.json":  "{",
		"keys/device.key": "zz",
		"keys/person.key": "nsec1x",
	}
	for file, content := range rows {
		home := t.TempDir()
		path := filepath.Join(home, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(Config{Home: home, Alone: true}); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v, want an error that names it", file, err)
			continue
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		n, err := Open(Config{Home: home, Alone: true})
		if err != nil {
			t.Errorf("%s: the home is not free after a failed start: %v", file, err)
			continue
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestFileAndFlagsOfConfiguration(t *testing.T) {
	home := t.TempDir()
	toml := "port = 5000\nname = \"box\"\nkeep_gb = 7\nallowed_hosts = [\"a.example\"]\nkeep_originals = true\n"
	if err := os.WriteFile(filepath.Join(home, "mural.toml"), []byte(toml), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Config{Home: home, Name: "flag"}.withFile()
	if err != nil {
		t.Fatal(err)
	}
	if c.Port != 5000 || c.PeerPort != 5001 || c.Name != "flag" || c.KeepGB != 7 || !c.KeepOriginals || len(c.AllowedHosts) != 1 || c.Listen != "localhost" {
		t.Errorf("got %+v, want the file, the flags over it, the defaults under it", c)
	}
	c, err = Config{Home: t.TempDir()}.withFile()
	if err != nil || c.Port != DefaultPort || c.PeerPort != DefaultPort+1 || c.KeepGB != DefaultKeepGB {
		t.Errorf("defaults are %+v (%v)", c, err)
	}
	for _, bad := range []string{"prot = 5000\n", "port = \"x\"\n", "port = 70000\n", "keep_gb = -1\n"} {
		if err := os.WriteFile(filepath.Join(home, "mural.toml"), []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := (Config{Home: home}).withFile(); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

// writes is a log that several goroutines write.
type writes struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (w *writes) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.Write(b)
}

// joinDark takes the invitation of a node that went dark.
func joinDark(t *testing.T, n *Node) (code string) {
	t.Helper()
	port := freePort(t)
	dark := openTest(t, Config{Home: t.TempDir(), Port: port, PeerPort: port + 1, Nearby: "off"})
	newPerson(t, dark)
	code, err := dark.Invite(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if err := dark.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if _, connected, err := n.Join(ctx, code); connected || err != nil {
		t.Fatalf("joining a dark node: connected %v, %v", connected, err)
	}
	return code
}

// Nobody is exposed: whatever happens, no key, token or link is in the log.
func TestLogNeverHoldsASecret(t *testing.T) {
	var log writes
	port := freePort(t)
	home := t.TempDir()
	n, err := Open(Config{Home: home, Port: port, PeerPort: port + 1, Nearby: "off", Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Serve(); err != nil {
		t.Fatal(err)
	}
	a := newAuthor(t)
	if _, err := n.Restore(context.Background(), a.key); err != nil {
		t.Fatal(err)
	}
	link := n.Link()
	publish(t, n, &event.Event{Kind: event.KindNote, Content: "hello"})
	if _, err := n.Backup(context.Background(), "a long passphrase"); err != nil {
		t.Fatal(err)
	}
	code := joinDark(t, n)
	token, seed := n.gate.Token(), hex.EncodeToString(n.ring.Device().Seed())
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	text := log.buf.String()
	if text == "" {
		t.Fatal("nothing was logged, so nothing was tested")
	}
	secrets := map[string]string{"nsec": event.EncodeNSec(a.key), "secret key": hex.EncodeToString(a.key[:]), "token": token,
		"link": link[strings.Index(link, "#")+3:], "device key": seed, "invitation": code, "passphrase": "a long passphrase"}
	for name, secret := range secrets {
		if strings.Contains(text, secret) {
			t.Errorf("the log holds the %s", name)
		}
	}
}

func TestPortInUseIsToldWithWhatToType(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	n := openTest(t, Config{Home: t.TempDir(), Port: l.Addr().(*net.TCPAddr).Port, Alone: true})
	if err := n.Serve(); err == nil || !strings.Contains(err.Error(), "--port") || !strings.Contains(err.Error(), "in use") {
		t.Errorf("got %v, want who has the port and what to type", err)
	}
	bad := openTest(t, Config{Home: t.TempDir(), Listen: "example.org", Alone: true})
	if err := bad.Serve(); err == nil || !strings.Contains(err.Error(), "0.0.0.0") {
		t.Errorf("a name to listen on: %v", err)
	}
}
