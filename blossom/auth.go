package blossom

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"time"

	"mural/blob"
	"mural/event"
)

// The verbs of BUD-11.
const (
	verbUpload = "upload"
	verbMedia  = "media"
	verbDelete = "delete"
	verbList   = "list"
)

const authScheme = "Nostr "

// unauthorized is a 401 that says what to change.
func unauthorized(reason string) *Refusal { return refuse(http.StatusUnauthorized, reason) }

// parseAuth reads an Authorization header: BUD-11 has base64url without
// padding; programs older than it send base64 with padding, and are understood.
// The event is parsed, not checked.
func parseAuth(header string) (*event.Event, error) {
	if header == "" {
		return nil, unauthorized("Sign a kind 24242 token and send it as Authorization: Nostr <base64url>.")
	}
	if len(header) > MaxAuthBytes {
		return nil, unauthorized("The Authorization header is too long.")
	}
	if len(header) < len(authScheme) || !strings.EqualFold(header[:len(authScheme)], authScheme) {
		return nil, unauthorized("The Authorization scheme must be Nostr.")
	}
	raw, err := decodeToken(strings.TrimSpace(header[len(authScheme):]))
	if err != nil {
		return nil, unauthorized("The token is not base64url.")
	}
	token, err := event.Parse(raw)
	if err != nil {
		return nil, unauthorized("The token is not a Nostr event.")
	}
	return token, nil
}

func decodeToken(s string) ([]byte, error) {
	s = strings.TrimRight(s, "=")
	if strings.ContainsAny(s, "+/") {
		return base64.RawStdEncoding.DecodeString(s)
	}
	return base64.RawURLEncoding.DecodeString(s)
}

// authorize checks the token of a request for a verb, in the order of BUD-11,
// the signature last because it costs most.
func (s *Server) authorize(r *http.Request, verb string) (*event.Event, error) {
	token, err := parseAuth(r.Header.Get("Authorization"))
	if err != nil {
		return nil, err
	}
	if err := s.checkToken(token, verb); err != nil {
		return nil, err
	}
	if token.Verify() != nil {
		return nil, unauthorized("The token's id or signature is wrong.")
	}
	return token, nil
}

func (s *Server) checkToken(token *event.Event, verb string) error {
	now := s.Now()
	expires, ok := token.Expiration()
	switch {
	case token.Kind != event.KindBlobAuth:
		return unauthorized("The token must be of kind 24242.")
	case time.Unix(token.CreatedAt, 0).After(now.Add(MaxClockSkew)):
		return unauthorized("The token's created_at is in the future; check the clock.")
	case !ok:
		return unauthorized("The token needs an expiration tag.")
	case expires <= now.Unix():
		return unauthorized("The token has expired.")
	case !hasTag(token, "t", verb):
		return unauthorized("The token needs a t tag with " + verb + ".")
	case !s.namesMe(token):
		return unauthorized("The token is for another server.")
	}
	return nil
}

func hasTag(e *event.Event, name, value string) bool {
	for _, tag := range e.Tags.All(name) {
		if tag.Value(1) == value {
			return true
		}
	}
	return false
}

// namesMe: BUD-11, "if no server tags are present, the token is valid for all servers".
func (s *Server) namesMe(token *event.Event) bool {
	tags := token.Tags.All("server")
	for _, tag := range tags {
		if s.IsMe(domainOf(tag.Value(1))) {
			return true
		}
	}
	return len(tags) == 0
}

// domainOf gives the lower-case domain of a server tag. BUD-11 has a domain
// there and nothing else; blossom-client-sdk 4 writes the server's URL.
func domainOf(server string) string {
	if _, rest, isURL := strings.Cut(server, "://"); isURL {
		server = rest
	}
	if u, err := url.Parse("//" + server); err == nil {
		server = u.Hostname()
	}
	return strings.ToLower(server)
}

// covers: BUD-11, "at least one x tag matches the blob hash".
func covers(token *event.Event, h blob.Hash) bool { return hasTag(token, "x", h.String()) }

func notCovered() *Refusal { return unauthorized("The token needs an x tag with the blob's SHA-256.") }
