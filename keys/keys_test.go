package keys

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"mural/event"
)

func open(t *testing.T, dir string) *Ring {
	t.Helper()
	r, err := Open(dir, rand.Reader)
	if err != nil {
		t.Fatalf("opening the keys: %v", err)
	}
	return r
}

func TestKeyFilesAreForTheirOwnerAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	dir := filepath.Join(t.TempDir(), "keys")
	r := open(t, dir)
	if _, err := r.NewPerson(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{deviceFile, personFile} {
		st, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := st.Mode().Perm(); got != 0o600 {
			t.Errorf("mode of %s is %04o, want 0600", name, got)
		}
	}
	if st, err := os.Stat(dir); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("the keys folder is %v (%v), want 0700", st.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".new-*")); len(left) > 0 {
		t.Errorf("temporary files are left: %v", left)
	}
}

func TestKeyThatOthersMayReadIsRefused(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	for _, name := range []string{deviceFile, personFile} {
		for _, mode := range []os.FileMode{0o640, 0o604, 0o644, 0o660} {
			dir := t.TempDir()
			if _, err := open(t, dir).NewPerson(); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, name)
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			_, err := Open(dir, rand.Reader)
			if err == nil || !strings.Contains(err.Error(), "chmod 600 "+path) {
				t.Errorf("%s with mode %04o: got error %v, want one that says what to type", name, mode, err)
			}
		}
	}
}

func TestDeviceAndPersonStayTheSame(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir)
	if _, ok := first.Person(); ok {
		t.Error("a fresh home has a person")
	}
	who, err := first.NewPerson()
	if err != nil {
		t.Fatal(err)
	}
	again := open(t, dir)
	if !again.Device().Equal(first.Device()) {
		t.Error("the device key changed between two starts")
	}
	if got, ok := again.Person(); !ok || got != who {
		t.Errorf("the person is %s (%v) after a restart, want %s", got, ok, who)
	}
	if other := open(t, t.TempDir()); other.Device().Equal(first.Device()) {
		t.Error("two homes have one device key")
	}
}

func TestPersonIsNeverReplaced(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir)
	who, err := r.NewPerson()
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(dir, personFile))
	if err != nil {
		t.Fatal(err)
	}
	other, err := event.NewSecretKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := r.SetPerson(other); err == nil || got != who {
		t.Errorf("SetPerson over a person gave %s, %v; want the old person and an error", got, err)
	}
	if got, err := r.NewPerson(); err == nil || got != who {
		t.Errorf("NewPerson over a person gave %s, %v; want the old person and an error", got, err)
	}
	after, err := os.ReadFile(filepath.Join(dir, personFile))
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the key file changed (%v)", err)
	}
}

func TestSigningNeedsAPerson(t *testing.T) {
	r := open(t, t.TempDir())
	e := &event.Event{Kind: event.KindNote, Content: "hello", CreatedAt: 1}
	if err := r.Sign(context.Background(), e); !errors.Is(err, ErrNoPerson) {
		t.Errorf("signing without a person: got %v, want ErrNoPerson", err)
	}
	if _, err := r.Backup("long enough"); !errors.Is(err, ErrNoPerson) {
		t.Errorf("a backup without a person: got %v, want ErrNoPerson", err)
	}
	who, err := r.NewPerson()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Sign(context.Background(), e); err != nil {
		t.Fatal(err)
	}
	if e.PubKey != who || e.Verify() != nil {
		t.Errorf("signed as %s (%v), want a valid event of %s", e.PubKey, e.Verify(), who)
	}
}

// A damaged key is never replaced by a new one, and no error quotes it.
func TestDamagedKeyIsAnErrorThatKeepsTheSecret(t *testing.T) {
	good := event.EncodeNSec(event.SecretKey{31: 1})
	rows := []struct{ name, file, content string }{
		{"device key cut short", deviceFile, "00ff"},
		{"device key that is no hex", deviceFile, strings.Repeat("zz", 32)},
		{"empty device key", deviceFile, ""},
		{"person key with a typing error", personFile, good[:len(good)-1] + "b"},
		{"person key cut short", personFile, good[:40]},
		{"public key in place of the secret", personFile, event.EncodeNPub(event.SecretKey{31: 1}.PubKey())},
		{"zero key", personFile, strings.Repeat("0", 64)},
		{"empty person key", personFile, ""},
		{"huge file", personFile, strings.Repeat("0", maxKeyFile+1)},
	}
	for _, row := range rows {
		dir := t.TempDir()
		path := filepath.Join(dir, row.file)
		if err := os.WriteFile(path, []byte(row.content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(dir, rand.Reader)
		if err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v, want an error that names %s", row.name, err, path)
			continue
		}
		if len(row.content) > 20 && strings.Contains(err.Error(), row.content[5:20]) {
			t.Errorf("%s: the error quotes the key: %v", row.name, err)
		}
		if now, _ := os.ReadFile(path); string(now) != row.content {
			t.Errorf("%s: the file was changed", row.name)
		}
	}
}

func TestParseSecretReadsBothForms(t *testing.T) {
	want := event.SecretKey{31: 7}
	for _, s := range []string{event.EncodeNSec(want), hex.EncodeToString(want[:]), " " + event.EncodeNSec(want) + "\n"} {
		if got, err := ParseSecret(s); err != nil || got != want {
			t.Errorf("reading a key of %d characters: %v", len(s), err)
		}
	}
	for _, s := range []string{"", "nsec1", "nsec1qqqq", event.EncodeNPub(want.PubKey()), strings.Repeat("0", 64), strings.Repeat("f", 64), "0x" + hex.EncodeToString(want[:])} {
		if _, err := ParseSecret(s); err == nil {
			t.Errorf("%q was read as a secret key", s)
		}
	}
}

func TestWriteFileLeavesTheOldOneWhenItFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "file")
	if err := WriteFile(path, []byte("x")); err == nil {
		t.Error("writing into a missing folder succeeded")
	}
	path = filepath.Join(t.TempDir(), "file")
	for _, text := range []string{"one", "two"} {
		if err := WriteFile(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != text {
			t.Errorf("read %q (%v), want %q", b, err, text)
		}
	}
}
