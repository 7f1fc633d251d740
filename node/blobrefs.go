package node

import (
	"strconv"
	"strings"

	"mural/blob"
	"mural/event"
)

// blobRef is a blob that an event shows.
type blobRef struct {
	Hash   blob.Hash
	Size   int64     // bytes as the event claims; 0 = not said
	Chunks blob.Hash // chunk list as the event claims; zero = not said
	Small  bool      // a poster or a profile picture: always worth having
}

const maxRefs = 64 // blobs of one event that this node looks after

// blobRefs reads which blobs an event shows: imeta fields (NIP-92) with their
// posters, x tags, and the picture of a profile.
func blobRefs(e *event.Event) []blobRef {
	var out refs
	if e.Kind == event.KindProfile {
		return profileRefs(e)
	}
	for _, tag := range e.Tags {
		switch tag.Value(0) {
		case "imeta":
			out.imeta(tag[1:])
		case "x":
			if h, err := blob.ParseHash(tag.Value(1)); err == nil {
				out.add(blobRef{Hash: h})
			}
		}
	}
	return out
}

type refs []blobRef

func (r *refs) add(b blobRef) {
	for i, have := range *r {
		if have.Hash == b.Hash {
			if have.Size == 0 {
				(*r)[i].Size, (*r)[i].Chunks = b.Size, b.Chunks
			}
			return
		}
	}
	if len(*r) < maxRefs && !b.Hash.IsZero() {
		*r = append(*r, b)
	}
}

func (r *refs) imeta(fields []string) {
	var main, poster blobRef
	for _, f := range fields {
		key, value, _ := strings.Cut(f, " ")
		switch key {
		case "x":
			main.Hash, _ = blob.ParseHash(value)
		case "size":
			main.Size, _ = strconv.ParseInt(value, 10, 64)
			main.Size = max(main.Size, 0)
		case "chunks":
			main.Chunks, _ = blob.ParseHash(value)
		case "image", "thumb":
			poster = blobRef{Hash: hashInURL(value), Small: true}
		}
	}
	r.add(main)
	r.add(poster)
}

// hashInURL finds a blob's name in a link the way Blossom clients do (BUD-03):
// the last 64 hex digits of the path.
func hashInURL(link string) blob.Hash {
	link, _, _ = strings.Cut(link, "?")
	name := link[strings.LastIndexByte(link, '/')+1:]
	name = strings.TrimPrefix(name, "blossom:")
	if len(name) < 2*blob.HashBytes {
		return blob.Hash{}
	}
	h, _ := blob.ParseHash(name[:2*blob.HashBytes])
	return h
}
