//go:build linux

package testkit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
)

// The parts of the API's shapes that stories look at (docs/protocol/api.md).
type (
	personView struct {
		PubKey string `json:"pubkey"`
		Npub   string `json:"npub"`
		Name   string `json:"name"`
	}
	// Media is one blob of a post.
	Media struct {
		SHA256   string   `json:"sha256"`
		Type     string   `json:"type"`
		Size     int64    `json:"size"`
		Have     string   `json:"have"`
		Stripped []string `json:"stripped"`
	}
	// Keeper is a device that keeps a post.
	Keeper struct {
		PeerID      string `json:"peer_id"`
		This        bool   `json:"this"`
		CheckedAtMS int64  `json:"checked_at_ms"`
	}
	// Kept says who keeps a post.
	Kept struct {
		Devices           int      `json:"devices"`
		CheckedAtMS       int64    `json:"checked_at_ms"`
		Keepers           []Keeper `json:"keepers"`
		Author            string   `json:"author"`
		AuthorDarkSinceMS int64    `json:"author_dark_since_ms"`
	}
	// Layer is what a post was made on top of.
	Layer struct {
		Operation string `json:"operation"`
		Of        string `json:"of"`
		OfPost    *Post  `json:"of_post"`
	}
	// Post as the API shows it.
	Post struct {
		ID       string     `json:"id"`
		Author   personView `json:"author"`
		Form     string     `json:"form"`
		Text     string     `json:"text"`
		Media    []Media    `json:"media"`
		Layer    *Layer     `json:"layer"`
		Layers   int        `json:"layers"`
		Kept     Kept       `json:"kept"`
		Verified bool       `json:"verified"`
		Missing  bool       `json:"missing"`
	}
	// Edge of a lineage: From was made on top of To.
	Edge struct {
		From      string `json:"from"`
		To        string `json:"to"`
		Operation string `json:"operation"`
	}
	// Page is one post with its lineage.
	Page struct {
		Post    Post `json:"post"`
		Lineage struct {
			Nodes []Post `json:"nodes"`
			Edges []Edge `json:"edges"`
		} `json:"lineage"`
	}
	// Peer is another node as this one sees it.
	Peer struct {
		PeerID    string      `json:"peer_id"`
		Person    *personView `json:"person"`
		Connected bool        `json:"connected"`
		Nearby    bool        `json:"nearby"`
		Addresses []string    `json:"addresses"`
	}
)

// Problem is an error that a node answered with.
type Problem struct {
	Status  int    `json:"-"`
	Code    string `json:"code"`
	Message string `json:"message"`
	Next    string `json:"next"`
}

func (p *Problem) Error() string {
	return fmt.Sprintf("%d %s: %s %s", p.Status, p.Code, p.Message, p.Next)
}

// client makes an HTTP client that stands in this person's network and reaches
// one address, whatever name it is asked for.
func (p *Person) client(addr string) *http.Client {
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return within(p.ns, func() (net.Conn, error) { return (&net.Dialer{}).DialContext(ctx, network, addr) })
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 8, DisableCompression: true}}
}

// base is the address of the node as its owner's browser writes it.
func (p *Person) base() string { return fmt.Sprintf("http://localhost:%d", p.Port) }

// Do sends one request to the person's own node as its owner. body may be nil.
func (p *Person) Do(ctx context.Context, method, path string, body io.Reader, header map[string]string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, p.base()+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+p.token)
	for k, v := range header {
		req.Header.Set(k, v)
	}
	return p.web.Do(req)
}

// try calls the API with a JSON body (nil = none) and reads a JSON answer (nil = none).
func (p *Person) try(method, path string, in, out any) error {
	var body io.Reader
	header := map[string]string{}
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body, header["Content-Type"] = bytes.NewReader(b), "application/json"
	}
	return p.exchange(method, path, body, header, out)
}

func (p *Person) exchange(method, path string, body io.Reader, header map[string]string, out any) error {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	res, err := p.Do(ctx, method, path, body, header)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %w", method, path, problemIn(res))
	}
	if out == nil {
		_, err = io.Copy(io.Discard, res.Body)
		return err
	}
	return json.NewDecoder(res.Body).Decode(out)
}

func problemIn(res *http.Response) *Problem {
	b, _ := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	var body struct{ Error Problem }
	if json.Unmarshal(b, &body) != nil || body.Error.Code == "" {
		body.Error.Message = string(b) + res.Header.Get("X-Reason")
	}
	body.Error.Status = res.StatusCode
	return &body.Error
}

// get and post end the story when the node refuses.
func (p *Person) get(path string, out any) {
	p.t.Helper()
	if err := p.try(http.MethodGet, path, nil, out); err != nil {
		p.t.Fatalf("%s: %v", p.Name, err)
	}
}

func (p *Person) post(path string, in, out any) {
	p.t.Helper()
	if err := p.try(http.MethodPost, path, in, out); err != nil {
		p.t.Fatalf("%s: %v", p.Name, err)
	}
}
