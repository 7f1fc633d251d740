package node

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/BurntSushi/toml"
)

// Defaults of a node. One port carries app, relay and blobs; the next one
// speaks libp2p, so that several nodes run side by side with Home and Port alone.
const (
	DefaultPort   = 4880
	DefaultKeepGB = 20 // GiB of other people's media kept here at most
	minFreeBytes  = 1 << 30
)

// Config is what a node is told from outside. The zero value of a field means its default.
type Config struct {
	Home     string `toml:"-"`         // folder of everything; default ~/.mural
	Port     int    `toml:"port"`      // app, relay, blobs, feeds
	PeerPort int    `toml:"peer_port"` // libp2p; default Port+1
	Listen   string `toml:"listen"`    // address of the port; default loopback, "0.0.0.0" lets guests of the network read

	AllowedHosts  []string `toml:"allowed_hosts"`  // further names this node answers to
	BlobBase      string   `toml:"blob_base"`      // address written into posts for media; default http://localhost:4880
	KeepGB        int      `toml:"keep_gb"`        // GiB of other people's media at most
	KeepOriginals bool     `toml:"keep_originals"` // keep the untouched file privately
	Name          string   `toml:"name"`           // what the relay calls itself

	Open   bool         `toml:"-"` // lift quotas: benchmarks and public relays
	Nearby string       `toml:"-"` // "on" or "off" answers the question for whatever network this is; "" asks
	Alone  bool         `toml:"-"` // open no port: a command that runs without a node
	Log    *slog.Logger `toml:"-"`

	Now func() time.Time `toml:"-"` // default time.Now
}

// DefaultHome is ~/.mural.
func DefaultHome() string {
	dir, err := os.UserHomeDir()
	if err != nil {
		return ".mural"
	}
	return filepath.Join(dir, ".mural")
}

// withFile fills what the caller left open from mural.toml, then from the defaults.
func (c Config) withFile() (Config, error) {
	if c.Home == "" {
		c.Home = DefaultHome()
	}
	home, err := filepath.Abs(c.Home)
	if err != nil {
		return c, fmt.Errorf("node: home %s: %w", c.Home, err)
	}
	c.Home = home
	var f Config
	path := filepath.Join(home, "mural.toml")
	if err := f.read(path); err != nil {
		return c, err
	}
	c = c.over(f)
	if err := checkPort("--port", c.Port); err != nil {
		return c, err
	}
	return c, checkPort("--peer-port", c.PeerPort)
}

// read reads a configuration file, or nothing where there is none. A name that
// is not known is an error: a typing error would silently leave the default.
func (c *Config) read(path string) error {
	meta, err := toml.DecodeFile(path, c)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("node: %s is not valid: %w", path, err)
	}
	if strange := meta.Undecoded(); len(strange) > 0 {
		return fmt.Errorf("node: %s: nothing is called %q; docs/guide/configuration.md has the names", path, strange[0].String())
	}
	if c.KeepGB < 0 {
		return fmt.Errorf("node: %s: keep_gb = %d is no size; the least is 1", path, c.KeepGB)
	}
	return nil
}

func checkPort(flag string, port int) error {
	const last = 1<<16 - 1
	if port < 1 || port > last {
		return fmt.Errorf("%s %d is not a port; choose a number from 1 to %d", flag, port, last)
	}
	return nil
}

func (c Config) over(f Config) Config {
	c.Port = first(c.Port, f.Port, DefaultPort)
	c.PeerPort = first(c.PeerPort, f.PeerPort, c.Port+1)
	c.Listen = first(c.Listen, f.Listen, "localhost")
	c.BlobBase = first(c.BlobBase, f.BlobBase, fmt.Sprintf("http://localhost:%d", DefaultPort))
	c.KeepGB = first(c.KeepGB, f.KeepGB, DefaultKeepGB)
	c.Name = first(c.Name, f.Name, "mural")
	c.KeepOriginals = c.KeepOriginals || f.KeepOriginals
	c.AllowedHosts = append(c.AllowedHosts, f.AllowedHosts...)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

func first[T comparable](values ...T) T {
	var zero T
	for _, v := range values {
		if v != zero {
			return v
		}
	}
	return zero
}
