package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"mural/media"
)

type nameCmd struct {
	Name  *string `arg:"" optional:"" help:"What people call you; without it: who you are."`
	About string  `help:"A sentence about you."`
}

func (n *nameCmd) Run(e *env) error {
	c, err := e.api()
	if err != nil {
		return err
	}
	if n.Name == nil {
		return e.whoami(c)
	}
	in := map[string]string{"name": *n.Name}
	if n.About != "" {
		in["about"] = n.About
	}
	var who personView
	if err := c.send(e.ctx, http.MethodPost, "/api/person", in, &who); err != nil {
		return err
	}
	return e.print(c.last, func() { fmt.Fprintf(e.out, "You are %s, %s\n", clean(who.Name), who.Npub) })
}

// whoami says whose home this is.
func (e *env) whoami(c *client) error {
	var me struct {
		Person *personView `json:"person"`
	}
	if err := c.get(e.ctx, "/api/me", &me); err != nil {
		return err
	}
	if me.Person == nil {
		return &problem{Message: "Nobody has typed a name here yet.", Next: "Type: mural name \"Ana\""}
	}
	return e.print(me.Person, func() { fmt.Fprintf(e.out, "You are %s, %s\n", clean(me.Person.Name), me.Person.Npub) })
}

type postCmd struct {
	Files   []string `arg:"" optional:"" help:"Pictures, clips or sound." type:"existingfile"`
	Text    string   `help:"Your words."`
	Alt     []string `help:"What a file shows, for those who cannot see or hear it; once per file." sep:"none"`
	Warning string   `help:"A content warning."`
}

// newPost is what POST /api/posts takes.
type newPost struct {
	Text    string            `json:"text"`
	Media   []mediaRef        `json:"media"`
	Warning string            `json:"warning,omitempty"`
	Pass    map[string]string `json:"pass,omitempty"`
}

type mediaRef struct {
	SHA256 string `json:"sha256"`
	Alt    string `json:"alt"`
}

func (p *postCmd) Run(e *env) error {
	return e.publish(newPost{Text: p.Text, Warning: p.Warning}, p.Files, p.Alt)
}

type passCmd struct {
	ID    string   `arg:"" help:"The post: hex, note1 or nevent1."`
	Files []string `arg:"" optional:"" help:"A picture, clip or sound on top." type:"existingfile"`
	Text  string   `help:"Your words on top."`
	Alt   []string `help:"What a file shows; once per file." sep:"none"`
	Bare  bool     `help:"Pass it on unchanged, without a layer."`
}

func (p *passCmd) Run(e *env) error {
	if !p.Bare {
		if p.Text == "" && len(p.Files) == 0 {
			return &problem{Message: "A layer needs something of yours.", Next: "Add --text \"...\" or a file, or pass it on unchanged with --bare."}
		}
		return e.publish(newPost{Text: p.Text, Pass: map[string]string{"id": p.ID}}, p.Files, p.Alt)
	}
	c, err := e.api()
	if err != nil {
		return err
	}
	var out postView
	if err := c.send(e.ctx, http.MethodPost, "/api/posts/"+url.PathEscape(p.ID)+"/repost", struct{}{}, &out); err != nil {
		return err
	}
	return e.print(c.last, func() { out.show(e.out) })
}

// publish imports the files, tells what was removed, and posts.
func (e *env) publish(post newPost, files, alts []string) error {
	if !utf8.ValidString(post.Text + post.Warning) {
		return &problem{Message: "These words are not valid UTF-8.", Next: "Set the terminal to UTF-8 and type them again."}
	}
	c, err := e.api()
	if err != nil {
		return err
	}
	var kinds []string
	for i, f := range files {
		ref := mediaRef{}
		if i < len(alts) {
			ref.Alt = alts[i]
		}
		m, err := c.upload(e.ctx, f, ref.Alt)
		if err != nil {
			return about(filepath.Base(f), err)
		}
		if len(m.Stripped) > 0 {
			fmt.Fprintf(e.err, "%s: removed %s\n", filepath.Base(f), strings.Join(m.Stripped, ", "))
		}
		ref.SHA256 = m.SHA256
		post.Media, kinds = append(post.Media, ref), append(kinds, m.Type)
	}
	if post.Pass != nil {
		post.Pass["operation"] = operation(kinds)
	}
	var out postView
	if err := c.send(e.ctx, http.MethodPost, "/api/posts", post, &out); err != nil {
		return err
	}
	return e.print(c.last, func() { out.show(e.out) })
}

// about says of which file the node refused something.
func about(file string, err error) error {
	var p *problem
	if !errors.As(err, &p) {
		return fmt.Errorf("%s: %w", file, err)
	}
	of := *p
	of.Message = file + ": " + p.Message
	return &of
}

// operation names the layer after what was put on top.
func operation(kinds []string) string {
	switch {
	case len(kinds) == 0:
		return "quote"
	case strings.HasPrefix(kinds[0], "audio/"):
		return "voice-over"
	}
	return "annotate"
}

type feedCmd struct {
	Scope string `help:"mural: people I trust; me: my own; nearby: people on this network." enum:"mural,me,nearby" default:"mural"`
	Limit int    `help:"How many posts." default:"20"`
}

func (f *feedCmd) Run(e *env) error {
	c, err := e.api()
	if err != nil {
		return err
	}
	var out struct {
		Posts []postView `json:"posts"`
		Next  string     `json:"next"`
	}
	if err := c.get(e.ctx, fmt.Sprintf("/api/feed?scope=%s&limit=%d", f.Scope, f.Limit), &out); err != nil {
		return err
	}
	return e.print(c.last, func() {
		if len(out.Posts) == 0 {
			fmt.Fprintln(e.out, "Nothing here yet. Say something: mural post --text \"...\", or meet people: mural nearby on")
		}
		for i := range out.Posts {
			out.Posts[i].show(e.out)
		}
	})
}

type showCmd struct {
	ID string `arg:"" help:"The post: hex, note1 or nevent1."`
}

func (s *showCmd) Run(e *env) error {
	c, err := e.api()
	if err != nil {
		return err
	}
	var out struct {
		Post    postView `json:"post"`
		Lineage struct {
			Nodes []postView `json:"nodes"`
			Edges []edgeView `json:"edges"`
		} `json:"lineage"`
		Comments []postView `json:"comments"`
	}
	if err := c.get(e.ctx, "/api/posts/"+url.PathEscape(s.ID), &out); err != nil {
		return err
	}
	return e.print(c.last, func() {
		out.Post.show(e.out)
		if len(out.Lineage.Edges) > 0 {
			fmt.Fprintln(e.out, "Lineage:")
			printLineage(e.out, out.Lineage.Nodes, out.Lineage.Edges)
		}
		for i := range out.Comments {
			out.Comments[i].show(e.out)
		}
	})
}

// printLineage writes each layer with what it was made from, sources first.
func printLineage(w io.Writer, nodes []postView, edges []edgeView) {
	name := map[string]string{}
	for _, n := range nodes {
		name[n.ID] = n.ID[:min(8, len(n.ID))]
		if !n.Missing {
			name[n.ID] = fmt.Sprintf("%s: %s", clean(n.Author.Name), clean(firstLine(n.Text)))
		}
	}
	for _, g := range edges {
		fmt.Fprintf(w, "  %s  --%s-->  %s\n", name[g.To], g.Operation, name[g.From])
	}
}

type deleteCmd struct {
	ID string `arg:"" help:"A post of yours."`
}

func (d *deleteCmd) Run(e *env) error {
	c, err := e.api()
	if err != nil {
		return err
	}
	if err := c.call(e.ctx, http.MethodDelete, "/api/posts/"+url.PathEscape(d.ID), nil, "", nil); err != nil {
		return err
	}
	return e.print(map[string]string{"deleted": d.ID}, func() {
		fmt.Fprintln(e.out, "Asked everybody to delete it. Copies that others took elsewhere may stay.")
	})
}

type getCmd struct {
	Blob string `arg:"" help:"SHA-256 of the blob."`
	Out  string `short:"o" help:"File to write; - for standard output (default: the hash with its extension)." placeholder:"FILE"`
}

func (g *getCmd) Run(e *env) error {
	c, err := e.api()
	if err != nil {
		return err
	}
	var have struct {
		SHA256 string `json:"sha256"`
		Have   string `json:"have"`
		Size   int64  `json:"size"`
		File   string `json:"file,omitempty"`
	}
	if err := c.get(e.ctx, "/api/blobs/"+url.PathEscape(g.Blob)+"?fetch=1", &have); err != nil {
		return err
	}
	if have.Have != "all" {
		return c.nobodyHas()
	}
	res, err := c.raw(e.ctx, http.MethodGet, "/"+url.PathEscape(g.Blob), nil, "")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if g.Out == "-" {
		_, err := io.Copy(e.out, res.Body)
		return err
	}
	have.File = g.Out
	if have.File == "" {
		have.File = g.Blob + fileExtension(res.Header.Get("Content-Type"))
	}
	if err := writeNew(have.File, res.Body); err != nil {
		return err
	}
	return e.print(have, func() { fmt.Fprintf(e.out, "%s  %s\n", have.File, size(have.Size)) })
}

// nobodyHas says why a blob is not here and what to do about it.
func (c *client) nobodyHas() *problem {
	if c.own != nil {
		return &problem{Message: "This blob is not here, and without a running node nobody can be asked.", Next: "Start one in another terminal: mural run"}
	}
	return &problem{Message: "Nobody I can reach has this blob now.", Next: "Try again when more people are connected: mural peers"}
}

// fileExtension names a file so that other programs know what it is.
func fileExtension(mime string) string {
	mime, _, _ = strings.Cut(mime, ";")
	return media.Extension(mime)
}

// writeNew writes a file that must not be there yet.
func writeNew(path string, r io.Reader) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("%s cannot be written: %w", path, err)
	}
	_, err = io.Copy(f, r)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		os.Remove(path)
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
