package store

import (
	"errors"
	"fmt"
	"time"

	"github.com/ncruces/go-sqlite3"
)

// Memory and disk that a connection may take. The node has to idle under 80 MB
// with everything in it; the operating system caches the file anyway.
const (
	writerCache = 4096    // KiB of pages
	readerCache = 2048    // KiB of pages
	walPages    = 4000    // pages (of 4 KiB) in the log before it is folded into the file
	walBytes    = 8 << 20 // the log's file shrinks to this many bytes afterwards
	busyTimeout = 10 * time.Second
)

// conn is one connection with its prepared statements. It serves one goroutine at a time.
type conn struct {
	db       *sqlite3.Conn
	prepared map[string]stmt
}

// openWriter opens the connection that writes. Others may only read.
func openWriter(path string, maxPages int) (*conn, error) {
	c, err := openConn(path, sqlite3.OPEN_READWRITE|sqlite3.OPEN_CREATE, fmt.Sprintf(`
		PRAGMA journal_mode=WAL;
		PRAGMA synchronous=FULL;
		PRAGMA cache_size=-%d;
		PRAGMA wal_autocheckpoint=%d;
		PRAGMA journal_size_limit=%d;`, writerCache, walPages, walBytes))
	if err != nil {
		return nil, err
	}
	err = migrate(c)
	if err == nil && maxPages > 0 {
		err = c.db.Exec(fmt.Sprintf("PRAGMA max_page_count=%d", maxPages))
	}
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

func openReader(path string) (*conn, error) {
	return openConn(path, sqlite3.OPEN_READWRITE, fmt.Sprintf(`
		PRAGMA query_only=1;
		PRAGMA cache_size=-%d;`, readerCache))
}

func openConn(path string, flags sqlite3.OpenFlag, pragmas string) (*conn, error) {
	db, err := sqlite3.OpenFlags(path, flags)
	if err != nil {
		return nil, err
	}
	c := &conn{db: db, prepared: map[string]stmt{}}
	err = errors.Join(registerSearch(db), db.BusyTimeout(busyTimeout))
	if err == nil {
		// Without this SQLite plans a statement anew for every value of its bounds.
		_, err = db.Config(sqlite3.DBCONFIG_ENABLE_QPSG, true)
	}
	if err == nil {
		err = db.Exec(pragmas)
	}
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

func (c *conn) close() (err error) {
	for _, q := range c.prepared {
		err = errors.Join(err, q.Close())
	}
	return errors.Join(err, c.db.Close())
}

// pragma reads a number.
func (c *conn) pragma(name string) (int64, error) { return c.number("PRAGMA " + name) }

// number runs a query for one number; 0 where there is no row.
func (c *conn) number(sql string, args ...int64) (n int64, err error) {
	q, err := c.query(sql)
	if err != nil {
		return 0, err
	}
	err = q.bind(args...).rows(func() error { n = q.ColumnInt64(0); return nil })
	return n, err
}

// query gives the statement, prepared once per connection. The texts are constants of this package.
func (c *conn) query(sql string) (stmt, error) {
	if q, ok := c.prepared[sql]; ok {
		return q, nil
	}
	q, _, err := c.db.PrepareFlags(sql, sqlite3.PREPARE_PERSISTENT)
	if err != nil {
		return stmt{}, fmt.Errorf("preparing %q: %w", sql, err)
	}
	c.prepared[sql] = stmt{q}
	return stmt{q}, nil
}

// exec runs a statement that gives no rows.
func (c *conn) exec(sql string, args ...int64) error {
	q, err := c.query(sql)
	if err != nil {
		return err
	}
	return q.bind(args...).Exec()
}

// snapshot runs f in a read transaction, so that all its queries see one state.
func (c *conn) snapshot(f func(*conn) error) error {
	if err := c.exec("BEGIN"); err != nil {
		return err
	}
	return errors.Join(f(c), c.exec("COMMIT"))
}

// transact runs f in a write transaction: all of it or, after an error, nothing.
func (c *conn) transact(f func() error) error {
	if err := c.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := f()
	if err == nil {
		err = c.exec("COMMIT")
	}
	if err != nil && !c.db.GetAutocommit() {
		// After a full disk SQLite may have rolled back already.
		err = errors.Join(err, c.exec("ROLLBACK"))
	}
	return err
}

// stmt is a prepared statement. Parameters are numbered from 1, columns from 0.
type stmt struct{ *sqlite3.Stmt }

// bind binds numbers from the first parameter on. Errors of binding show in the next step.
func (q stmt) bind(args ...int64) stmt {
	for i, v := range args {
		q.BindInt64(i+1, v)
	}
	return q
}

func (q stmt) blob(i int, b []byte) stmt { q.BindBlob(i, b); return q }
func (q stmt) text(i int, s string) stmt { q.BindText(i, s); return q }
func (q stmt) int(i int, n int64) stmt   { q.BindInt64(i, n); return q }

// rows calls row for each row. The statement must not be used inside.
func (q stmt) rows(row func() error) error {
	for q.Step() {
		if err := row(); err != nil {
			return errors.Join(err, q.Reset())
		}
	}
	return errors.Join(q.Err(), q.Reset())
}
