package event

// Source says who brought an event to this node and how. It decides quotas,
// never truth: what an event says is proved by its signature alone.
type Source struct {
	Via   Via
	Peer  string   // peer id of the session, "" otherwise
	Local bool     // a program on loopback without an Origin, or the owner's own app
	Owner bool     // came with the owner's session
	Auth  []PubKey // keys this connection has proved by NIP-42, or the session's persons
}

// Via names the road an event took to this node.
type Via string

// The roads there are. Receipts keep them.
const (
	ViaSelf   Via = "self"   // written here
	ViaClient Via = "client" // a Nostr client on our relay
	ViaPeer   Via = "peer"   // a session with another node
	ViaBundle Via = "bundle" // a file
)

// Status is the machine-readable prefix of a verdict (NIP-01 OK messages).
type Status string

// Statuses. Accepted and Duplicate are both "true" in NIP-01 OK messages.
const (
	Accepted    Status = ""
	Duplicate   Status = "duplicate"
	Invalid     Status = "invalid"
	Blocked     Status = "blocked"
	Restricted  Status = "restricted"
	RateLimited Status = "rate-limited"
	AuthNeeded  Status = "auth-required"
	Failed      Status = "error"
)

// Verdict is what the one way in said of one event.
type Verdict struct {
	ID     ID
	Status Status
	Reason string // a sentence for people; "" where there is nothing to add
}

// OK says whether the event is now here: stored, passed on, or known before.
func (v Verdict) OK() bool { return v.Status == Accepted || v.Status == Duplicate }

// Message gives the NIP-01 form "prefix: reason".
func (v Verdict) Message() string {
	if v.Status == Accepted {
		return v.Reason
	}
	return string(v.Status) + ": " + v.Reason
}
