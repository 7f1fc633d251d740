//go:build linux

package testkit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/coder/websocket"

	"mural/event"
)

const relayFrame = 1 << 20 // bytes of one message that a story's client reads

// Guest is a program or a browser somewhere in a world that looks at somebody's
// node without any right.
type Guest struct {
	host string // Host header: how it names the node
	http *http.Client
}

// Guest makes a guest in this person's network who looks at another's node
// through the address that the node has on the bridge.
func (p *Person) Guest(of *Person) *Guest {
	addr := net.JoinHostPort(of.Addr, strconv.Itoa(of.Port))
	return &Guest{host: addr, http: p.client(addr)}
}

// Program makes a program on the person's own machine, without their token.
func (p *Person) Program() *Guest {
	return &Guest{host: fmt.Sprintf("localhost:%d", p.Port), http: p.web}
}

// Answer is what a guest got.
type Answer struct {
	Status int
	Body   string
}

// Asks sends one request; header has pairs of name and value. A Host header names the node.
func (g *Guest) Asks(method, path, body string, header ...string) (Answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+g.host+path, strings.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	res, err := g.http.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return Answer{Status: res.StatusCode, Body: string(b)}, err
}

// connect opens the node's relay.
func (g *Guest) connect(ctx context.Context) (*websocket.Conn, error) {
	c, _, err := websocket.Dial(ctx, "ws://"+g.host+"/", &websocket.DialOptions{HTTPClient: g.http})
	if err == nil {
		c.SetReadLimit(relayFrame)
	}
	return c, err
}

// Reads asks the relay for one event by its id (NIP-01) and gives it as it came.
func (g *Guest) Reads(id string) (*event.Event, error) {
	var found *event.Event
	err := g.talk(fmt.Sprintf(`["REQ","story",{"ids":[%q]}]`, id), func(label string, rest []json.RawMessage) (bool, error) {
		switch label {
		case "EVENT":
			e, err := event.Parse(rest[1])
			found = e
			return true, err
		case "EOSE", "CLOSED":
			return true, fmt.Errorf("the relay has no event %s: %s", id, rest)
		}
		return false, nil
	})
	return found, err
}

// Publishes sends a signed event to the relay (NIP-01) and gives its answer.
func (g *Guest) Publishes(e *event.Event) (ok bool, reason string, err error) {
	err = g.talk(fmt.Sprintf(`["EVENT",%s]`, e.AppendJSON(nil)), func(label string, rest []json.RawMessage) (bool, error) {
		if label != "OK" || len(rest) < 3 {
			return false, nil
		}
		return true, errors.Join(json.Unmarshal(rest[1], &ok), json.Unmarshal(rest[2], &reason))
	})
	return ok, reason, err
}

// talk sends one message and reads answers until one ends the talk.
func (g *Guest) talk(message string, hear func(label string, rest []json.RawMessage) (done bool, err error)) error {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	c, err := g.connect(ctx)
	if err != nil {
		return err
	}
	defer c.CloseNow()
	if err := c.Write(ctx, websocket.MessageText, []byte(message)); err != nil {
		return err
	}
	for {
		_, raw, err := c.Read(ctx)
		if err != nil {
			return err
		}
		var parts []json.RawMessage
		var label string
		if err := json.Unmarshal(raw, &parts); err != nil || len(parts) < 2 {
			return fmt.Errorf("the relay said %s", raw)
		}
		if err := json.Unmarshal(parts[0], &label); err != nil {
			return err
		}
		if done, err := hear(label, parts[1:]); done || err != nil {
			return err
		}
	}
}
