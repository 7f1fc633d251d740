package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"
)

// The parts of the API's shapes that the terminal shows (docs/protocol/api.md).
type (
	personView struct {
		PubKey    string `json:"pubkey"`
		Npub      string `json:"npub"`
		Name      string `json:"name"`
		About     string `json:"about,omitempty"`
		Following bool   `json:"following"`
		Me        bool   `json:"me"`
	}
	mediaView struct {
		SHA256     string   `json:"sha256"`
		Type       string   `json:"type"`
		Size       int64    `json:"size"`
		Width      int      `json:"width"`
		Height     int      `json:"height"`
		DurationMS int64    `json:"duration_ms"`
		Alt        string   `json:"alt"`
		URL        string   `json:"url"`
		Have       string   `json:"have"`
		Stripped   []string `json:"stripped,omitempty"`
	}
	layerView struct {
		Operation string    `json:"operation"`
		Of        string    `json:"of"`
		OfPost    *postView `json:"of_post"`
	}
	keptView struct {
		Devices         int    `json:"devices"`
		CheckedAtMS     int64  `json:"checked_at_ms"`
		Author          string `json:"author"`
		AuthorDarkSince int64  `json:"author_dark_since_ms"`
	}
	postView struct {
		ID        string      `json:"id"`
		Nevent    string      `json:"nevent"`
		Kind      int         `json:"kind"`
		Author    personView  `json:"author"`
		CreatedAt int64       `json:"created_at"`
		Form      string      `json:"form"`
		Title     string      `json:"title"`
		Text      string      `json:"text"`
		Warning   string      `json:"warning"`
		Media     []mediaView `json:"media"`
		Layer     *layerView  `json:"layer"`
		Layers    int         `json:"layers"`
		Kept      *keptView   `json:"kept"`
		Missing   bool        `json:"missing"`
	}
	edgeView struct {
		From      string `json:"from"`
		To        string `json:"to"`
		Operation string `json:"operation"`
	}
	peerView struct {
		PeerID     string      `json:"peer_id"`
		Person     *personView `json:"person"`
		Connected  bool        `json:"connected"`
		Nearby     bool        `json:"nearby"`
		LastSeenMS int64       `json:"last_seen_ms"`
		Transport  string      `json:"transport"`
		BytesIn    int64       `json:"bytes_in"`
		BytesOut   int64       `json:"bytes_out"`
	}
	checkView struct {
		Name string `json:"name"`
		OK   bool   `json:"ok"`
		What string `json:"what"`
		Next string `json:"next"`
	}
)

type statusView struct {
	Version string      `json:"version"`
	Home    string      `json:"home"`
	Events  int64       `json:"events"`
	Blobs   int64       `json:"blobs"`
	Peers   int         `json:"peers"`
	Checks  []checkView `json:"checks"`
}

// print writes data as JSON where that was asked for, and for people otherwise.
func (e *env) print(data any, people func()) error {
	if !e.cli.JSON {
		people()
		return nil
	}
	enc := json.NewEncoder(e.out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(data); err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	return nil
}

func escape(s string) string { return url.QueryEscape(s) }

// show writes one post as a few lines.
func (p *postView) show(w io.Writer) {
	if p.Missing {
		fmt.Fprintf(w, "%s  (not here yet)\n", p.ID)
		return
	}
	fmt.Fprintf(w, "%s  %s  %s\n", clean(p.Author.Name), time.Unix(p.CreatedAt, 0).Local().Format("Jan 2 15:04"), p.ID)
	if p.Warning != "" {
		fmt.Fprintf(w, "  warning: %s\n", clean(p.Warning))
	}
	for line := range strings.SplitSeq(strings.TrimSpace(p.Text), "\n") {
		if line != "" {
			fmt.Fprintf(w, "  %s\n", clean(line))
		}
	}
	for _, m := range p.Media {
		fmt.Fprintf(w, "  [%s] %s\n", m.describe(), m.SHA256)
	}
	if p.Layer != nil {
		of := p.Layer.Of
		if p.Layer.OfPost != nil && !p.Layer.OfPost.Missing {
			of = clean(p.Layer.OfPost.Author.Name) + ": " + clean(firstLine(p.Layer.OfPost.Text))
		}
		fmt.Fprintf(w, "  layer (%s) on %s\n", p.Layer.Operation, of)
	}
	if p.Kept != nil {
		fmt.Fprintf(w, "  %s\n", p.Kept.words())
	}
}

func (m mediaView) describe() string {
	parts := []string{m.Type, size(m.Size)}
	if m.Width > 0 {
		parts = append(parts, fmt.Sprintf("%dx%d", m.Width, m.Height))
	}
	if m.DurationMS > 0 {
		parts = append(parts, (time.Duration(m.DurationMS) * time.Millisecond).Round(100*time.Millisecond).String())
	}
	if m.Alt != "" {
		parts = append(parts, clean(m.Alt))
	}
	if m.Have != "all" && m.Have != "" {
		parts = append(parts, "not here yet")
	}
	return strings.Join(parts, ", ")
}

func (k *keptView) words() string {
	s := fmt.Sprintf("kept by %d devices", k.Devices)
	if k.Devices == 1 {
		s = "kept by 1 device"
	}
	if k.CheckedAtMS > 0 && k.Devices > 1 {
		s += ", asked at " + time.UnixMilli(k.CheckedAtMS).Local().Format("15:04")
	}
	switch k.Author {
	case "here":
		return s + "; the author's is this one"
	case "connected":
		return s + "; the author's is connected"
	case "dark":
		return s + "; the author's is dark since " + time.UnixMilli(k.AuthorDarkSince).Local().Format("15:04 on Jan 2")
	}
	return s
}

func size(n int64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f kB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d bytes", n)
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}

// clean keeps other people's words from steering the terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || (r >= 0x80 && r < 0xa0) {
			return -1
		}
		return r
	}, s)
}
