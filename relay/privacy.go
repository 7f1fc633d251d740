package relay

import (
	"slices"

	"mural/event"
)

// inboxKinds are addressed to somebody and are shown only to them and to
// their author. NIP-17: relays should protect "message metadata by only
// serving kind:1059 events to users p-tagged on the event"; NIP-42 names kind
// 4. Seals and rumors never belong on a relay, but some arrive there.
var inboxKinds = []event.Kind{
	4, // NIP-04: read, never written
	event.KindSeal,
	event.KindPrivateMessage,
	event.KindPrivateFile,
	event.KindGiftWrap,
	1060,  // file messages of early NIP-17 drafts
	21059, // ephemeral gift wrap (NIP-59)
}

func isInbox(k event.Kind) bool { return slices.Contains(inboxKinds, k) }

// sees says whether an event may be shown on this connection now. It is safe
// for concurrent use.
func (c *conn) sees(e *event.Event) bool {
	if e.Kind == event.KindAuth || c.expired(e) {
		return false
	}
	if c.visitor.foreign() && e.Kind.IsEphemeral() {
		return false // only public posts
	}
	return !isInbox(e.Kind) || c.visitor.Owner || c.isParty(e)
}

// expired: NIP-40, "relays SHOULD NOT send expired events to clients".
func (c *conn) expired(e *event.Event) bool {
	at, ok := e.Expiration()
	return ok && at <= c.server.config.Now().Unix()
}

func (c *conn) isParty(e *event.Event) bool {
	keys := c.proven()
	if slices.Contains(keys, e.PubKey) {
		return true
	}
	for _, tag := range e.Tags {
		if len(tag) > 1 && tag[0] == "p" && slices.ContainsFunc(keys, func(k event.PubKey) bool { return k.String() == tag[1] }) {
			return true
		}
	}
	return false
}

// inboxUse says how much of the answer to a filter could be inbox events.
type inboxUse uint8

const (
	inboxNone inboxUse = iota // no kind of it
	inboxSome                 // among others
	inboxOnly                 // nothing else
)

func useOfInbox(f event.Filter) inboxUse {
	if f.Kinds == nil {
		return inboxSome
	}
	private := 0
	for _, k := range f.Kinds {
		if isInbox(k) {
			private++
		}
	}
	switch private {
	case 0:
		return inboxNone
	case len(f.Kinds):
		return inboxOnly
	}
	return inboxSome
}

// mayAsk refuses a request that asks for inbox events alone and could not be
// shown a single one. One that asks for more is answered without them.
func (c *conn) mayAsk(filters []event.Filter) (r refusal, no bool) {
	if c.visitor.Owner {
		return refusal{}, false
	}
	for _, f := range filters {
		if useOfInbox(f) != inboxOnly {
			continue
		}
		switch keys := c.proven(); {
		case c.visitor.foreign():
			return refusal{event.Restricted, "this site sees public posts only; the owner of this node can allow it in mural under Node, Web clients"}, true
		case len(keys) == 0:
			return refusal{event.AuthNeeded, "private messages are shown to their recipients only, prove your key first (NIP-42)"}, true
		case !couldBeParty(f, keys):
			return refusal{event.Restricted, "private messages are shown to their authors and recipients only"}, true
		}
	}
	return refusal{}, false
}

// couldBeParty says whether the filter asks for one's own: as an author or
// recipient it names, or by naming neither.
func couldBeParty(f event.Filter, keys []event.PubKey) bool {
	recipients, named := f.Tags['p']
	if f.Authors == nil && !named {
		return true
	}
	mine := func(name string) bool {
		return slices.ContainsFunc(keys, func(k event.PubKey) bool { return k.String() == name })
	}
	return len(common(f.Authors, keys)) > 0 || slices.ContainsFunc(recipients, mine)
}

// asAuthor narrows a filter to what one of the keys has written.
func asAuthor(f event.Filter, keys []event.PubKey) event.Filter {
	if f.Authors == nil {
		f.Authors = slices.Clone(keys)
		return f
	}
	f.Authors = common(f.Authors, keys)
	return f
}

// asRecipient narrows a filter to what was sent to one of the keys.
func asRecipient(f event.Filter, keys []event.PubKey) event.Filter {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.String()
	}
	tags := map[byte][]string{}
	for letter, values := range f.Tags {
		tags[letter] = values
	}
	if asked, ok := tags['p']; ok {
		names = common(asked, names)
	}
	tags['p'] = names
	f.Tags = tags
	return f
}

func common[T comparable](a, b []T) []T {
	out := []T{}
	for _, v := range a {
		if slices.Contains(b, v) {
			out = append(out, v)
		}
	}
	return out
}
