package peer

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Why a session ends without anybody's fault.
var (
	errReplaced = errors.New("replaced by a newer session")
	errSilent   = errors.New("the peer fell silent")
	errReturned = errors.New("the peer came back on another connection")
	errFull     = errors.New("no place for another peer")
	errBye      = errors.New("the peer said goodbye")
)

// lastWord is what the other side is told, a machine-readable prefix and a
// reason: nothing of this side's inner errors.
func lastWord(reason error) string {
	var f *Fault
	switch {
	case errors.As(reason, &f):
		return cutUTF8(byeFault+": "+f.Reason, maxBye)
	case errors.Is(reason, errFull):
		return byeFull + ": " + errFull.Error()
	case errors.Is(reason, errReplaced):
		return byeReplaced + ": " + errReplaced.Error()
	case errors.Is(reason, errNearbyOff):
		return byeNearbyOff + ": " + errNearbyOff.Error()
	case errors.Is(reason, errSilent):
		return byeSilent + ": " + errSilent.Error()
	}
	return byeClosing + ": "
}

// Prefixes of a bye frame.
const (
	byeFault     = "fault"
	byeFull      = "full"
	byeReplaced  = "replaced"
	byeNearbyOff = "nearby-off"
	byeSilent    = "silent"
	byeClosing   = "closing"
)

// matters says whether the other side would act differently for knowing the word.
func matters(word string) bool {
	return !strings.HasPrefix(word, byeClosing) && !strings.HasPrefix(word, byeSilent)
}

// toldBye draws the conclusions from the other side's last word.
func (h *Host) toldBye(c *contact, body []byte) error {
	word, _, _ := strings.Cut(string(body), ":")
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case word == byeFull:
		c.fails = max(c.fails, 5) // no use in knocking every second
	case word == byeNearbyOff && !c.known:
		c.found, c.addrs = time.Time{}, nil // it does not wish to be found
	}
	return fmt.Errorf("%w: %q", errBye, body)
}
