package relay

import (
	"context"
	"encoding/hex"
	"io"
	"net/url"
	"slices"
	"strings"

	"mural/event"
)

// proven gives the keys that this connection has proved (NIP-42). The slice is
// never changed.
func (c *conn) proven() []event.PubKey {
	if keys := c.keys.Load(); keys != nil {
		return *keys
	}
	return nil
}

func (c *conn) proved(pk event.PubKey) bool { return slices.Contains(c.proven(), pk) }

// challengeOnce sends the connection's challenge if it was not sent yet. It
// goes out only when there is something to prove: a challenge on every
// connect would have people reveal their keys for nothing.
func (c *conn) challengeOnce(ctx context.Context) {
	if c.challenge != "" {
		return
	}
	var random [challengeBytes]byte
	if _, err := io.ReadFull(c.server.config.Rand, random[:]); err != nil {
		c.server.config.Log.ErrorContext(ctx, "no randomness for a challenge", "err", err)
		return
	}
	c.challenge = hex.EncodeToString(random[:])
	c.reply(ctx, authMessage(c.challenge))
}

// authenticate answers an AUTH message. NIP-42: it "MUST be answered with an
// OK message, like any EVENT message", and several keys may be proved.
func (c *conn) authenticate(ctx context.Context, raw []byte) {
	e, err := event.Parse(raw)
	if err != nil {
		c.refuse(ctx, message{label: "AUTH", payload: [][]byte{raw}}, refusal{event.Invalid, err.Error()})
		return
	}
	v := event.Verdict{ID: e.ID}
	if r, no := c.judgeProof(e); no {
		v.Status, v.Reason = r.status, r.reason
	} else if !c.proved(e.PubKey) {
		keys := append(slices.Clone(c.proven()), e.PubKey)
		c.keys.Store(&keys)
	}
	c.reply(ctx, okMessage(v))
}

func (c *conn) judgeProof(e *event.Event) (r refusal, no bool) {
	invalid := func(reason string) (refusal, bool) { return refusal{event.Invalid, reason}, true }
	age := c.server.config.Now().Unix() - e.CreatedAt
	switch {
	case c.visitor.foreign():
		return refusal{event.Restricted, originSentence}, true
	case e.Kind != event.KindAuth:
		return invalid("an AUTH event has kind 22242")
	case max(age, -age) > int64(authWindow.Seconds()):
		return invalid("the AUTH event is more than 10 minutes from this node's clock")
	case c.challenge == "" || e.Tags.First("challenge").Value(1) != c.challenge:
		return invalid("the challenge is not the one of this connection")
	case c.host == "" || relayHost(e.Tags.First("relay").Value(1)) != c.host:
		return invalid("the relay tag names another relay")
	case len(c.proven()) >= maxAuthKeys && !c.proved(e.PubKey):
		return refusal{event.Restricted, "too many keys on one connection"}, true
	}
	if err := e.Verify(); err != nil {
		return invalid(err.Error())
	}
	return refusal{}, false
}

// relayHost gives the host and port of a relay's address, in one form for all
// ways to write it; "" where it is none. NIP-42: "just checking if the domain
// name is correct should be enough".
func relayHost(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	port := u.Port()
	if u.Scheme == "ws" && port == "80" || u.Scheme == "wss" && port == "443" {
		port = ""
	}
	return host + ":" + port
}
