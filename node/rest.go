package node

import (
	"runtime/debug"
	"sync"
	"time"
)

// restAfter is how long after the last picture the memory it took goes back.
const restAfter = 2 * time.Second

// rest gives memory back to the system after work that took much at once: a
// large picture takes 100 MB, and an idle node makes too little garbage for
// the collector to notice. The zero value is ready.
type rest struct {
	mu    sync.Mutex // guards what follows
	timer *time.Timer
	ended bool
}

// afterPicture arms the timer anew.
func (r *rest) afterPicture() {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.ended:
	case r.timer == nil:
		r.timer = time.AfterFunc(restAfter, debug.FreeOSMemory)
	default:
		r.timer.Reset(restAfter)
	}
}

func (r *rest) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	if r.timer != nil {
		r.timer.Stop()
	}
}
