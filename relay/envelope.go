package relay

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"mural/event"
)

// message is one message of a client, taken apart but not yet understood:
// events and filters are still JSON.
type message struct {
	label   string   // EVENT, REQ, CLOSE, COUNT, AUTH, NEG-OPEN, NEG-MSG or NEG-CLOSE
	sub     subID    // of all but EVENT and AUTH
	payload [][]byte // the event of EVENT and AUTH, the filters of REQ, COUNT and NEG-OPEN
	neg     []byte   // of NEG-OPEN and NEG-MSG: the negentropy message, still JSON
}

// subID names a subscription of one connection.
type subID struct {
	text string
	json string // as the client wrote it, quotes included: it is echoed unchanged
}

// maxElements is what the longest message has: label, id and filters.
const maxElements = 2 + event.MaxFilters

var (
	errNotMessage = errors.New("a message is a JSON array that begins with its type")
	errTooMany    = fmt.Errorf("a message has at most %d filters", event.MaxFilters)
)

// parseMessage takes a message apart. Where it fails but the subscription is
// known, the message returned names it, so that the answer can.
func parseMessage(frame []byte) (message, error) {
	var room [maxElements]([]byte)
	parts, tooMany := elements(frame, room[:0])
	if tooMany != nil && !errors.Is(tooMany, errTooMany) {
		return message{}, tooMany
	}
	label, err := parseLabel(parts[0])
	if err != nil {
		return message{}, err
	}
	m := message{label: label, payload: parts[1:]}
	switch label {
	case "EVENT", "AUTH":
		return m, wantParts(m, len(m.payload) == 1, "exactly one event")
	case "CLOSE", "NEG-CLOSE":
		err := m.takeSub()
		return m, errors.Join(err, wantParts(m, len(m.payload) == 0, "only a subscription id"))
	case "NEG-OPEN", "NEG-MSG":
		return m, m.takeNeg()
	case "REQ", "COUNT":
		if err := m.takeSub(); err != nil {
			return m, err
		}
		return m, cmp.Or(tooMany, wantParts(m, len(m.payload) > 0, "at least one filter"))
	}
	return message{}, fmt.Errorf("unknown message type %.16q", label)
}

func wantParts(m message, ok bool, what string) error {
	if ok {
		return nil
	}
	return fmt.Errorf("%s takes %s", m.label, what)
}

func parseLabel(raw []byte) (string, error) {
	if len(raw) < 2 || raw[0] != '"' || raw[len(raw)-1] != '"' {
		return "", errNotMessage
	}
	label := raw[1 : len(raw)-1]
	for _, c := range label {
		if (c < 'A' || c > 'Z') && c != '-' {
			return "", errNotMessage
		}
	}
	return string(label), nil
}

// takeSub moves the subscription id out of the payload.
// NIP-01: "an arbitrary, non-empty string of max length 64 chars".
func (m *message) takeSub() error {
	if len(m.payload) == 0 {
		return fmt.Errorf("%s needs a subscription id", m.label)
	}
	raw := m.payload[0]
	m.payload = m.payload[1:]
	var text string
	if raw[0] != '"' || !utf8.Valid(raw) || json.Unmarshal(raw, &text) != nil {
		return errors.New("a subscription id is a string")
	}
	if n := utf8.RuneCountInString(text); n == 0 || n > maxSubID {
		return fmt.Errorf("a subscription id has 1 to %d characters, not %d", maxSubID, n)
	}
	if strings.ContainsRune(text, utf8.RuneError) {
		// A lone surrogate decodes to U+FFFD: two ids would become one.
		return errors.New("a subscription id is Unicode text")
	}
	m.sub = subID{text: text, json: string(raw)}
	return nil
}

// takeNeg moves the subscription id and the negentropy message (NIP-77) out of
// the payload: of a NEG-OPEN the filter is left, of a NEG-MSG nothing.
func (m *message) takeNeg() error {
	if err := m.takeSub(); err != nil {
		return err
	}
	if m.label == "NEG-MSG" && len(m.payload) != 1 {
		return errors.New("NEG-MSG takes a subscription id and a message")
	}
	if m.label == "NEG-OPEN" && len(m.payload) != 2 {
		return errors.New("NEG-OPEN takes a subscription id, one filter and a message")
	}
	last := len(m.payload) - 1
	m.payload, m.neg = m.payload[:last], m.payload[last]
	return nil
}

// negentropy gives the bytes of the message that m.neg has in hex. They stand
// where the hex stood: m.neg is used up.
func (m *message) negentropy() ([]byte, error) {
	digits := m.neg
	if len(digits) < 2 || digits[0] != '"' || digits[len(digits)-1] != '"' {
		return nil, errNotHex
	}
	digits = digits[1 : len(digits)-1]
	n, err := hex.Decode(digits, digits)
	if err != nil {
		return nil, errNotHex
	}
	return digits[:n], nil
}

var errNotHex = errors.New("a negentropy message is a string of hex digits")

// filters reads the filters of a REQ, COUNT or NEG-OPEN.
func (m *message) filters() ([]event.Filter, error) {
	out := make([]event.Filter, len(m.payload))
	for i, raw := range m.payload {
		f, err := event.ParseFilter(raw)
		if err != nil {
			return nil, err
		}
		out[i] = f
	}
	return out, nil
}

// elements appends the elements of a JSON array to dst, as they stand. It
// checks no more than it needs to find the commas: what is inside an element
// is checked by whoever reads it. It takes no memory of its own and does not
// recurse, however deep the array is. With errTooMany it gives the first ones.
func elements(frame []byte, dst [][]byte) ([][]byte, error) {
	frame = bytes.Trim(frame, jsonSpace)
	if len(frame) < 2 || frame[0] != '[' || frame[len(frame)-1] != ']' {
		return nil, errNotMessage
	}
	rest := frame[1 : len(frame)-1]
	for {
		n, err := elementLen(rest)
		if err != nil {
			return nil, err
		}
		element := bytes.Trim(rest[:n], jsonSpace)
		if len(element) == 0 {
			return nil, errNotMessage
		}
		if len(dst) == maxElements {
			return dst, errTooMany
		}
		dst = append(dst, element)
		if n == len(rest) {
			return dst, nil
		}
		rest = rest[n+1:]
	}
}

const jsonSpace = " \t\r\n"

// elementLen gives the bytes up to the next comma at the top level, or to the end.
func elementLen(rest []byte) (int, error) {
	depth := 0
	for i := 0; i < len(rest); i++ {
		switch rest[i] {
		case '"':
			n := stringLen(rest[i:])
			if n == 0 {
				return 0, errNotMessage
			}
			i += n - 1
		case '[', '{':
			depth++
		case ']', '}':
			if depth--; depth < 0 {
				return 0, errNotMessage
			}
		case ',':
			if depth == 0 {
				return i, nil
			}
		}
	}
	if depth != 0 {
		return 0, errNotMessage
	}
	return len(rest), nil
}

// stringLen gives the length of the JSON string that s begins with, quotes
// included, or 0 where it does not end.
func stringLen(s []byte) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}

// eventID finds the id in an event that could not be read, so that its OK can
// name it. It says false where there is none to find.
func eventID(raw []byte) (event.ID, bool) {
	var named struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(raw, &named) != nil {
		return event.ID{}, false
	}
	id, err := event.ParseID(named.ID)
	return id, err == nil
}
