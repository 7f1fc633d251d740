package peer

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"mural/event"
)

// hello is the first frame of a session, in both directions, as JSON.
type hello struct {
	Version  int               `json:"version"`
	Features []string          `json:"features"`
	Agent    string            `json:"agent"`
	Events   []json.RawMessage `json:"events"`
	Invited  string            `json:"invited,omitempty"` // see inviteProof, in hex
}

func encodeHello(agent, invited string, es []*event.Event) []byte {
	h := hello{Version: protocolVersion, Features: []string{"blob/1"}, Agent: agent, Invited: invited}
	for _, e := range es[:min(len(es), maxHelloEvents)] {
		h.Events = append(h.Events, e.Raw())
	}
	b, err := json.Marshal(h)
	if err != nil { // an event that is not JSON cannot have been parsed or signed here
		return []byte(`{"version":1}`)
	}
	return b
}

// parseHello checks the limits of a hello and parses its events. It does not verify them.
func parseHello(raw []byte) (hello, []*event.Event, error) {
	var h hello
	if err := json.Unmarshal(raw, &h); err != nil {
		return h, nil, faultf("sent a hello that is not JSON")
	}
	if h.Version != protocolVersion {
		return h, nil, faultf("speaks session version %d, not %d", h.Version, protocolVersion)
	}
	if len(h.Features) > maxFeatures || len(h.Events) > maxHelloEvents || !short(h.Agent) || !short(h.Invited) {
		return h, nil, faultf("sent a hello over its limits")
	}
	for _, f := range h.Features {
		if !short(f) {
			return h, nil, faultf("sent a hello over its limits")
		}
	}
	es := make([]*event.Event, 0, len(h.Events))
	for _, r := range h.Events {
		e, err := event.Parse(r)
		if err != nil {
			return h, nil, faultf("sent a hello with a malformed event: %v", err)
		}
		es = append(es, e)
	}
	return h, es, nil
}

func short(s string) bool { return len(s) <= maxFeatureBytes && utf8.ValidString(s) }

// wants is what one side asks the other for, numbered so that an answer can name it.
type wants struct {
	Gen     uint32            `json:"gen"`
	Filters []json.RawMessage `json:"filters"`
}

func encodeWants(gen uint32, fs []event.Filter) ([]byte, error) {
	w := wants{Gen: gen, Filters: make([]json.RawMessage, 0, len(fs))}
	for _, f := range fs {
		raw, err := json.Marshal(f)
		if err != nil {
			return nil, fmt.Errorf("peer: writing a filter: %w", err)
		}
		w.Filters = append(w.Filters, raw)
	}
	return json.Marshal(w)
}

func parseWants(raw []byte) (uint32, []event.Filter, error) {
	var w wants
	if err := json.Unmarshal(raw, &w); err != nil {
		return 0, nil, faultf("sent wants that are not JSON")
	}
	if len(w.Filters) > maxWantFilters {
		return 0, nil, faultf("wants %d filters, over the limit of %d", len(w.Filters), maxWantFilters)
	}
	fs := make([]event.Filter, 0, len(w.Filters))
	for _, r := range w.Filters {
		f, err := event.ParseFilter(r)
		if err != nil {
			return 0, nil, faultf("sent a malformed filter: %v", err)
		}
		f.Search = "" // full text is for the owner's own questions
		fs = append(fs, f)
	}
	return w.Gen, fs, nil
}

// batches cuts events into frames of at most maxBatchEvents and about maxBatchBytes.
func batches(es []*event.Event, send func(parts [][]byte) error) error {
	var parts [][]byte
	size := 0
	for _, e := range es {
		raw := e.Raw()
		if len(raw) > event.MaxEventBytes {
			continue // no parser would take it
		}
		if len(parts) >= 2*maxBatchEvents || size+len(raw) > maxBatchBytes && size > 0 {
			if err := send(parts); err != nil {
				return err
			}
			parts, size = nil, 0
		}
		parts = append(parts, binary.BigEndian.AppendUint32(nil, uint32(len(raw))), raw)
		size += len(raw)
	}
	if len(parts) == 0 {
		return nil
	}
	return send(parts)
}

// parseEvents reads an events frame: each event a four-byte big-endian length and its JSON.
func parseEvents(raw []byte) ([]*event.Event, error) {
	var es []*event.Event
	for len(raw) > 0 {
		if len(raw) < 4 {
			return nil, faultf("sent an events frame that ends in the middle")
		}
		n := binary.BigEndian.Uint32(raw)
		if uint64(n) > uint64(len(raw)-4) || n > event.MaxEventBytes {
			return nil, faultf("sent an events frame with an event of %d bytes", n)
		}
		if len(es) == maxBatchEvents {
			return nil, faultf("sent more than %d events in one frame", maxBatchEvents)
		}
		e, err := event.Parse(raw[4 : 4+n])
		if err != nil {
			return nil, faultf("sent a malformed event: %v", err)
		}
		es = append(es, e)
		raw = raw[4+n:]
	}
	return es, nil
}

func encodeIDs(ids []event.ID) []byte {
	b := make([]byte, 0, 32*len(ids))
	for _, id := range ids {
		b = append(b, id[:]...)
	}
	return b
}

func parseIDs(raw []byte) ([]event.ID, error) {
	if len(raw)%32 != 0 {
		return nil, faultf("sent a list of ids of %d bytes", len(raw))
	}
	ids := make([]event.ID, len(raw)/32)
	for i := range ids {
		copy(ids[i][:], raw[32*i:])
	}
	return ids, nil
}
