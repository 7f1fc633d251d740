package web

import (
	"context"
	"fmt"
	"slices"

	"mural/event"
)

// maxListed bounds the list of people.
const maxListed = 300

func (s *Server) getPeople(v *visit) error {
	ctx := v.ctx()
	view, err := s.view(ctx, v.Owner)
	if err != nil {
		return err
	}
	followers, err := s.followers(ctx, view.circle.me)
	if err != nil {
		return err
	}
	people, err := view.list(ctx, view.known(followers), followers)
	if err != nil {
		return err
	}
	return v.answer(map[string][]person{"people": people})
}

// known lists whom I follow, who is near, and who follows me, each once.
func (v *view) known(followers []event.PubKey) []event.PubKey {
	var out []event.PubKey
	seen := map[event.PubKey]bool{v.circle.me: true}
	add := func(pks []event.PubKey) {
		for _, pk := range pks {
			if !seen[pk] && len(out) < maxListed {
				seen[pk] = true
				out = append(out, pk)
			}
		}
	}
	add(slices.DeleteFunc(slices.Clone(v.circle.people), func(pk event.PubKey) bool { return !v.circle.follows[pk] }))
	add(v.neighbours())
	add(followers)
	return out
}

// followers lists the people whose newest follow list names me.
func (s *Server) followers(ctx context.Context, me event.PubKey) ([]event.PubKey, error) {
	if me.IsZero() {
		return nil, nil
	}
	lists, err := s.Events.Query(ctx, event.Filter{
		Kinds: []event.Kind{event.KindFollows}, Tags: map[byte][]string{'p': {me.String()}}, Limit: maxListed})
	if err != nil {
		return nil, fmt.Errorf("web: reading who follows: %w", err)
	}
	var out []event.PubKey
	for _, e := range lists {
		out = append(out, e.PubKey)
	}
	return out, nil
}

// list makes PERSONs without devices.
func (v *view) list(ctx context.Context, pks, followers []event.PubKey) ([]person, error) {
	all := slices.Clone(pks)
	for _, pk := range pks {
		all = append(all, v.circle.via[pk])
	}
	if err := v.loadPeople(ctx, all); err != nil {
		return nil, err
	}
	out := []person{}
	for _, pk := range pks {
		posts, err := v.s.Events.Count(ctx, event.Filter{Authors: []event.PubKey{pk}, Kinds: postKinds})
		if err != nil {
			return nil, fmt.Errorf("web: counting posts: %w", err)
		}
		p := v.whole(pk)
		p.Posts = posts
		p.FollowsMe = v.owner && slices.Contains(followers, pk)
		out = append(out, p)
	}
	return out, nil
}

// whole makes a PERSON of what is loaded.
func (v *view) whole(pk event.PubKey) person {
	p := person{personShort: v.person(pk), About: v.people[pk].About, Devices: []device{}, Path: []pathStep{}}
	p.Trust, p.Path = v.trust(pk)
	return p
}

// trust says how the owner reaches a person, and through whom.
func (v *view) trust(pk event.PubKey) (string, []pathStep) {
	between, second := v.circle.via[pk]
	switch {
	case !v.owner:
	case v.circle.isMe(pk):
		return "me", []pathStep{}
	case v.circle.follows[pk]:
		return "following", []pathStep{}
	case second:
		return "path", []pathStep{{between, v.person(between).Name}}
	case v.nearby[pk]:
		return "nearby", []pathStep{}
	}
	return "stranger", []pathStep{}
}

// one makes the whole PERSON, devices for the owner only: they say who is at home.
func (v *view) one(ctx context.Context, pk event.PubKey) (person, error) {
	followers, err := v.s.followsMe(ctx, pk, v.circle.me)
	if err != nil {
		return person{}, err
	}
	list, err := v.list(ctx, []event.PubKey{pk}, followers)
	if err != nil || !v.owner {
		return first(list), err
	}
	devices, err := v.s.Neighbours.Devices(ctx, pk)
	if err != nil {
		return person{}, fmt.Errorf("web: asking for devices: %w", err)
	}
	p := first(list)
	for _, d := range devices {
		p.Devices = append(p.Devices, device{d.Peer, d.Role, d.Connected, unixMS(d.LastSeen), d.This})
	}
	return p, nil
}

func first(list []person) person {
	if len(list) == 0 {
		return person{}
	}
	return list[0]
}

// followsMe gives the person back if their newest follow list names me.
func (s *Server) followsMe(ctx context.Context, pk, me event.PubKey) ([]event.PubKey, error) {
	lists, err := s.followLists(ctx, []event.PubKey{pk})
	if err != nil {
		return nil, fmt.Errorf("web: reading a follow list: %w", err)
	}
	if me.IsZero() || !slices.Contains(lists[pk], me) {
		return nil, nil
	}
	return []event.PubKey{pk}, nil
}

func (s *Server) getPerson(v *visit) error {
	ctx := v.ctx()
	pk, err := personRef(v.r.PathValue("who"))
	if err != nil {
		return err
	}
	limit, before, err := v.pageArgs()
	if err != nil {
		return err
	}
	view, err := s.view(ctx, v.Owner)
	if err != nil {
		return err
	}
	p, err := view.one(ctx, pk)
	if err != nil {
		return err
	}
	entries, next, err := view.page(ctx, []event.PubKey{pk}, before, limit)
	if err != nil {
		return err
	}
	posts, err := view.posts(ctx, entries)
	if err != nil {
		return err
	}
	return v.answer(struct {
		Person person `json:"person"`
		page
	}{p, page{posts, next.String()}})
}

func (s *Server) putFollow(v *visit) error    { return s.setFollow(v, true) }
func (s *Server) deleteFollow(v *visit) error { return s.setFollow(v, false) }

func (s *Server) setFollow(v *visit, on bool) error {
	pk, err := personRef(v.r.PathValue("who"))
	if err != nil {
		return err
	}
	if err := s.follow(v.ctx(), pk, on); err != nil {
		return err
	}
	return s.answerPerson(v, pk)
}

// follow changes my follow list, unless it already is as wanted.
func (s *Server) follow(ctx context.Context, pk event.PubKey, on bool) error {
	me, err := s.me()
	if err != nil {
		return err
	}
	if pk == me {
		return badRequest("yourself", "You cannot follow yourself.", "Follow somebody else.")
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	last, err := s.newest(ctx, me, event.KindFollows)
	if err != nil {
		return err
	}
	template := composeFollow(last, pk, on, s.Now().Unix())
	if template == nil {
		return nil
	}
	if _, err := s.Author.Publish(ctx, template); err != nil {
		return err
	}
	s.circles.forget(event.PubKey{})
	return nil
}

// newest reads the current version of a replaceable event, nil where there is none.
func (s *Server) newest(ctx context.Context, author event.PubKey, kind event.Kind) (*event.Event, error) {
	found, err := s.Events.Query(ctx, event.Filter{Authors: []event.PubKey{author}, Kinds: []event.Kind{kind}, Limit: 1})
	if err != nil {
		return nil, fmt.Errorf("web: reading my %s: %w", kind, err)
	}
	if len(found) == 0 {
		return nil, nil
	}
	return found[0], nil
}

func (s *Server) answerPerson(v *visit, pk event.PubKey) error {
	view, err := s.view(v.ctx(), v.Owner)
	if err != nil {
		return err
	}
	p, err := view.one(v.ctx(), pk)
	if err != nil {
		return err
	}
	return v.answer(p)
}
