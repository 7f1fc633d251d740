package node

import (
	"fmt"
	"net/http"
	"runtime"
	"sync/atomic"

	"mural/event"
)

// metrics counts what goes through the one way in.
type metrics struct {
	stored, duplicate, refused, failed atomic.Int64
}

func (m *metrics) accepted(verdicts []event.Verdict) {
	for _, v := range verdicts {
		switch v.Status {
		case event.Accepted:
			m.stored.Add(1)
		case event.Duplicate:
			m.duplicate.Add(1)
		case event.Failed:
			m.failed.Add(1)
		default:
			m.refused.Add(1)
		}
	}
}

// serveMetrics answers programs on this machine, in the Prometheus text form.
func (n *Node) serveMetrics(w http.ResponseWriter, r *http.Request) {
	if v := n.gate.Identify(r); !v.Local && !v.Owner {
		http.Error(w, "Metrics are for programs on this machine.", http.StatusForbidden)
		return
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	line := func(name, kind, help string, value any) {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n%s %v\n", name, help, name, kind, name, value)
	}
	line("mural_events_stored_total", "counter", "events taken in", n.metrics.stored.Load())
	line("mural_events_duplicate_total", "counter", "events that were here already", n.metrics.duplicate.Load())
	line("mural_events_refused_total", "counter", "events refused", n.metrics.refused.Load())
	line("mural_events_failed_total", "counter", "events that could not be stored", n.metrics.failed.Load())
	line("mural_peers_connected", "gauge", "sessions with other nodes", len(n.connected()))
	blobs, bytes := n.blobs.Usage()
	line("mural_blobs", "gauge", "blobs on this device", blobs)
	line("mural_blob_bytes", "gauge", "bytes of blobs on this device", bytes)
	line("mural_subscriptions", "gauge", "live subscriptions", n.fanout.Len())
	line("mural_goroutines", "gauge", "goroutines", runtime.NumGoroutine())
	line("mural_resident_bytes", "gauge", "resident memory in bytes", residentBytes())
	line("mural_cpu_seconds_total", "counter", "CPU time used", cpuSeconds())
}
