package event

// Filter asks for events (NIP-01). Nil slices ask for nothing in particular;
// an empty non-nil slice matches no event. All conditions must hold.
type Filter struct {
	IDs     []ID
	Authors []PubKey
	Kinds   []Kind
	Tags    map[byte][]string // single-letter tag -> any of these first values
	Since   int64             // Unix seconds, inclusive; 0 = from the beginning
	Until   int64             // Unix seconds, inclusive; 0 = no end
	Limit   int               // newest n; 0 = the node's own bound; -1 = asked for none ("limit":0)
	Search  string            // NIP-50; ignored by Match
}
