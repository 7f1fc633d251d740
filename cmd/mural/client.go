package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"mural/node"
)

// problem is an error the node answered with.
type problem struct {
	Status  int    `json:"-"`
	Code    string `json:"code"`
	Message string `json:"message"`
	Next    string `json:"next"`
}

func (p *problem) Error() string { return strings.TrimSpace(p.Message + " " + p.Next) }

// client speaks the JSON API: to the running node of a home, or to a node
// opened in this process for the length of one command.
type client struct {
	base  string
	token string
	do    func(*http.Request) (*http.Response, error)
	own   *node.Node      // nil when another process answers
	last  json.RawMessage // the node's last answer, word for word: what --json prints
}

const answerTime = 5 * time.Minute // longest a command waits: a large import

// api gives the client of this command, and opens it the first time.
func (e *env) api() (*client, error) { return e.open(true) }

// open finds the running node, or opens one here: alone without any port, or
// with peers for a command that has to reach somebody.
func (e *env) open(alone bool) (*client, error) {
	if e.conn != nil {
		return e.conn, nil
	}
	c, err := e.running()
	if err != nil {
		c, err = e.here(alone)
	}
	e.conn = c
	return c, err
}

func (e *env) close() error {
	if e.conn == nil || e.conn.own == nil {
		return nil
	}
	return e.conn.own.Close()
}

var errNoNode = errors.New("no node runs with this home; start one: mural run")

// running gives the node of this home, if one answers.
func (e *env) running() (*client, error) {
	r, err := node.FindRunning(e.cli.Home)
	if err != nil {
		return nil, errNoNode
	}
	token, err := node.OwnerToken(e.cli.Home)
	if err != nil {
		return nil, err
	}
	c := &client{base: r.URL, token: token, do: (&http.Client{Timeout: answerTime}).Do}
	ctx, cancel := context.WithTimeout(e.ctx, 3*time.Second)
	defer cancel()
	var me struct {
		Owner bool `json:"owner"`
	}
	if err := c.get(ctx, "/api/me", &me); err != nil || !me.Owner { // stale after a power cut, or another home's node
		return nil, errNoNode
	}
	return c, nil
}

// here opens the home in this process.
func (e *env) here(alone bool) (*client, error) {
	n, err := node.Open(node.Config{Home: e.cli.Home, Port: e.cli.Port, Alone: alone, Log: logger(e.err, false)})
	if err != nil {
		return nil, err
	}
	token, err := node.OwnerToken(e.cli.Home)
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	handler := n.Handler()
	return &client{base: "http://localhost", token: token, own: n, do: func(r *http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		r.RemoteAddr, r.RequestURI = "127.0.0.1:0", r.URL.RequestURI()
		handler.ServeHTTP(w, r)
		return w.Result(), nil
	}}, nil
}

func (c *client) get(ctx context.Context, path string, out any) error {
	return c.call(ctx, http.MethodGet, path, nil, "", out)
}

// send calls with a JSON body (nil = none).
func (c *client) send(ctx context.Context, method, path string, in, out any) error {
	b, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("writing the question: %w", err)
	}
	return c.call(ctx, method, path, bytes.NewReader(b), "application/json", out)
}

func (c *client) call(ctx context.Context, method, path string, body io.Reader, kind string, out any) error {
	res, err := c.raw(ctx, method, path, body, kind)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if out == nil || res.StatusCode == http.StatusNoContent {
		return nil
	}
	b, err := io.ReadAll(res.Body)
	if err == nil {
		err = json.Unmarshal(b, out)
	}
	if err != nil {
		return fmt.Errorf("reading the node's answer to %s: %w", path, err)
	}
	c.last = b
	return nil
}

// raw calls and turns error answers into problems. The caller closes the body.
func (c *client) raw(ctx context.Context, method, path string, body io.Reader, kind string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, fmt.Errorf("asking the node: %w", err)
	}
	if body == nil {
		req.Body = http.NoBody
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	res, err := c.do(req)
	if err != nil {
		return nil, fmt.Errorf("asking the node: %w", err)
	}
	if res.StatusCode < 300 {
		return res, nil
	}
	defer res.Body.Close()
	return nil, asProblem(res, path)
}

func asProblem(res *http.Response, path string) error {
	var body struct {
		Error problem `json:"error"`
	}
	b, _ := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if json.Unmarshal(b, &body) != nil || body.Error.Message == "" {
		if reason := res.Header.Get("X-Reason"); reason != "" {
			return &problem{Status: res.StatusCode, Message: reason}
		}
		return &problem{Status: res.StatusCode, Message: fmt.Sprintf("The node answered %s to %s.", res.Status, path)}
	}
	body.Error.Status = res.StatusCode
	return &body.Error
}

// upload sends one file and gives its description.
func (c *client) upload(ctx context.Context, path, alt string) (mediaView, error) {
	f, err := os.Open(path)
	if err != nil {
		return mediaView{}, fmt.Errorf("%s cannot be read: %w", path, err)
	}
	defer f.Close()
	var m mediaView
	q := "/api/import?name=" + escape(filepath.Base(path)) + "&alt=" + escape(alt)
	return m, c.call(ctx, http.MethodPost, q, f, "application/octet-stream", &m)
}
