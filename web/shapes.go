package web

import "mural/event"

// The shapes of docs/protocol/api.md, field by field.

type personShort struct {
	PubKey    event.PubKey `json:"pubkey"`
	NPub      string       `json:"npub"`
	Name      string       `json:"name"`
	Picture   string       `json:"picture"`
	Me        bool         `json:"me"`
	Following bool         `json:"following"`
}

type person struct {
	personShort
	About     string     `json:"about"`
	FollowsMe bool       `json:"follows_me"`
	Posts     int        `json:"posts"`
	Devices   []device   `json:"devices"`
	Trust     string     `json:"trust"`
	Path      []pathStep `json:"path"`
}

type pathStep struct {
	PubKey event.PubKey `json:"pubkey"`
	Name   string       `json:"name"`
}

type device struct {
	PeerID    string `json:"peer_id"`
	Role      string `json:"role"`
	Connected bool   `json:"connected"`
	LastSeen  int64  `json:"last_seen_ms"`
	This      bool   `json:"this"`
}

type mediaShape struct {
	SHA256   string `json:"sha256"`
	Type     string `json:"type"`
	Size     int64  `json:"size"`
	Width    int    `json:"width"`
	Height   int    `json:"height"`
	Duration int64  `json:"duration_ms"`
	Alt      string `json:"alt"`
	URL      string `json:"url"`
	Thumb    string `json:"thumb"`
	Poster   string `json:"poster"`
	BlurHash string `json:"blurhash"`
	Waveform []int  `json:"waveform"`
	Have     string `json:"have"`
	HaveSize int64  `json:"have_bytes"`
}

type post struct {
	ID            event.ID      `json:"id"`
	NEvent        string        `json:"nevent"`
	Kind          event.Kind    `json:"kind"`
	Author        personShort   `json:"author"`
	CreatedAt     int64         `json:"created_at"`
	ReceivedAt    int64         `json:"received_at_ms"`
	TimeUncertain bool          `json:"time_uncertain"`
	Form          string        `json:"form"`
	Title         string        `json:"title"`
	Text          string        `json:"text"`
	Warning       string        `json:"warning"`
	Media         []mediaShape  `json:"media"`
	Hashtags      []string      `json:"hashtags"`
	Mentions      []personShort `json:"mentions"`
	ReplyTo       string        `json:"reply_to"`
	Layer         *layer        `json:"layer"`
	Layers        int           `json:"layers"`
	Reposts       int           `json:"reposts"`
	RepostedBy    *personShort  `json:"reposted_by"`
	Kept          *kept         `json:"kept,omitempty"`
	Road          *road         `json:"road,omitempty"`
	Why           string        `json:"why"`
	Verified      bool          `json:"verified"`
}

type layer struct {
	Operation string   `json:"operation"`
	Of        event.ID `json:"of"`
	OfPost    *post    `json:"of_post"`
}

type kept struct {
	Devices   int         `json:"devices"`
	CheckedAt int64       `json:"checked_at_ms"`
	Keepers   []keeper    `json:"keepers"`
	Author    AuthorState `json:"author"`
	DarkSince int64       `json:"author_dark_since_ms"`
}

type keeper struct {
	PeerID    string       `json:"peer_id"`
	Person    *personShort `json:"person"`
	This      bool         `json:"this"`
	CheckedAt int64        `json:"checked_at_ms"`
}

type road struct {
	Via    event.Via    `json:"via"`
	From   *personShort `json:"from"`
	PeerID string       `json:"peer_id"`
	At     int64        `json:"at_ms"`
}

type peerShape struct {
	PeerID    string       `json:"peer_id"`
	Person    *personShort `json:"person"`
	Connected bool         `json:"connected"`
	Nearby    bool         `json:"nearby"`
	Since     int64        `json:"since_ms"`
	LastSeen  int64        `json:"last_seen_ms"`
	BytesIn   int64        `json:"bytes_in"`
	BytesOut  int64        `json:"bytes_out"`
	Transport string       `json:"transport"`
	Addresses []string     `json:"addresses"`
}

type nearbyShape struct {
	Choice    string      `json:"choice"`
	Network   string      `json:"network"`
	NetworkID string      `json:"network_id"`
	Peers     []peerShape `json:"peers,omitzero"`
}

type page struct {
	Posts []post `json:"posts"`
	Next  string `json:"next"`
}
