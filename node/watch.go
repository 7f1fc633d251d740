package node

import (
	"sync"

	"mural/web"
)

// watchers tells the app's door what changed beside new events.
type watchers struct {
	mu   sync.RWMutex // guards what follows
	next int
	all  map[int]func(web.Change)
}

// Watch calls notify for each change from now on. notify must not block.
func (w *watchers) Watch(notify func(web.Change)) (cancel func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = map[int]func(web.Change){}
	}
	id := w.next
	w.next++
	w.all[id] = notify
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.all, id)
	}
}

func (w *watchers) tell(c web.Change) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	for _, notify := range w.all {
		notify(c)
	}
}
