//go:build linux

package testkit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// Person is somebody with a node of their own.
type Person struct {
	Name           string
	Home           string
	Port, PeerPort int
	Addr           string // on the bridge; "" on loopback
	PubKey, Npub   string
	PeerID         string
	StartTook      time.Duration // from the start of the process to its first answer

	w       *World
	t       testing.TB
	flags   []string // of mural run
	ns      string   // network namespace; "" on loopback
	link    string   // the other end of the cable, on the bridge
	token   string
	web     *http.Client
	running *process // nil while dark
}

// IsNamed types this person's name, which makes their key the first time.
func (p *Person) IsNamed(name string) {
	p.t.Helper()
	var me personView
	p.post("/api/person", map[string]string{"name": name}, &me)
	p.PubKey, p.Npub = me.PubKey, me.Npub
}

// Posts publishes words and files.
func (p *Person) Posts(text string, files ...File) Post {
	p.t.Helper()
	post, err := p.TriesToPost(text, files...)
	if err != nil {
		p.t.Fatalf("%s posts %q: %v", p.Name, text, err)
	}
	return post
}

// TriesToPost publishes, and gives the node's refusal as a *Problem.
func (p *Person) TriesToPost(text string, files ...File) (Post, error) {
	media, err := p.imports(files)
	if err != nil {
		return Post{}, err
	}
	var out Post
	err = p.try(http.MethodPost, "/api/posts", map[string]any{"text": text, "media": media}, &out)
	return out, err
}

// PostsImported publishes words with a file that is in the node already.
func (p *Person) PostsImported(text string, m Media) Post {
	p.t.Helper()
	var out Post
	p.post("/api/posts", map[string]any{"text": text, "media": []map[string]string{{"sha256": m.SHA256, "alt": "a picture"}}}, &out)
	return out
}

// Imports brings a file into the node without posting it.
func (p *Person) Imports(f File) (Media, error) {
	var m Media
	header := map[string]string{"Content-Type": "application/octet-stream"}
	err := p.exchange(http.MethodPost, "/api/import?name="+url.QueryEscape(f.Name), bytes.NewReader(f.Data), header, &m)
	return m, err
}

func (p *Person) imports(files []File) ([]map[string]string, error) {
	refs := []map[string]string{}
	for _, f := range files {
		m, err := p.Imports(f)
		if err != nil {
			return nil, fmt.Errorf("importing %s: %w", f.Name, err)
		}
		refs = append(refs, map[string]string{"sha256": m.SHA256, "alt": f.Name})
	}
	return refs, nil
}

// PassesOn publishes a layer of own words and files on top of a post.
func (p *Person) PassesOn(post Post, words string, files ...File) Post {
	p.t.Helper()
	media, err := p.imports(files)
	if err != nil {
		p.t.Fatalf("%s: %v", p.Name, err)
	}
	in := map[string]any{"text": words, "media": media, "pass": map[string]string{"id": post.ID, "operation": "quote"}}
	var out Post
	p.post("/api/posts", in, &out)
	return out
}

// Deletes asks everybody to delete an own post.
func (p *Person) Deletes(post Post) {
	p.t.Helper()
	if err := p.try(http.MethodDelete, "/api/posts/"+post.ID, nil, nil); err != nil {
		p.t.Fatalf("%s: %v", p.Name, err)
	}
}

// Follows makes this person follow another.
func (p *Person) Follows(other *Person) {
	p.t.Helper()
	if err := p.try(http.MethodPut, "/api/people/"+other.Npub+"/follow", struct{}{}, nil); err != nil {
		p.t.Fatalf("%s follows %s: %v", p.Name, other.Name, err)
	}
}

// Nearby is what the node knows of the network it stands in.
type Nearby struct {
	Choice    string `json:"choice"`
	Network   string `json:"network"`
	NetworkID string `json:"network_id"`
	Peers     []Peer `json:"peers"`
}

// Nearby looks at who is on this network.
func (p *Person) Nearby() Nearby {
	p.t.Helper()
	var n Nearby
	p.get("/api/nearby", &n)
	return n
}

// ShowsNearby answers yes to being seen on this network.
func (p *Person) ShowsNearby() {
	p.t.Helper()
	p.post("/api/nearby", map[string]any{"network_id": p.Nearby().NetworkID, "on": true}, nil)
}

// MeetsNearby waits until another stands under Nearby, connected and with their
// name. It gives how long that took.
func (p *Person) MeetsNearby(other *Person) time.Duration {
	p.t.Helper()
	return p.w.Until(p.Name+" sees "+other.Name+" nearby", func() error {
		seen := p.Nearby()
		for _, n := range seen.Peers {
			if n.PeerID == other.PeerID && n.Connected && n.Person != nil && n.Person.Name == other.Name {
				return nil
			}
		}
		return fmt.Errorf("under Nearby: %+v", seen.Peers)
	})
}

// Peers gives the nodes this one has met.
func (p *Person) Peers() []Peer {
	p.t.Helper()
	var out struct{ Peers []Peer }
	p.get("/api/peers", &out)
	return out.Peers
}

// IsConnectedTo waits until a session with another stands.
func (p *Person) IsConnectedTo(other *Person) {
	p.t.Helper()
	p.awaitSession(other, true)
}

// IsNotConnectedTo waits until this node has given a session with another up.
func (p *Person) IsNotConnectedTo(other *Person) {
	p.t.Helper()
	p.awaitSession(other, false)
}

func (p *Person) awaitSession(other *Person, want bool) {
	p.t.Helper()
	p.w.Until(fmt.Sprintf("%s is connected to %s: %v", p.Name, other.Name, want), func() error {
		peers := p.Peers()
		stands := slices.ContainsFunc(peers, func(n Peer) bool { return n.PeerID == other.PeerID && n.Connected })
		if stands != want {
			return fmt.Errorf("peers: %+v", peers)
		}
		return nil
	})
}

// Invites makes an invitation code.
func (p *Person) Invites() string {
	p.t.Helper()
	var out struct{ Code string }
	p.post("/api/invite", struct{}{}, &out)
	return out.Code
}

// Joins takes an invitation.
func (p *Person) Joins(code string) {
	p.t.Helper()
	var out struct{ Connected bool }
	p.post("/api/join", map[string]string{"link": code}, &out)
	if !out.Connected {
		p.t.Fatalf("%s joined, but the inviter does not answer", p.Name)
	}
}

// Feed reads the newest posts of a scope: mural, me or nearby.
func (p *Person) Feed(scope string) []Post {
	p.t.Helper()
	var out struct{ Posts []Post }
	p.get("/api/feed?limit=100&scope="+scope, &out)
	return out.Posts
}

// Opens reads one post with its lineage.
func (p *Person) Opens(id string) (Page, error) {
	var out Page
	err := p.try(http.MethodGet, "/api/posts/"+id, nil, &out)
	return out, err
}

// Sees waits until a post stands on this person's mural with the same words and
// all its media here, and gives it as seen.
func (p *Person) Sees(post Post) Post {
	p.t.Helper()
	var seen Post
	p.w.Until(fmt.Sprintf("%s sees %q", p.Name, post.Text), func() error {
		var err error
		seen, err = p.standing(post)
		return err
	})
	return seen
}

func (p *Person) standing(post Post) (Post, error) {
	for _, s := range p.Feed("mural") {
		if s.ID != post.ID {
			continue
		}
		if s.Text != post.Text || s.Author.PubKey != post.Author.PubKey || !s.Verified || len(s.Media) != len(post.Media) {
			p.t.Fatalf("%s sees something else: %+v, want %+v", p.Name, s, post)
		}
		for _, m := range s.Media {
			if m.Have != "all" {
				return s, fmt.Errorf("of blob %s it has %s", m.SHA256, m.Have)
			}
		}
		return s, nil
	}
	return Post{}, errors.New("it does not stand on the mural")
}

// NoLongerSees waits until a post is gone from this node, mural and link.
func (p *Person) NoLongerSees(post Post) {
	p.t.Helper()
	p.w.Until(fmt.Sprintf("%q is gone from %s", post.Text, p.Name), func() error {
		for _, s := range p.Feed("mural") {
			if s.ID == post.ID {
				return errors.New("it still stands on the mural")
			}
		}
		_, err := p.Opens(post.ID)
		var problem *Problem
		if !errors.As(err, &problem) || problem.Status != http.StatusNotFound {
			return fmt.Errorf("opening it gives %v, want 404", err)
		}
		return nil
	})
}

// Has says whether a blob is whole on this node; it asks nobody else.
func (p *Person) Has(sha256 string) bool {
	p.t.Helper()
	var out struct{ Have string }
	p.get("/api/blobs/"+sha256, &out)
	return out.Have == "all"
}

// Lacks is an error while a blob is not whole on this node.
func (p *Person) Lacks(m Media) error {
	p.t.Helper()
	if !p.Has(m.SHA256) {
		return fmt.Errorf("%s lacks blob %s", p.Name, m.SHA256)
	}
	return nil
}

// Plays reads a blob the way a player does: first a range from its middle, then
// everything. It ends the story unless the bytes hash to the name.
func (p *Person) Plays(m Media) []byte {
	p.t.Helper()
	middle := p.reads(m, fmt.Sprintf("bytes=%d-%d", m.Size/2, m.Size-1), http.StatusPartialContent)
	whole := p.reads(m, "bytes=0-", http.StatusPartialContent)
	if sum := sha256.Sum256(whole); hex.EncodeToString(sum[:]) != m.SHA256 {
		p.t.Fatalf("%s plays %s: %d bytes that hash to %x", p.Name, m.SHA256, len(whole), sum)
	}
	if !bytes.Equal(whole[m.Size/2:], middle) {
		p.t.Fatalf("%s plays %s: the range differs from the whole", p.Name, m.SHA256)
	}
	return whole
}

func (p *Person) reads(m Media, span string, status int) []byte {
	p.t.Helper()
	res, err := p.Do(p.t.Context(), http.MethodGet, "/"+m.SHA256, nil, map[string]string{"Range": span})
	if err != nil {
		p.t.Fatalf("%s plays %s: %v", p.Name, m.SHA256, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != status || !strings.HasSuffix(res.Header.Get("Content-Range"), fmt.Sprintf("/%d", m.Size)) {
		p.t.Fatalf("%s plays %s (%s): %s, Content-Range %q, %v", p.Name, m.SHA256, span, res.Status, res.Header.Get("Content-Range"), err)
	}
	return b
}

// KeptBy waits until check is content with who keeps a post.
func (p *Person) KeptBy(post Post, what string, check func(Kept) error) Kept {
	p.t.Helper()
	var kept Kept
	p.w.Until(p.Name+" sees that the post is "+what, func() error {
		page, err := p.Opens(post.ID)
		if err != nil {
			return err
		}
		kept = page.Post.Kept
		if err := check(kept); err != nil {
			return fmt.Errorf("%w: %+v", err, kept)
		}
		return nil
	})
	return kept
}
