package web

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"mural/event"
)

// Bounds of a session's and a backup's secrets, in bytes.
const (
	maxTokenBytes      = 200
	minPassphraseRunes = 8
	maxPassphrase      = 1024
)

type meAnswer struct {
	Owner      bool        `json:"owner"`
	NodeID     string      `json:"node_id"`
	ShortID    string      `json:"short_id"`
	Version    string      `json:"version"`
	StartedAt  int64       `json:"started_at_ms"`
	Person     *person     `json:"person"`
	Nearby     nearbyShape `json:"nearby"`
	BackupDone bool        `json:"backup_done"`
	PostsMade  int         `json:"posts_made"`
	Media      struct {
		FFmpeg bool `json:"ffmpeg"`
	} `json:"media"`
	Limits struct {
		MaxBlob int64 `json:"max_blob_bytes"`
		MaxText int64 `json:"max_text_bytes"`
	} `json:"limits"`
}

func (s *Server) signIn(v *visit) error {
	var body struct {
		Token string `json:"token"`
	}
	if err := v.body(&body); err != nil {
		return err
	}
	if body.Token == "" || len(body.Token) > maxTokenBytes {
		return &Problem{401, "bad-token", "That link is not valid.", "Run `mural link` for a new one."}
	}
	if err := s.Gate.SignIn(v.w, v.r, body.Token); err != nil {
		return err
	}
	return v.answerNothing()
}

func (s *Server) signOut(v *visit) error {
	s.Gate.SignOut(v.w, v.r)
	return v.answerNothing()
}

func (s *Server) getMe(v *visit) error {
	body, err := s.meShape(v.ctx(), v.Owner)
	if err != nil {
		return err
	}
	return v.answer(body)
}

// meShape describes the node to its owner; to a guest only whose it is and what it can.
func (s *Server) meShape(ctx context.Context, isOwner bool) (*meAnswer, error) {
	self := s.Node.Self()
	body := &meAnswer{Owner: isOwner, ShortID: self.ShortID, Version: self.Version, Nearby: nearbyShape{Choice: "off"}}
	body.Media.FFmpeg = self.FFmpeg
	body.Limits.MaxBlob, body.Limits.MaxText = self.MaxBlobBytes, maxTextBody
	if err := s.addPerson(ctx, body); err != nil || !isOwner {
		return body, err
	}
	nearby, err := s.Neighbours.Nearby(ctx)
	if err != nil {
		return nil, fmt.Errorf("web: asking for the network: %w", err)
	}
	body.Nearby = nearbyShape{Choice: nearby.Choice, Network: nearby.Network, NetworkID: nearby.NetworkID}
	body.NodeID, body.StartedAt, body.BackupDone = self.NodeID, unixMS(self.StartedAt), self.BackupDone
	return body, nil
}

func (s *Server) addPerson(ctx context.Context, body *meAnswer) error {
	pk, ok := s.Author.Person()
	if !ok {
		return nil
	}
	view, err := s.view(ctx, body.Owner)
	if err != nil {
		return err
	}
	p, err := view.one(ctx, pk)
	if err != nil {
		return err
	}
	if body.Person = &p; body.Owner {
		body.PostsMade = p.Posts
	}
	return nil
}

func (s *Server) postPerson(v *visit) error {
	var body struct {
		Name    *string `json:"name"`
		About   *string `json:"about"`
		Picture *string `json:"picture"`
	}
	if err := v.body(&body); err != nil {
		return err
	}
	fields, err := s.profileFields(v.ctx(), body.Name, body.About, body.Picture)
	if err != nil {
		return err
	}
	pk, err := s.saveProfile(v.ctx(), fields)
	if err != nil {
		return err
	}
	return s.answerPerson(v, pk)
}

// profileFields checks what a person says of themselves. The name may stay
// out when there is one already.
func (s *Server) profileFields(ctx context.Context, name, about, picture *string) (map[string]*string, error) {
	if name != nil {
		clean := oneLine(dropControls(*name))
		name = &clean
	}
	_, known := s.Author.Person()
	switch {
	case name == nil && !known, name != nil && *name == "":
		return nil, badRequest("no-name", "A name is missing.", "Type the name that others shall see.")
	case name != nil && len(*name) > maxNameBytes, about != nil && len(*about) > maxAboutBytes:
		return nil, badRequest("too-long", "That is too long.", "Shorten it.")
	}
	if picture != nil && *picture != "" {
		m, err := s.describe(ctx, *picture)
		if err != nil {
			return nil, err
		}
		link := blobURL(s.BlobBase, m)
		picture = &link
	}
	return map[string]*string{"name": name, "about": about, "picture": picture}, nil
}

func (s *Server) saveProfile(ctx context.Context, fields map[string]*string) (event.PubKey, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	pk, err := s.Author.CreatePerson(ctx)
	if err != nil {
		return pk, err
	}
	s.circles.forget(event.PubKey{})
	last, err := s.newest(ctx, pk, event.KindProfile)
	if err != nil {
		return pk, err
	}
	template, err := composeProfile(last, fields, s.Now().Unix())
	if err != nil {
		return pk, fmt.Errorf("web: writing the profile: %w", err)
	}
	_, err = s.Author.Publish(ctx, template)
	return pk, err
}

func (s *Server) postBackup(v *visit) error {
	var body struct {
		Passphrase string `json:"passphrase"`
	}
	if err := v.body(&body); err != nil {
		return err
	}
	pk, err := s.me()
	if err != nil {
		return err
	}
	if utf8.RuneCountInString(body.Passphrase) < minPassphraseRunes || len(body.Passphrase) > maxPassphrase {
		return badRequest("short-passphrase", "The passphrase needs at least 8 characters.", "Use three or four words that only you would put together.")
	}
	secret, err := s.Author.Backup(v.ctx(), body.Passphrase)
	if err != nil {
		return err
	}
	name, err := s.myName(v.ctx(), pk)
	if err != nil {
		return err
	}
	npub := event.EncodeNPub(pk)
	return v.answer(map[string]string{"ncryptsec": secret, "npub": npub,
		"file_name": backupName(name), "file_text": backupText(name, npub, secret)})
}

func (s *Server) myName(ctx context.Context, pk event.PubKey) (string, error) {
	last, err := s.newest(ctx, pk, event.KindProfile)
	if err != nil || last == nil {
		return "", err
	}
	return readProfile(last).Name, nil
}

// backupName is a file name that every system takes.
func backupName(name string) string {
	word := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return '-'
	}, name)
	if word = strings.Trim(word, "-"); word == "" {
		word = "person"
	}
	return "mural-" + cut(word, 40) + ".key.txt"
}

func backupText(name, npub, secret string) string {
	return "The key of " + name + " on mural, locked with your passphrase.\n\n" +
		"Person: " + npub + "\nKey:    " + secret + "\n\n" +
		"Keep this file and the passphrase in different places. Whoever has both can\n" +
		"speak as you; without the passphrase nobody can help you. To use it on another\n" +
		"device, or with any program that reads NIP-49 keys, import the line that\n" +
		"starts with ncryptsec1.\n"
}

func (s *Server) getNode(v *visit) error {
	st, err := s.Node.Status(v.ctx())
	if err != nil {
		return fmt.Errorf("web: asking for the state of the node: %w", err)
	}
	st.Origins, st.Waiting, st.Checks = list(st.Origins), list(st.Waiting), list(st.Checks)
	return v.answer(st)
}

// list gives an empty list for nil, which JSON would write as null.
func list[T any](in []T) []T {
	if in == nil {
		return []T{}
	}
	return in
}

func (s *Server) postOrigins(v *visit) error {
	var body struct {
		Origin string `json:"origin"`
		Allow  bool   `json:"allow"`
	}
	if err := v.body(&body); err != nil {
		return err
	}
	if !isWebOrigin(body.Origin) {
		return badRequest("bad-origin", "That is no web origin.", "Give it as https://name or http://name:port.")
	}
	origins, err := s.Node.AllowOrigin(v.ctx(), body.Origin, body.Allow)
	if err != nil {
		return err
	}
	return v.answer(map[string][]Origin{"origins": list(origins)})
}

func isWebOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && len(s) <= maxURLBytes && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && s == u.Scheme+"://"+u.Host
}
