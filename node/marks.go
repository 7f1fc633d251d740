package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"sync"

	"mural/keys"
)

// Marks this node keeps about itself.
const (
	markBackup = "backup"  // "done" once a backup was given out
	markNearby = "nearby:" // + network id -> "on" or "off"
	maxMarks   = 1000      // networks a person says something about
)

// marks is a small durable map of what the owner decided on this device.
// It is safe for concurrent use.
type marks struct {
	file string
	mu   sync.Mutex
	kv   map[string]string
}

func openMarks(file string) (*marks, error) {
	m := &marks{file: file, kv: map[string]string{}}
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &m.kv)
	}
	if err != nil {
		return nil, fmt.Errorf("node: reading %s: %w", file, err)
	}
	return m, nil
}

func (m *marks) get(key string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.kv[key]
}

func (m *marks) set(key, value string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	next := maps.Clone(m.kv)
	if len(next) >= maxMarks {
		clear(next) // asked again is better than refused for ever
	}
	next[key] = value
	b, err := json.MarshalIndent(next, "", "  ")
	if err != nil {
		return fmt.Errorf("node: marks: %w", err)
	}
	if err := keys.WriteFile(m.file, append(b, '\n')); err != nil {
		return err
	}
	m.kv = next
	return nil
}
