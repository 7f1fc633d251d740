package node

import (
	"crypto/ed25519"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/libp2p/go-libp2p/core/crypto"
	libp2p "github.com/libp2p/go-libp2p/core/peer"
)

// peerID names a device by its key.
func peerID(key ed25519.PrivateKey) string {
	pub, err := crypto.UnmarshalEd25519PublicKey(key.Public().(ed25519.PublicKey))
	if err != nil {
		return "" // an Ed25519 key that keys.Open gave has 32 bytes
	}
	id, err := libp2p.IDFromPublicKey(pub)
	if err != nil {
		return ""
	}
	return id.String()
}

// role is a word for people about what this device is.
func role() string {
	if runtime.GOOS == "android" {
		return "phone"
	}
	if _, err := os.Stat("/sys/class/power_supply/BAT0"); err == nil {
		return "laptop"
	}
	return "computer"
}

func pid() int { return os.Getpid() }

// portHolder finds who listens on a TCP port (Linux; "" elsewhere or when the
// process belongs to somebody else).
func portHolder(port int) string {
	inode := listenerInode(port)
	if inode == "" {
		return ""
	}
	links, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return ""
	}
	for _, l := range links {
		if to, err := os.Readlink(l); err == nil && to == "socket:["+inode+"]" {
			id := strings.Split(l, "/")[2]
			name, _ := os.ReadFile("/proc/" + id + "/comm")
			return fmt.Sprintf("%s (process %s)", strings.TrimSpace(string(name)), id)
		}
	}
	return ""
}

func listenerInode(port int) string {
	want := ":" + strings.ToUpper(fmt.Sprintf("%04x", port))
	for _, file := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		for _, f := range fields(file) {
			if len(f) > 9 && strings.HasSuffix(f[1], want) && f[3] == "0A" {
				if _, err := strconv.Atoi(f[9]); err == nil {
					return f[9]
				}
			}
		}
	}
	return ""
}
