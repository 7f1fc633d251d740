package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"mural/blob"
	"mural/store"
)

// These commands work on the files of a home. The first two only read them, so
// they also work while a node has the home open.

const (
	databaseName = "events.db"
	checkSample  = 200 // blobs that mural check reads when it is not asked for all
)

// mediaFolders hold media and what is known of it; the home says what is in each (docs/architecture.md).
var mediaFolders = []string{"blobs", "originals", ownersFolder}

const ownersFolder = "owners" // who uploaded what: its files are named by keys

type copyCmd struct {
	Folder string `arg:"" help:"A folder without a backup in it; made where there is none." placeholder:"DIR"`
	Media  bool   `help:"Copy the media too."`
}

type copyView struct {
	Folder  string   `json:"folder"`
	Events  int64    `json:"events"`
	Bytes   int64    `json:"bytes"`
	Media   int      `json:"media"`      // blobs that were copied
	MBytes  int64    `json:"mediaBytes"` // of them
	Damaged []string `json:"damaged"`    // blobs that are not what their names say, and were left out
	Keys    bool     `json:"keys"`       // never: a key is not part of a backup
}

// Run copies the events, and the media when asked to. Keys are never part of it.
func (b *copyCmd) Run(e *env) error {
	if err := e.expectHome(); err != nil {
		return err
	}
	if err := os.MkdirAll(b.Folder, 0o700); err != nil {
		return fmt.Errorf("the folder %s cannot be made: %w", b.Folder, err)
	}
	to := filepath.Join(b.Folder, databaseName)
	err := store.Backup(e.ctx, filepath.Join(e.cli.Home, databaseName), to)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s holds a backup already, and a backup is never written over; choose another folder", b.Folder)
	}
	if err != nil {
		return err
	}
	stats, err := store.Inspect(e.ctx, to)
	if err != nil {
		return err
	}
	out := copyView{Folder: b.Folder, Events: stats.Events, Bytes: stats.Bytes, Damaged: []string{}}
	if b.Media {
		if err := out.copyMedia(e.ctx, e.cli.Home); err != nil {
			return err
		}
	}
	return e.print(out, func() { b.say(e, out) })
}

func (b *copyCmd) say(e *env, out copyView) {
	fmt.Fprintf(e.out, "%s holds %d events (%s), checked.\n", out.Folder, out.Events, size(out.Bytes))
	if b.Media {
		fmt.Fprintf(e.out, "It holds %d media files (%s) too.\n", out.Media, size(out.MBytes))
	} else {
		fmt.Fprintln(e.out, "Media is not in it; add --media for that.")
	}
	for _, h := range out.Damaged {
		fmt.Fprintf(e.out, "damaged and left out: %s\n", h)
	}
	fmt.Fprintln(e.out, "Your key is not in it, on purpose. For that type: mural backup-key")
}

// expectHome says so where there is nothing to work on.
func (e *env) expectHome() error {
	if _, err := os.Stat(filepath.Join(e.cli.Home, databaseName)); err != nil {
		return fmt.Errorf("there is no node in %s yet: %w", e.cli.Home, err)
	}
	return nil
}

func (v *copyView) copyMedia(ctx context.Context, home string) error {
	for _, folder := range mediaFolders {
		err := eachFile(ctx, home, folder, func(path string) error {
			want, noHash := blob.ParseHash(filepath.Base(path))
			isMedia := noHash == nil && folder != ownersFolder
			n, err := copyFile(filepath.Join(home, path), filepath.Join(v.Folder, path), isMedia, want)
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return nil // deleted meanwhile
			case errors.Is(err, errDamaged):
				v.Damaged = append(v.Damaged, filepath.Base(path))
				return nil
			case err == nil && isMedia:
				v.Media, v.MBytes = v.Media+1, v.MBytes+n
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("copying media: %w", err)
		}
	}
	return nil
}

// eachFile gives the files below a folder of the home, by their path in it.
func eachFile(ctx context.Context, home, folder string, do func(path string) error) error {
	return fs.WalkDir(os.DirFS(home), folder, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err = errors.Join(err, ctx.Err()); err != nil || !d.Type().IsRegular() {
			return err
		}
		return do(filepath.FromSlash(path))
	})
}

var errDamaged = errors.New("the file is not what its name says")

// copyFile copies one file, which has its name when it is whole and on disk.
// Media is held against its hash on the way.
func copyFile(from, to string, isMedia bool, want blob.Hash) (n int64, err error) {
	in, err := os.Open(from)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return 0, err
	}
	part, err := os.CreateTemp(filepath.Dir(to), ".part-")
	if err != nil {
		return 0, err
	}
	defer os.Remove(part.Name())
	sum := sha256.New()
	n, err = io.Copy(io.MultiWriter(part, sum), in)
	if err == nil && isMedia && blob.Hash(sum.Sum(nil)) != want {
		err = errDamaged
	}
	if err = errors.Join(err, part.Sync(), part.Close()); err != nil {
		return 0, err
	}
	return n, os.Rename(part.Name(), to)
}

type checkCmd struct {
	All bool `help:"Read every media file, not a sample."`
}

type soundView struct {
	Events   int64    `json:"events"`
	Bytes    int64    `json:"bytes"`
	Database string   `json:"database"` // "ok", or what is wrong
	Media    int      `json:"media"`
	Read     int      `json:"read"`
	Damaged  []string `json:"damaged"`
}

// errUnsound ends mural check where something is not whole; what, has been said.
var errUnsound = errors.New("not everything is whole")

// Run reads the database and media. It changes nothing.
func (k *checkCmd) Run(e *env) error {
	if err := e.expectHome(); err != nil {
		return err
	}
	out := soundView{Database: "ok", Damaged: []string{}}
	stats, err := store.Inspect(e.ctx, filepath.Join(e.cli.Home, databaseName))
	if e.ctx.Err() != nil {
		return e.ctx.Err()
	}
	if err != nil {
		out.Database = err.Error()
	}
	out.Events, out.Bytes = stats.Events, stats.Bytes
	if err := out.checkMedia(e.ctx, e.cli.Home, k.All); err != nil {
		return err
	}
	if err := e.print(out, func() { out.say(e) }); err != nil {
		return err
	}
	if out.Database != "ok" || len(out.Damaged) > 0 {
		return errUnsound
	}
	return nil
}

func (v soundView) say(e *env) {
	fmt.Fprintf(e.out, "database: %s, %d events (%s)\n", v.Database, v.Events, size(v.Bytes))
	fmt.Fprintf(e.out, "media: %d files, %d read, %d damaged\n", v.Media, v.Read, len(v.Damaged))
	for _, h := range v.Damaged {
		fmt.Fprintf(e.out, "damaged: %s\n", h)
	}
	if v.Read < v.Media {
		fmt.Fprintln(e.out, "To read every file: mural check --all")
	}
	if v.Database != "ok" {
		fmt.Fprintln(e.out, "Make a copy of the folder first; then try: mural rebuild")
	}
}

// checkMedia reads blobs, a random sample of them unless all are wanted.
func (v *soundView) checkMedia(ctx context.Context, home string, all bool) error {
	var paths []string
	err := eachFile(ctx, home, "blobs", func(path string) error {
		if _, err := blob.ParseHash(filepath.Base(path)); err == nil {
			paths = append(paths, path)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("listing media: %w", err)
	}
	v.Media = len(paths)
	if !all {
		rand.Shuffle(len(paths), func(i, j int) { paths[i], paths[j] = paths[j], paths[i] })
		paths = paths[:min(len(paths), checkSample)]
	}
	for _, path := range paths {
		whole, err := isWhole(filepath.Join(home, path))
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted meanwhile
		}
		v.Read++
		if err != nil || !whole {
			v.Damaged = append(v.Damaged, filepath.Base(path))
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	slices.Sort(v.Damaged)
	return nil
}

// isWhole says whether a file hashes to its name.
func isWhole(path string) (bool, error) {
	want, err := blob.ParseHash(filepath.Base(path))
	if err != nil {
		return false, err
	}
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	return blob.Hash(sum.Sum(nil)) == want, err
}

type rebuildCmd struct{}

type rebuildView struct {
	Events  int64 `json:"events"`
	Visible int64 `json:"visible"`
	Bytes   int64 `json:"bytes"`
}

// Run makes the indexes anew. It opens the database itself and not the node,
// which may not come up while they are broken.
func (rebuildCmd) Run(e *env) (err error) {
	if err := e.expectHome(); err != nil {
		return err
	}
	if c, err := e.running(); err == nil {
		return fmt.Errorf("a node runs with this home and answers at %s; end it first", c.base)
	}
	s, err := store.Open(filepath.Join(e.cli.Home, databaseName), store.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.Rebuild(e.ctx); err != nil {
		return err
	}
	stats, err := s.Stats(e.ctx)
	if err != nil {
		return err
	}
	return e.print(rebuildView{stats.Events, stats.Visible, stats.Bytes}, func() {
		fmt.Fprintf(e.out, "The indexes of %d events are new.\n", stats.Events)
	})
}
