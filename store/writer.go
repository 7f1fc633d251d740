package store

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// maxGroup bounds the entries of one transaction, and with it how long a caller waits for others.
const maxGroup = 1024

// request is a piece of work for the writer. apply may run a second time after
// its transaction was rolled back.
type request struct {
	apply  func(*tx) error
	weight int // entries in it
	done   chan error
}

// writer owns the one connection that writes. Whatever waits when a transaction
// ends goes into the next one, so that many share one fsync.
type writer struct {
	path    string
	db      *conn
	codec   *codec
	options Options
	queue   chan *request
	closing chan struct{} // closed by close
	closed  chan struct{} // closed by run when it has ended
	sources map[source]int64
	next    int64 // number of the next event
	dueSoon bool  // the timer of the search index runs

	waiting   atomic.Int64 // calls in the queue
	commits   atomic.Int64 // transactions since the start
	unindexed atomic.Int64 // events that the search index has not seen; 1 until that is known
}

func startWriter(path string, db *conn, codec *codec, o Options) *writer {
	w := &writer{
		path: path, db: db, codec: codec, options: o,
		queue: make(chan *request), closing: make(chan struct{}), closed: make(chan struct{}),
		sources: map[source]int64{},
	}
	w.unindexed.Store(1)
	go w.run()
	return w
}

// close lets the transaction under way end. ErrClosed when it was closed before.
func (w *writer) close() error {
	select {
	case w.closing <- struct{}{}:
		<-w.closed
		return nil
	case <-w.closed:
		return ErrClosed
	}
}

// do hands work to the writer and waits until it is on disk. When ctx ends the
// wait, the work may still be done.
func (w *writer) do(ctx context.Context, weight int, apply func(*tx) error) error {
	r := &request{apply, weight, make(chan error, 1)}
	if err := w.enqueue(ctx, r); err != nil {
		return err
	}
	select {
	case err := <-r.done:
		return explain(w.path, err)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// over says whether there is no use in beginning: the store is closed, or ctx has ended.
func (w *writer) over(ctx context.Context) error {
	select {
	case <-w.closed:
		return ErrClosed
	default:
		return ctx.Err()
	}
}

func (w *writer) enqueue(ctx context.Context, r *request) error {
	if err := w.over(ctx); err != nil {
		return err
	}
	w.waiting.Add(1)
	defer w.waiting.Add(-1)
	select {
	case w.queue <- r:
		return nil
	case <-w.closed:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *writer) run() {
	defer close(w.closed)
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	index := time.NewTimer(0) // what a crash left undone
	defer index.Stop()
	for {
		select {
		case r := <-w.queue:
			w.commit(w.gather(r))
			w.indexSoon(index)
		case <-index.C:
			if w.index() {
				index.Reset(0)
			}
		case <-sweep.C:
			w.sweep()
		case <-w.closing:
			return
		}
	}
}

// gather takes what waits at this moment.
func (w *writer) gather(first *request) []*request {
	group, weight := []*request{first}, first.weight
	for weight < maxGroup {
		select {
		case r := <-w.queue:
			group = append(group, r)
			weight += r.weight
		default:
			return group
		}
	}
	return group
}

// commit runs a group in one transaction. Should it fail, each request gets a
// transaction of its own, so that nobody pays for another's mistake; on a full
// disk all of them fail alike.
func (w *writer) commit(group []*request) {
	err := w.transact(group...)
	for _, r := range group {
		each := err
		if err != nil && len(group) > 1 && !errors.Is(explain(w.path, err), ErrFull) {
			each = w.transact(r)
		}
		r.done <- each
	}
}

func (w *writer) transact(group ...*request) error {
	defer w.commits.Add(1)
	return w.apply(func(t *tx) error {
		for _, r := range group {
			if err := r.apply(t); err != nil {
				return err
			}
		}
		return nil
	})
}

// apply runs f in a transaction.
func (w *writer) apply(f func(*tx) error) error {
	var next, upto int64
	err := w.db.transact(func() error {
		t, err := w.begin()
		if err != nil {
			return err
		}
		if err := f(t); err != nil {
			return err
		}
		next = t.next
		upto, err = t.upto()
		return err
	})
	if err != nil {
		clear(w.sources) // they may name rows that were rolled back
		return err
	}
	w.next = next
	w.unindexed.Store(next - 1 - upto)
	return nil
}

// sweep runs a transaction with nothing in it but what begin does. Nobody waits
// for it: what fails here fails again, and is told, with the next save.
func (w *writer) sweep() { _ = w.transact() }
