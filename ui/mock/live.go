package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// live is the stream; it ends with the browser's connection.
func (w *world) live(rw http.ResponseWriter, r *http.Request) {
	rw.Header().Set("Content-Type", "text/event-stream")
	ch := make(chan string, 16)
	w.mu.Lock()
	w.streams[ch] = struct{}{}
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		delete(w.streams, ch)
		w.mu.Unlock()
	}()
	flush := http.NewResponseController(rw)
	fmt.Fprint(rw, ": hello\n\n")
	for {
		if err := flush.Flush(); err != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case s := <-ch:
			fmt.Fprint(rw, s)
		case <-time.After(25 * time.Second):
			fmt.Fprint(rw, ": still here\n\n")
		}
	}
}

// tell sends one event to every open page. The caller holds mu.
func (w *world) tell(name string, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // maps of plain values
	}
	for ch := range w.streams {
		select {
		case ch <- fmt.Sprintf("event: %s\ndata: %s\n\n", name, b):
		default: // a page that does not read misses something
		}
	}
}

// trickle lets a stroke come in again and again, for as long as the program runs.
func (w *world) trickle(every time.Duration) {
	lines := []string{"The kettle sings in A flat.", "Ferry is late. Ferry is always late. I love the ferry.", "Somebody left a chess board on the wall by the bakery, white to move."}
	for i := 0; ; i++ {
		time.Sleep(every)
		w.mu.Lock()
		w.now = time.Now()
		p := w.post(w.people[2+i%3], 0, "text", lines[i%len(lines)])
		w.posts = append([]object{p}, w.posts...)
		w.tell("post", p)
		w.mu.Unlock()
	}
}
