package event

import "time"

// Limits of what is accepted from anywhere. The relay announces them (NIP-11).
const (
	MaxEventBytes    = 128 << 10 // bytes of one event as JSON
	MaxTags          = 2000      // tags of one event
	MaxTagValues     = 1000      // strings in one tag
	MaxFilterBytes   = 128 << 10 // bytes of one filter as JSON
	MaxFilterValues  = 500       // authors, ids, kinds or values of one tag in one filter
	MaxFilterTagKeys = 16        // different tag letters in one filter
	MaxFilters       = 20        // filters in one request

	// MaxAhead is how far in the future created_at may lie.
	MaxAhead = 15 * time.Minute
)
