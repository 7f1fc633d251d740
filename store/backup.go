package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ncruces/go-sqlite3"
)

// Backup writes a copy of the database to a new file at path while saves go on:
// the state at one moment, without gaps, on disk when it returns. The file
// appears under its name when it is whole. One that exists is fs.ErrExist.
func (s *Store) Backup(ctx context.Context, path string) error {
	if err := s.writer.over(ctx); err != nil {
		return fmt.Errorf("store: backup: %w", err)
	}
	return Backup(ctx, s.writer.path, path)
}

// Backup is Store.Backup of a database that another process may have open.
func Backup(ctx context.Context, from, to string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("store: backup of %s to %s: %w", from, to, explain(to, err))
		}
	}()
	if _, err := os.Lstat(to); err == nil {
		return fs.ErrExist
	}
	f, err := os.CreateTemp(filepath.Dir(to), ".events-*.part") // 0600; SQLite fills an empty file
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	err = vacuumInto(ctx, from, f.Name())
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), to); err != nil { // never over a file that has come meanwhile
		if errors.Is(err, fs.ErrExist) {
			return err
		}
		if err := os.Rename(f.Name(), to); err != nil { // sticks have no links
			return err
		}
	}
	return syncDir(filepath.Dir(to))
}

func vacuumInto(ctx context.Context, from, to string) error {
	c, err := openConn(from, sqlite3.OPEN_READWRITE, fmt.Sprintf("PRAGMA cache_size=-%d;", readerCache))
	if err != nil {
		return err
	}
	c.db.SetInterrupt(ctx)
	err = c.db.Exec("VACUUM INTO " + sqlite3.Quote(to))
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return errors.Join(err, c.close())
}

// syncDir makes a new name last. Some systems cannot, and do it by themselves.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	_ = d.Sync()
	return d.Close()
}

// Inspect checks a database that another process may have open, as Check does,
// and counts what is in it. It changes nothing.
func Inspect(ctx context.Context, path string) (out Stats, err error) {
	c, err := openReader(path)
	if err != nil {
		return out, fmt.Errorf("store: opening %s: %w", path, err)
	}
	c.db.SetInterrupt(ctx)
	err = c.snapshot(func(c *conn) error { return errors.Join(c.check(), c.stats(&out)) })
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	if err = errors.Join(err, c.close()); err != nil {
		return out, fmt.Errorf("store: check: %w", err)
	}
	return out, nil
}
