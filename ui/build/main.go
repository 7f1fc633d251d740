// Command build writes ui/dist from the sources beside it.
// Run it through "go generate ./ui".
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"mural/ui/bundle"
)

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run replaces dist as a whole, so that a file that is no longer made goes too.
func run(dir string) error {
	files, err := bundle.Build(dir)
	if err != nil {
		return err
	}
	dist := filepath.Join(dir, "dist")
	if err := os.RemoveAll(dist); err != nil {
		return fmt.Errorf("build: clearing %s: %w", dist, err)
	}
	if err := os.MkdirAll(dist, 0o755); err != nil {
		return fmt.Errorf("build: making %s: %w", dist, err)
	}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dist, name), b, 0o644); err != nil {
			return fmt.Errorf("build: writing %s: %w", name, err)
		}
	}
	return nil
}
