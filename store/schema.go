package store

import "fmt"

// migrations lead from one version of the file to the next; PRAGMA user_version
// counts those that have run. One that was released is never changed.
//
// Every event has a number n. Its ids and keys stand once, in event; all
// indexes hold integers only:
//
//	p  the first 8 bytes of the id
//	h  the first 8 bytes of a SHA-256: of a tag, an author, an address (see hash.go)
//	k  the kind
//	r  the rank: created_at and the beginning of the id (see hash.go)
//
// A hash may collide, so whatever an index gives is checked against the event.
// Only visible events stand in timeline and posting. A superseded version that
// is kept has one posting, under its author's hidden hash.
var migrations = []string{`
CREATE TABLE event (
	n      INTEGER PRIMARY KEY,
	id     BLOB NOT NULL,
	author BLOB NOT NULL,
	body   BLOB NOT NULL
);
CREATE TABLE name     (p INTEGER, n INTEGER, PRIMARY KEY (p, n)) WITHOUT ROWID;
CREATE TABLE timeline (r INTEGER, n INTEGER, PRIMARY KEY (r, n)) WITHOUT ROWID;
CREATE TABLE posting  (h INTEGER, k INTEGER, r INTEGER, n INTEGER, PRIMARY KEY (h, k, r, n)) WITHOUT ROWID;
CREATE TABLE address  (h INTEGER, r INTEGER, n INTEGER, PRIMARY KEY (h, r, n)) WITHOUT ROWID;
CREATE TABLE expiry   (at INTEGER, n INTEGER, PRIMARY KEY (at, n)) WITHOUT ROWID;

CREATE TABLE tombstone         (target BLOB, author BLOB, PRIMARY KEY (target, author)) WITHOUT ROWID;
CREATE TABLE address_tombstone (address TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE vanished          (author BLOB PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE source  (s INTEGER PRIMARY KEY, via TEXT NOT NULL, sender TEXT NOT NULL, UNIQUE (via, sender));
CREATE TABLE receipt (n INTEGER, s INTEGER, at INTEGER NOT NULL, PRIMARY KEY (n, s)) WITHOUT ROWID;
CREATE TABLE keeper  (blob BLOB, peer TEXT, person BLOB NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (blob, peer)) WITHOUT ROWID;
CREATE TABLE peer    (peer TEXT PRIMARY KEY, person BLOB NOT NULL, addrs TEXT NOT NULL, seen INTEGER NOT NULL) WITHOUT ROWID;
`, `
CREATE TABLE projection (name TEXT PRIMARY KEY, upto INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO projection VALUES ('search', 0);
` + createSearch + `;
`}

// migrate brings the file up to date, each step in a transaction of its own.
func migrate(c *conn) error {
	version, err := c.pragma("user_version")
	if err != nil {
		return err
	}
	if version > int64(len(migrations)) {
		return fmt.Errorf("%w: its format is %d, this one knows %d", ErrNewer, version, len(migrations))
	}
	for i := int(version); i < len(migrations); i++ {
		step := fmt.Sprintf("BEGIN IMMEDIATE; %s; PRAGMA user_version=%d; COMMIT", migrations[i], i+1)
		if err := c.db.Exec(step); err != nil {
			return fmt.Errorf("migrating to format %d: %w", i+1, err)
		}
	}
	return nil
}
