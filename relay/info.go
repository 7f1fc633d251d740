package relay

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"mural/event"
)

// Info is what a relay tells about itself (NIP-11).
type Info struct {
	Name        string
	Description string
	PubKey      string // hex key of the person who runs it
	Icon        string // address of a picture
	Contact     string
	Software    string // address of the project
	Version     string
	NIPs        []int // beyond those the relay itself speaks: what the node behind it does
	// RestrictedWrites says that not everybody may publish here.
	RestrictedWrites bool
}

// spoken are the NIPs that this package implements.
var spoken = []int{1, 9, 11, 40, 42, 45, 67, 70}

type infoDocument struct {
	Name        string     `json:"name,omitempty"`
	Description string     `json:"description,omitempty"`
	PubKey      string     `json:"pubkey,omitempty"`
	Icon        string     `json:"icon,omitempty"`
	Contact     string     `json:"contact,omitempty"`
	NIPs        []int      `json:"supported_nips"`
	Software    string     `json:"software,omitempty"`
	Version     string     `json:"version,omitempty"`
	Limitation  limitation `json:"limitation"`
}

type limitation struct {
	MaxMessageLength   int  `json:"max_message_length"`
	MaxSubscriptions   int  `json:"max_subscriptions"`
	MaxSubIDLength     int  `json:"max_subid_length"`
	MaxLimit           int  `json:"max_limit"`
	DefaultLimit       int  `json:"default_limit"`
	MaxFilters         int  `json:"max_filters"` // not in NIP-11, but older clients read it
	MaxEventTags       int  `json:"max_event_tags"`
	MaxContentLength   int  `json:"max_content_length"`
	AuthRequired       bool `json:"auth_required"`
	PaymentRequired    bool `json:"payment_required"`
	RestrictedWrites   bool `json:"restricted_writes"`
	CreatedAtUpperSecs int  `json:"created_at_upper_limit"`

	// Not in NIP-11: how many reconciliations (NIP-77) a connection may have
	// open, and how many events one may cover. 0 without NIP-77.
	MaxReconciliations int `json:"max_negentropy_sessions,omitempty"`
	MaxSetItems        int `json:"max_negentropy_items,omitempty"`
}

func (s *Server) document() infoDocument {
	info, limits := s.config.Info, s.config.Limits
	doc := infoDocument{
		Name: info.Name, Description: info.Description, PubKey: info.PubKey, Icon: info.Icon,
		Contact: info.Contact, Software: info.Software, Version: info.Version,
		NIPs: s.nips(),
		Limitation: limitation{
			MaxMessageLength:   limits.MaxFrameBytes,
			MaxSubscriptions:   limits.MaxSubscriptions,
			MaxSubIDLength:     maxSubID,
			MaxLimit:           limits.MaxLimit,
			DefaultLimit:       min(limits.DefaultLimit, limits.MaxLimit),
			MaxFilters:         event.MaxFilters,
			MaxEventTags:       event.MaxTags,
			MaxContentLength:   event.MaxEventBytes,
			RestrictedWrites:   info.RestrictedWrites,
			CreatedAtUpperSecs: int(event.MaxAhead / time.Second),
		},
	}
	if _, ok := s.node.(Stamper); ok {
		doc.Limitation.MaxReconciliations, doc.Limitation.MaxSetItems = limits.MaxReconciliations, limits.MaxSetItems
	}
	return doc
}

func (s *Server) nips() []int {
	nips := append(slices.Clone(spoken), s.config.Info.NIPs...)
	if _, ok := s.node.(Stamper); ok {
		nips = append(nips, 77)
	}
	if s.config.Search {
		nips = append(nips, 50)
	}
	slices.Sort(nips)
	return slices.Compact(nips)
}

const infoType = "application/nostr+json"

func wantsInfo(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) &&
		strings.Contains(strings.Join(r.Header.Values("Accept"), ","), infoType)
}

// isPreflight: a browser asks first when a page adds headers of its own.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}

func isUpgrade(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// serveInfo answers with the document. NIP-11: "Relays MUST accept CORS
// requests"; the document tells nothing that a connection would not.
func (s *Server) serveInfo(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Headers", "*")
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
	h.Add("Vary", "Accept")
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	body, err := json.Marshal(s.document())
	if err != nil {
		http.Error(w, "The relay could not describe itself.", http.StatusInternalServerError)
		return
	}
	h.Set("Content-Type", infoType)
	h.Set("Cache-Control", "no-cache")
	w.Write(body)
}
