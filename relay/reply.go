package relay

import (
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"

	"mural/event"
)

// The messages of a relay (NIP-01, 42, 45, 67, 77), as JSON.

func quote(s string) string {
	b, err := json.Marshal(strings.ToValidUTF8(s, "�"))
	if err != nil {
		return `""` // cannot be: a string always marshals
	}
	return string(b)
}

func okMessage(v event.Verdict) []byte {
	return []byte(`["OK","` + v.ID.String() + `",` + strconv.FormatBool(v.OK()) + `,` + quote(reasonOf(v)) + `]`)
}

func closedMessage(sub subID, v refusal) []byte {
	return []byte(`["CLOSED",` + sub.json + `,` + quote(v.String()) + `]`)
}

func noticeMessage(text string) []byte { return []byte(`["NOTICE",` + quote(text) + `]`) }

func authMessage(challenge string) []byte { return []byte(`["AUTH",` + quote(challenge) + `]`) }

// countMessage answers a COUNT; hll is "" where there is none.
func countMessage(sub subID, n int, hll string) []byte {
	if hll != "" {
		return []byte(`["COUNT",` + sub.json + `,{"count":` + strconv.Itoa(n) + `,"hll":"` + hll + `"}]`)
	}
	return []byte(`["COUNT",` + sub.json + `,{"count":` + strconv.Itoa(n) + `}]`)
}

// eoseMessage ends the stored answer, with a hint where there is one to give.
func eoseMessage(sub subID, say hint) []byte {
	if say == hintNone {
		return []byte(`["EOSE",` + sub.json + `]`)
	}
	return []byte(`["EOSE",` + sub.json + `,["` + string(say) + `"]]`)
}

// eventHead is what stands before each event of a subscription; the event's
// own bytes and a bracket follow.
func eventHead(sub subID) []byte { return []byte(`["EVENT",` + sub.json + `,`) }

// negMessage carries a negentropy message (NIP-77).
func negMessage(sub subID, message []byte) []byte {
	out := make([]byte, 0, len(`["NEG-MSG",,""]`)+len(sub.json)+hex.EncodedLen(len(message)))
	out = append(append(out, `["NEG-MSG",`...), sub.json...)
	out = hex.AppendEncode(append(out, `,"`...), message)
	return append(out, `"]`...)
}

// negErrMessage ends a reconciliation. NIP-77: "the maximum number of records
// that can be processed can optionally be returned as the 4th element".
func negErrMessage(sub subID, r refusal, most ...int) []byte {
	out := `["NEG-ERR",` + sub.json + `,` + quote(r.String())
	for _, n := range most {
		out += "," + strconv.Itoa(n)
	}
	return []byte(out + `]`)
}

// refusal is why a request was not answered: one of NIP-01's prefixes and a sentence.
type refusal struct {
	status event.Status
	reason string
}

func (r refusal) String() string { return string(r.status) + ": " + r.reason }

// reasonOf gives the fourth element of an OK. NIP-01: where it is not empty it
// is "a machine-readable single-word prefix followed by a : and then a
// human-readable message".
func reasonOf(v event.Verdict) string {
	if v.Reason == "" && v.Status != event.Accepted {
		v.Reason = defaultReason[v.Status]
	}
	return v.Message()
}

var defaultReason = map[event.Status]string{
	event.Duplicate:   "already have this event",
	event.Invalid:     "this event does not prove itself",
	event.Blocked:     "this event is not taken here",
	event.Restricted:  "you may not publish this here",
	event.RateLimited: "too much at once, try again in a while",
	event.AuthNeeded:  "prove your key first (NIP-42)",
	event.Failed:      "the event could not be stored",
}
