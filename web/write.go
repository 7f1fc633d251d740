package web

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"unicode/utf8"

	"mural/event"
	"mural/lineage"
)

type postBody struct {
	Text  string `json:"text"`
	Media []struct {
		SHA256 string `json:"sha256"`
		Alt    string `json:"alt"`
	} `json:"media"`
	Warning string `json:"warning"`
	Pass    *struct {
		ID        string `json:"id"`
		Operation string `json:"operation"`
	} `json:"pass"`
	Reply *struct {
		ID string `json:"id"`
	} `json:"reply"`
}

func (s *Server) postPost(v *visit) error {
	var body postBody
	if err := v.body(&body); err != nil {
		return err
	}
	if _, err := s.me(); err != nil {
		return err
	}
	d, err := s.draft(v.ctx(), body)
	if err != nil {
		return err
	}
	return s.publishPost(v, d.compose(s.BlobBase))
}

// draft checks what was sent and reads what it speaks of.
func (s *Server) draft(ctx context.Context, body postBody) (draft, error) {
	d := draft{Text: body.Text, Warning: body.Warning}
	if err := checkDraft(body); err != nil {
		return d, err
	}
	for _, m := range body.Media {
		one, err := s.describe(ctx, m.SHA256)
		if err != nil {
			return d, err
		}
		d.Media = append(d.Media, draftMedia{one, m.Alt})
	}
	if body.Pass != nil {
		return d, s.addPass(ctx, &d, body.Pass.ID, body.Pass.Operation)
	}
	if body.Reply != nil {
		return d, s.addParent(ctx, &d, body.Reply.ID)
	}
	return d, nil
}

func checkDraft(body postBody) error {
	switch {
	case len(body.Text) > maxTextBody:
		return &Problem{413, "too-long", fmt.Sprintf("The text is over %d bytes.", maxTextBody), "Shorten it, or publish it as several posts."}
	case !utf8.ValidString(body.Text):
		return badRequest("bad-text", "The text is not valid UTF-8.", "Send it again as UTF-8.")
	case len(body.Media) > maxDraftMedia:
		return badRequest("too-many", fmt.Sprintf("A post holds at most %d files.", maxDraftMedia), "Publish the rest as another post.")
	case strings.TrimSpace(body.Text) == "" && len(body.Media) == 0:
		return badRequest("empty", "There is nothing to publish yet.", "Write something, or add a picture, a clip or a voice.")
	case body.Pass != nil && body.Reply != nil:
		return badRequest("pass-or-reply", "A post is a layer or an answer, not both.", "Send pass or reply, not both.")
	}
	return nil
}

func (s *Server) describe(ctx context.Context, hex string) (Media, error) {
	h, err := ParseHash(hex)
	if err != nil {
		return Media{}, badRequest("bad-hash", "That is no blob hash.", "Send the sha256 that POST /api/import gave.")
	}
	m, err := s.Library.Describe(ctx, h)
	if errors.Is(err, fs.ErrNotExist) {
		return Media{}, badRequest("no-blob", "That file is not here.", "Import it first: POST /api/import.")
	}
	if err != nil {
		return Media{}, fmt.Errorf("web: describing a blob: %w", err)
	}
	return m, nil
}

func (s *Server) addPass(ctx context.Context, d *draft, id, operation string) (err error) {
	if operation == "" {
		operation = lineage.Quote
	}
	if !lineage.Known(operation) {
		return badRequest("bad-operation", "That is no way to build on a post.", "Use one of: "+strings.Join(lineage.Operations(), ", ")+".")
	}
	d.Operation = operation
	d.Source, err = s.readPost(ctx, id)
	if err == nil && slices.Contains(repostKinds, d.Source.Kind) {
		return badRequest("bare-repost", "That is a bare repost; what it passes on is not here.", "Wait for the original to arrive.")
	}
	return err
}

func (s *Server) addParent(ctx context.Context, d *draft, id string) (err error) {
	if d.Parent, err = s.readPost(ctx, id); err != nil {
		return err
	}
	root, inThread := noteRoot(d.Parent)
	if d.Parent.Kind != event.KindNote || !inThread {
		return nil
	}
	found, err := s.byID(ctx, []event.ID{root})
	if err != nil {
		return fmt.Errorf("web: reading the thread: %w", err)
	}
	if len(found) > 0 {
		d.Root = found[0]
	}
	return nil
}

// readPost reads a post for its owner's next step.
func (s *Server) readPost(ctx context.Context, ref string) (*event.Event, error) {
	return (&view{s: s, owner: true}).find(ctx, ref)
}

// publishPost publishes the template and answers with the POST.
func (s *Server) publishPost(v *visit, template *event.Event) error {
	e, err := s.Author.Publish(v.ctx(), template)
	if err != nil {
		return err
	}
	return s.answerOne(v, entry{post: e})
}

func (s *Server) answerOne(v *visit, e entry) error {
	view, err := s.view(v.ctx(), v.Owner)
	if err != nil {
		return err
	}
	posts, err := view.posts(v.ctx(), []entry{e})
	if err != nil {
		return err
	}
	return v.answer(posts[0])
}

func (s *Server) postRepost(v *visit) error {
	if _, err := s.me(); err != nil {
		return err
	}
	of, err := s.readPost(v.ctx(), v.r.PathValue("id"))
	if err != nil {
		return err
	}
	if slices.Contains(repostKinds, of.Kind) {
		return badRequest("bare-repost", "That is itself a bare repost.", "Pass the original on.")
	}
	e, err := s.Author.Publish(v.ctx(), composeRepost(of))
	if err != nil {
		return err
	}
	return s.answerOne(v, entry{post: of, repost: e})
}

func (s *Server) deletePost(v *visit) error {
	me, err := s.me()
	if err != nil {
		return err
	}
	of, err := s.readPost(v.ctx(), v.r.PathValue("id"))
	if err != nil {
		return err
	}
	if of.PubKey != me {
		return &Problem{403, "not-yours", "Only its author can delete a post.", "Hide it for yourself instead."}
	}
	if _, err := s.Author.Publish(v.ctx(), composeDeletion(of)); err != nil {
		return err
	}
	return v.answerNothing()
}
