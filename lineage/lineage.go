// Package lineage remembers what was made from what.
//
// A layer is a post built on another one: a quote, a cut, a voice-over. It
// names its sources in its own signed tags (docs/protocol/layers.md). This
// package reads and writes those tags and joins a heap of events into the
// graph of sources and layers around one of them. It is ground: pure.
package lineage

import (
	"fmt"
	"slices"
	"strconv"

	"mural/event"
)

// Operations: what was done with the source. The list is closed; it grows by
// a new version of docs/protocol/layers.md.
const (
	Quote      = "quote"
	Annotate   = "annotate"
	Clip       = "clip"
	Cut        = "cut"
	Caption    = "caption"
	Translate  = "translate"
	VoiceOver  = "voice-over"
	SideBySide = "side-by-side"
	ReEncode   = "re-encode"
	Transcribe = "transcribe"
	Context    = "context"
)

// Operations lists every operation, in the order of the page.
func Operations() []string {
	return []string{Quote, Annotate, Clip, Cut, Caption, Translate, VoiceOver, SideBySide, ReEncode, Transcribe, Context}
}

// Known says whether the operation is on the list.
func Known(operation string) bool { return slices.Contains(Operations(), operation) }

// Limits of what is read from one event.
const (
	MaxSources   = 64                      // edges of one layer; further ones are ignored
	MaxRoleBytes = 64                      // bytes of a role
	MaxShare     = 10_000                  // parts per 10,000: the whole
	MaxTimeMS    = 1_000_000 * 3600 * 1000 // a million hours in milliseconds
)

// Tag names of an edge.
const (
	tagDerive = "derive"
	tagQuote  = "q"
)

// Edge says that From was made of To.
type Edge struct {
	From, To  event.ID
	Operation string       // one of the operations
	Blob      [32]byte     // SHA-256 of the source's blob that was used; zero = none in particular
	InMS      int64        // start of the part used, milliseconds
	OutMS     int64        // its end; 0 = to the end
	Role      string       // what the source is in the layer, e.g. "background"; free text
	Share     int          // what goes upstream of every payment, parts per 10,000
	Author    event.PubKey // the source's author as the layer names them; zero = not named
}

// Kinds of bare reposts: they pass a post on unchanged and are no layers.
const (
	kindRepost        event.Kind = 6
	kindGenericRepost event.Kind = 16
)

// Edges reads the sources of an event: its derive tags, or, where it has no
// valid one, its q tags (NIP-18) as quotes. Bare reposts have no edges.
// Malformed tags are skipped, a source named twice with the same operation
// and range counts once.
func Edges(e *event.Event) []Edge {
	if e.Kind == kindRepost || e.Kind == kindGenericRepost {
		return nil
	}
	authors := quoted(e)
	edges := collect(e, tagDerive, func(t event.Tag) (Edge, error) {
		edge, err := parseDerive(t)
		edge.Author = authors[edge.To]
		return edge, err
	})
	if len(edges) > 0 {
		return edges
	}
	return collect(e, tagQuote, parseQuote)
}

func collect(e *event.Event, name string, parse func(event.Tag) (Edge, error)) []Edge {
	var out []Edge
	for _, t := range e.Tags {
		if len(t) < 2 || t[0] != name {
			continue
		}
		edge, err := parse(t)
		// An event cannot name its own id; a made-up event in a test can.
		if err != nil || edge.To == e.ID || edge.To.IsZero() {
			continue
		}
		edge.From = e.ID
		if slices.Contains(out, edge) {
			continue
		}
		if out = append(out, edge); len(out) == MaxSources {
			break
		}
	}
	return out
}

// quoted gives the authors that the q tags name.
func quoted(e *event.Event) map[event.ID]event.PubKey {
	out := make(map[event.ID]event.PubKey)
	for _, t := range e.Tags {
		if len(t) < 4 || t[0] != tagQuote || len(out) == MaxSources {
			continue
		}
		if edge, err := parseQuote(t); err == nil {
			out[edge.To] = edge.Author
		}
	}
	return out
}

func parseQuote(t event.Tag) (Edge, error) {
	id, err := event.ParseID(t.Value(1))
	if err != nil {
		return Edge{}, fmt.Errorf("lineage: q tag: %w", err)
	}
	author, _ := event.ParsePubKey(t.Value(3)) // optional; a wrong one is no author
	return Edge{To: id, Operation: Quote, Author: author}, nil
}

func parseDerive(t event.Tag) (Edge, error) {
	id, err := event.ParseID(t.Value(1))
	if err != nil {
		return Edge{}, fmt.Errorf("lineage: derive tag: %w", err)
	}
	edge := Edge{To: id, Operation: t.Value(2), Role: t.Value(6)}
	if !Known(edge.Operation) {
		return Edge{}, fmt.Errorf("lineage: derive tag: operation %.20q is not known", edge.Operation)
	}
	if len(edge.Role) > MaxRoleBytes {
		return Edge{}, fmt.Errorf("lineage: derive tag: role is over %d bytes", MaxRoleBytes)
	}
	if s := t.Value(3); s != "" {
		blob, err := event.ParseID(s)
		if err != nil {
			return Edge{}, fmt.Errorf("lineage: derive tag: blob: %w", err)
		}
		edge.Blob = blob
	}
	return edge, parseNumbers(t, &edge)
}

func parseNumbers(t event.Tag, edge *Edge) (err error) {
	if edge.InMS, err = number(t.Value(4), MaxTimeMS); err != nil {
		return err
	}
	if edge.OutMS, err = number(t.Value(5), MaxTimeMS); err != nil {
		return err
	}
	if edge.OutMS != 0 && edge.OutMS < edge.InMS {
		return fmt.Errorf("lineage: derive tag: range ends at %d ms before it starts at %d ms", edge.OutMS, edge.InMS)
	}
	share, err := number(t.Value(7), MaxShare)
	edge.Share = int(share)
	return err
}

// number reads a plain decimal; the empty string is 0.
func number(s string, most int64) (int64, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil || int64(n) > most {
		return 0, fmt.Errorf("lineage: derive tag: %.20q is not a number up to %d", s, most)
	}
	return int64(n), nil
}

// Tags writes the q and derive tags of a layer: for each source its q tag
// (once) and one derive tag per edge. From is not written: it is the event
// that carries the tags.
func Tags(edges ...Edge) event.Tags {
	var out event.Tags
	seen := make(map[event.ID]bool)
	for _, e := range edges {
		if seen[e.To] {
			continue
		}
		seen[e.To] = true
		out = append(out, quoteTag(e))
	}
	for _, e := range edges {
		out = append(out, deriveTag(e))
	}
	return out
}

func quoteTag(e Edge) event.Tag {
	t := event.Tag{tagQuote, e.To.String(), ""}
	if !e.Author.IsZero() {
		t = append(t, e.Author.String())
	}
	return t
}

func deriveTag(e Edge) event.Tag {
	t := event.Tag{tagDerive, e.To.String(), e.Operation, "", "", "", e.Role, ""}
	if e.Blob != [32]byte{} {
		t[3] = event.ID(e.Blob).String()
	}
	if e.InMS != 0 || e.OutMS != 0 {
		t[4] = strconv.FormatInt(e.InMS, 10)
	}
	if e.OutMS != 0 {
		t[5] = strconv.FormatInt(e.OutMS, 10)
	}
	if e.Share != 0 {
		t[7] = strconv.Itoa(e.Share)
	}
	for len(t) > 3 && t[len(t)-1] == "" { // trailing empty values say nothing
		t = t[:len(t)-1]
	}
	return t
}
