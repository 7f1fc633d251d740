package keys

import (
	"bytes"
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"
)

func TestInvitationTokenStaysAndIsPrivate(t *testing.T) {
	dir := t.TempDir()
	token := func() []byte {
		r, err := Open(dir, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		b, err := r.InviteToken()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	one := token()
	if len(one) != inviteTokenBytes || !bytes.Equal(one, token()) {
		t.Errorf("the token is %x, then another: invitations given out would end", one)
	}
	st, err := os.Stat(filepath.Join(dir, inviteFile))
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
	if err := os.WriteFile(filepath.Join(dir, inviteFile), []byte("zz"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, _ := Open(dir, rand.Reader)
	if _, err := r.InviteToken(); err == nil {
		t.Error("a damaged token was taken")
	}
}
