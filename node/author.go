package node

import (
	"context"
	"errors"
	"fmt"

	"mural/event"
	"mural/keys"
	"mural/peer"
	"mural/web"
)

// Person gives the person of this node; false before a name was typed.
func (n *Node) Person() (event.PubKey, bool) { return n.ring.Person() }

// CreatePerson makes the person's key silently and writes the devices event.
// It does nothing where there is a person already.
func (n *Node) CreatePerson(ctx context.Context) (event.PubKey, error) {
	if who, ok := n.ring.Person(); ok {
		return who, nil
	}
	who, err := n.ring.NewPerson()
	if err != nil {
		return who, err
	}
	if _, err := n.retrust(ctx); err != nil {
		return who, err
	}
	n.watch.tell(web.Change{Me: true})
	return who, n.publishDevices(ctx)
}

// Restore makes the owner of a backup the person of this home. The home stays
// a new device: device keys are never in a backup.
func (n *Node) Restore(ctx context.Context, secret event.SecretKey) (event.PubKey, error) {
	who, err := n.ring.SetPerson(secret)
	if err != nil {
		return who, err
	}
	_, err = n.retrust(ctx)
	return who, errors.Join(err, n.publishDevices(ctx))
}

// publishDevices writes the person's devices event with this device in it.
func (n *Node) publishDevices(ctx context.Context) error {
	who, ok := n.ring.Person()
	if !ok {
		return nil
	}
	prev, err := n.newest(ctx, who, event.KindDevices)
	if err != nil {
		return err
	}
	var list []peer.Device
	if prev != nil {
		if list, err = peer.Devices(prev); err != nil {
			return fmt.Errorf("node: reading my devices: %w", err)
		}
	}
	for _, d := range list {
		if d.Peer == n.ID() {
			return nil
		}
	}
	list = append(list, peer.CounterSign(n.ring.Device(), who, peer.Device{Role: role(), Since: n.now().Unix()}))
	_, err = n.Publish(ctx, peer.NewDevices(who, prev, n.now(), list))
	return err
}

// newest gives the newest event of a person and kind, or nil.
func (n *Node) newest(ctx context.Context, who event.PubKey, kind event.Kind) (*event.Event, error) {
	found, err := n.store.Query(ctx, event.Filter{Authors: []event.PubKey{who}, Kinds: []event.Kind{kind}, Limit: 1})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

// Publish completes a template (kind, tags, content; CreatedAt 0 = now), signs
// it as the person of this node and takes it in through Accept like anybody's.
// A refusal is a *web.Problem with a sentence.
func (n *Node) Publish(ctx context.Context, template *event.Event) (*event.Event, error) {
	who, ok := n.ring.Person()
	if !ok {
		return nil, &web.Problem{Status: 409, Code: "no-person", Message: "This node has no person yet.", Next: "Type a name first: open the app, or run: mural name \"Ana\""}
	}
	n.writing.Lock()
	defer n.writing.Unlock()
	e := &event.Event{PubKey: who, Kind: template.Kind, Tags: template.Tags, Content: template.Content, CreatedAt: template.CreatedAt}
	if err := n.date(ctx, who, e); err != nil {
		return nil, err
	}
	if err := n.ring.Sign(ctx, e); err != nil {
		return nil, unwritable(err)
	}
	e, err := event.Parse(e.AppendJSON(nil)) // our own events meet the same limits as anybody's
	if err != nil {
		return nil, unwritable(err)
	}
	v := n.Accept(ctx, event.Source{Via: event.ViaSelf, Owner: true, Auth: []event.PubKey{who}}, []*event.Event{e})[0]
	if !v.OK() {
		return nil, refusal(v)
	}
	return e, nil
}

// unwritable says what is wrong with an event of our own.
func unwritable(err error) error {
	switch {
	case errors.Is(err, event.ErrTooLarge):
		return &web.Problem{Status: 422, Code: "too-long", Message: "The post is longer than the network takes.", Next: "Make it shorter, or publish it in parts."}
	case errors.Is(err, event.ErrMalformed):
		return &web.Problem{Status: 422, Code: "invalid", Message: "The post holds something that cannot be written: " + err.Error() + ".", Next: "Change it and try again."}
	}
	return err
}

// date sets created_at. Whoever writes a replaceable event writes after its
// previous version, since ties would go to the lowest id.
func (n *Node) date(ctx context.Context, who event.PubKey, e *event.Event) error {
	e.CreatedAt = max(e.CreatedAt, 0)
	if e.CreatedAt == 0 {
		e.CreatedAt = n.now().Unix()
	}
	if !e.Kind.IsReplaceable() && !e.Kind.IsAddressable() {
		return nil
	}
	f := event.Filter{Authors: []event.PubKey{who}, Kinds: []event.Kind{e.Kind}}
	if d := e.Identifier(); e.Kind.IsAddressable() && d != "" { // no d tag is the same as an empty one
		f.Tags = map[byte][]string{'d': {d}}
	}
	err := eachEvent(ctx, n.store, f, func(prev *event.Event) bool {
		same := prev.Address() == e.Address()
		if same {
			e.CreatedAt = max(e.CreatedAt, prev.CreatedAt+1)
		}
		return !same
	})
	if err != nil {
		return fmt.Errorf("node: dating a new version: %w", err)
	}
	return nil
}

func refusal(v event.Verdict) *web.Problem {
	p := &web.Problem{Status: 422, Code: string(v.Status), Message: "The post was not taken: " + v.Reason + ".", Next: "Change it and try again."}
	if v.Status == event.Failed {
		p.Status, p.Next = 507, "Free some space on the disk and try again."
	}
	return p
}

// Backup gives the person's key locked with a passphrase and remembers that it was given.
func (n *Node) Backup(_ context.Context, passphrase string) (string, error) {
	locked, err := n.ring.Backup(passphrase)
	if errors.Is(err, keys.ErrNoPerson) {
		return "", &web.Problem{Status: 409, Code: "no-person", Message: "There is no key to back up yet.", Next: "Type a name first."}
	}
	if err != nil {
		return "", &web.Problem{Status: 422, Code: "passphrase", Message: "No backup was made: " + err.Error() + ".", Next: "Choose a longer passphrase."}
	}
	if err := n.marks.set(markBackup, "done"); err != nil {
		return "", err
	}
	n.watch.tell(web.Change{Me: true})
	return locked, nil
}
