package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"mural/event"
)

// Keeper is a device that has shown that it holds a blob.
type Keeper struct {
	Blob   [32]byte // SHA-256
	Peer   string
	Person event.PubKey
	At     time.Time // of the last answer, to the second
}

// RecordKeeper remembers a keeper, once per blob and peer, the latest answer.
// Of more than MaxKeepers the one that answered longest ago goes.
func (s *Store) RecordKeeper(ctx context.Context, k Keeper) error {
	err := s.writer.do(ctx, 1, func(t *tx) error {
		q, err := t.query(`INSERT INTO keeper (blob, peer, person, at) VALUES (?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET person=excluded.person, at=max(at, excluded.at)`)
		if err != nil {
			return err
		}
		if err := q.blob(1, k.Blob[:]).text(2, k.Peer).blob(3, k.Person[:]).int(4, k.At.Unix()).Exec(); err != nil {
			return err
		}
		q, err = t.query(`DELETE FROM keeper WHERE blob=?1 AND peer IN
			(SELECT peer FROM keeper WHERE blob=?1 ORDER BY at DESC, peer LIMIT -1 OFFSET ?2)`)
		if err != nil {
			return err
		}
		return q.blob(1, k.Blob[:]).int(2, MaxKeepers).Exec()
	})
	if err != nil {
		return fmt.Errorf("store: recording a keeper: %w", err)
	}
	return nil
}

// ForgetKeeper drops a keeper that could not answer any more.
func (s *Store) ForgetKeeper(ctx context.Context, blob [32]byte, peer string) error {
	err := s.writer.do(ctx, 1, func(t *tx) error {
		q, err := t.query("DELETE FROM keeper WHERE blob=? AND peer=?")
		if err != nil {
			return err
		}
		return q.blob(1, blob[:]).text(2, peer).Exec()
	})
	if err != nil {
		return fmt.Errorf("store: forgetting a keeper: %w", err)
	}
	return nil
}

// Keepers gives who keeps a blob, the latest answer first.
func (s *Store) Keepers(ctx context.Context, blob [32]byte) (list []Keeper, err error) {
	err = s.read(ctx, func(c *conn) error {
		q, err := c.query("SELECT peer, person, at FROM keeper WHERE blob=? ORDER BY at DESC, peer")
		if err != nil {
			return err
		}
		return q.blob(1, blob[:]).rows(func() error {
			k := Keeper{Blob: blob, Peer: q.ColumnText(0), At: time.Unix(q.ColumnInt64(2), 0)}
			copy(k.Person[:], q.ColumnRawBlob(1))
			list = append(list, k)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("store: reading keepers: %w", err)
	}
	return list, nil
}

// PeerNote is what this node remembers of another one, to find it again.
type PeerNote struct {
	Peer     string
	Person   event.PubKey
	Addrs    []string
	LastSeen time.Time // to the second
}

// RememberPeer replaces what was remembered of the peer. Of the addresses the
// first MaxPeerAddrs are kept.
func (s *Store) RememberPeer(ctx context.Context, p PeerNote) error {
	addrs, err := json.Marshal(p.Addrs[:min(len(p.Addrs), MaxPeerAddrs)])
	if err == nil {
		err = s.writer.do(ctx, 1, func(t *tx) error {
			q, err := t.query("INSERT OR REPLACE INTO peer (peer, person, addrs, seen) VALUES (?, ?, ?, ?)")
			if err != nil {
				return err
			}
			return q.text(1, p.Peer).blob(2, p.Person[:]).text(3, string(addrs)).int(4, p.LastSeen.Unix()).Exec()
		})
	}
	if err != nil {
		return fmt.Errorf("store: remembering a peer: %w", err)
	}
	return nil
}

// ForgetPeer drops what is remembered of a peer.
func (s *Store) ForgetPeer(ctx context.Context, peer string) error {
	err := s.writer.do(ctx, 1, func(t *tx) error {
		q, err := t.query("DELETE FROM peer WHERE peer=?")
		if err != nil {
			return err
		}
		return q.text(1, peer).Exec()
	})
	if err != nil {
		return fmt.Errorf("store: forgetting a peer: %w", err)
	}
	return nil
}

// PeerNotes gives what is remembered of all peers, the last seen first.
func (s *Store) PeerNotes(ctx context.Context) (list []PeerNote, err error) {
	err = s.read(ctx, func(c *conn) error {
		q, err := c.query("SELECT peer, person, addrs, seen FROM peer ORDER BY seen DESC, peer")
		if err != nil {
			return err
		}
		return q.rows(func() error {
			p := PeerNote{Peer: q.ColumnText(0), LastSeen: time.Unix(q.ColumnInt64(3), 0)}
			copy(p.Person[:], q.ColumnRawBlob(1))
			list = append(list, p)
			return json.Unmarshal(q.ColumnRawText(2), &list[len(list)-1].Addrs)
		})
	})
	if err != nil {
		return nil, fmt.Errorf("store: reading peers: %w", err)
	}
	return list, nil
}
