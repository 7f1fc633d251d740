package web

import (
	"context"
	"fmt"
	"strings"

	"mural/event"
)

// maxInviteBytes bounds an invitation that somebody pastes.
const maxInviteBytes = 8 << 10

func (s *Server) getNearby(v *visit) error {
	body, err := s.nearbyShape(v.ctx())
	if err != nil {
		return err
	}
	return v.answer(body)
}

func (s *Server) postNearby(v *visit) error {
	var body struct {
		NetworkID string `json:"network_id"`
		On        bool   `json:"on"`
	}
	if err := v.body(&body); err != nil {
		return err
	}
	if err := s.Neighbours.SetNearby(v.ctx(), body.NetworkID, body.On); err != nil {
		return err
	}
	return s.getNearby(v)
}

// nearbyShape is for the owner only.
func (s *Server) nearbyShape(ctx context.Context) (*nearbyShape, error) {
	n, err := s.Neighbours.Nearby(ctx)
	if err != nil {
		return nil, fmt.Errorf("web: asking for the network: %w", err)
	}
	peers, err := s.peerShapes(ctx, func(p Peer) bool { return p.Nearby })
	if err != nil {
		return nil, err
	}
	return &nearbyShape{n.Choice, n.Network, n.NetworkID, peers}, nil
}

func (s *Server) getPeers(v *visit) error {
	peers, err := s.peerShapes(v.ctx(), func(Peer) bool { return true })
	if err != nil {
		return err
	}
	return v.answer(map[string][]peerShape{"peers": peers})
}

func (s *Server) peerShapes(ctx context.Context, keep func(Peer) bool) ([]peerShape, error) {
	peers, err := s.Neighbours.Peers(ctx)
	if err != nil {
		return nil, fmt.Errorf("web: asking for peers: %w", err)
	}
	view, err := s.view(ctx, true)
	if err != nil {
		return nil, err
	}
	var pks []event.PubKey
	for _, p := range peers {
		pks = append(pks, p.Person)
	}
	if err := view.loadPeople(ctx, pks); err != nil {
		return nil, err
	}
	out := []peerShape{}
	for _, p := range peers {
		if keep(p) {
			out = append(out, view.peer(p))
		}
	}
	return out, nil
}

func (v *view) peer(p Peer) peerShape {
	return peerShape{
		PeerID: p.ID, Person: v.somebody(p.Person), Connected: p.Connected, Nearby: p.Nearby,
		Since: unixMS(p.Since), LastSeen: unixMS(p.LastSeen), BytesIn: p.BytesIn, BytesOut: p.BytesOut,
		Transport: p.Transport, Addresses: list(p.Addresses),
	}
}

func (s *Server) postInvite(v *visit) error {
	code, err := s.Invitations.Invite(v.ctx())
	if err != nil {
		return err
	}
	link := InviteLink(s.BlobBase, code)
	svg, err := QRSVG(link)
	if err != nil {
		return err
	}
	text, err := QRText(link)
	if err != nil {
		return err
	}
	return v.answer(map[string]string{"link": link, "code": code, "qr_svg": svg, "qr_text": text})
}

// InviteLink is the link that opens the reader's own app with the invitation.
func InviteLink(base, code string) string { return base + "/#join=" + code }

func (s *Server) postJoin(v *visit) error {
	var body struct {
		Link string `json:"link"`
	}
	if err := v.body(&body); err != nil {
		return err
	}
	code := inviteCode(body.Link)
	if code == "" {
		return badRequest("bad-invitation", "That is no invitation.", "Paste the whole link, or the code that starts with mural1.")
	}
	if _, err := s.me(); err != nil {
		return err
	}
	pk, connected, err := s.Invitations.Join(v.ctx(), code)
	if err != nil {
		return err
	}
	if err := s.follow(v.ctx(), pk, true); err != nil {
		return err
	}
	return s.answerJoined(v, pk, connected)
}

func (s *Server) answerJoined(v *visit, pk event.PubKey, connected bool) error {
	view, err := s.view(v.ctx(), v.Owner)
	if err != nil {
		return err
	}
	p, err := view.one(v.ctx(), pk)
	if err != nil {
		return err
	}
	return v.answer(struct {
		Person    person `json:"person"`
		Connected bool   `json:"connected"`
	}{p, connected})
}

// inviteCode takes the code out of a link.
func inviteCode(s string) string {
	s = strings.TrimSpace(s)
	if _, code, ok := strings.Cut(s, "#join="); ok {
		s = code
	}
	if len(s) > maxInviteBytes || !strings.HasPrefix(s, "mural1") {
		return ""
	}
	return s
}
