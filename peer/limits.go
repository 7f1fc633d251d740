package peer

import "time"

// Protocol names. The number grows when an old node could not follow.
const (
	sessionProtocol = "/mural/session/1"
	syncProtocol    = "/mural/sync/1"
	blobProtocol    = "/mural/blob/1"

	protocolVersion = 1
)

// Limits of one session.
const (
	maxHelloEvents   = 4         // events in a hello
	maxFeatures      = 32        // words in a hello's feature list
	maxFeatureBytes  = 64        // bytes of one feature word, and of the agent
	maxWantFilters   = 64        // filters in one wants frame
	maxBatchEvents   = 256       // events in one frame
	maxBatchBytes    = 512 << 10 // bytes of events gathered into one frame, a single large one aside
	maxNeedIDs       = 512       // ids in one need frame
	maxPushQueue     = 1024      // events waiting to be pushed to one peer
	maxPushBytes     = 4 << 20   // bytes of events waiting to be pushed to one peer
	maxSeen          = 4096      // ids remembered per session, so that nothing is echoed
	maxAcceptQueue   = 4         // event frames read ahead of Accept
	maxInvalid       = 8         // invalid events after which a peer is dropped
	maxUnwanted      = 256       // events nobody asked for after which a peer is dropped
	maxSetStamps     = 500_000   // events in one reconciliation, newest first
	maxSyncRounds    = 4096      // messages of one reconciliation
	maxSyncsPerPeer  = 2         // reconciliations served to one peer at once
	maxSyncs         = 4         // reconciliations served at once
	reconcileFrame   = 64 << 10  // bytes of one negentropy message
	controlPerSecond = 50        // control frames a peer may send, sustained
	controlBurst     = 200       // control frames a peer may send at once
	controlUnit      = 16 << 10  // bytes of a control frame that count as one more frame
	syncBurst        = 10        // reconciliations a peer may begin at once
)

// Times.
const (
	helloTimeout   = 10 * time.Second // from the stream to the other side's hello
	bodyTimeout    = 20 * time.Second // from a frame's first byte to its last
	writeTimeout   = 20 * time.Second // for one write; a reader this slow is gone
	syncTimeout    = 60 * time.Second // for the other side's next frame in a reconciliation
	dialTimeout    = 10 * time.Second
	syncEvery      = 5 * time.Second  // reconciliations a peer may begin, sustained
	lingerTime     = time.Second      // for a last word to arrive
	resyncEvery    = 30 * time.Minute // reconciliation as a safety net
	resyncRetry    = 5 * time.Second  // first pause after a failed reconciliation, doubled up to resyncEvery
	maxRedial      = time.Minute
	firstBan       = time.Minute // after misbehaviour, doubled up to maxBan
	maxBan         = time.Hour
	nearbyMemory   = 2 * time.Minute  // how long a silent peer still counts as nearby
	nearbyRedial   = time.Hour        // how long a peer known from the local network alone is redialled
	steady         = 30 * time.Second // a session this long makes earlier failures forgotten
	interfaceCheck = 10 * time.Second // how often the local addresses are compared while Nearby is on
)

// pace is how patient a host is with silence.
type pace struct {
	strangerGrace time.Duration // a connection without a session is closed after this
	nearbyPing    time.Duration // silence on a local link before a ping
	nearbyDead    time.Duration // silence on a local link that ends the session; noticed a ping later at most
	farPing       time.Duration // the same for other links
	farDead       time.Duration
	firstRedial   time.Duration // pause before a lost peer is dialled, doubled up to maxRedial
}

var usualPace = pace{
	strangerGrace: 15 * time.Second,
	nearbyPing:    2500 * time.Millisecond, nearbyDead: 7500 * time.Millisecond,
	farPing: 30 * time.Second, farDead: 75 * time.Second,
	firstRedial: time.Second,
}

// Limits of what this host knows and does at once.
const (
	defaultMaxPeers = 64
	maxContacts     = 1024 // peers remembered
	maxNearby       = 128  // peers believed to be on this network
	maxAddrs        = 16   // addresses kept per peer
	maxDials        = 8    // dials at once
)

// Limits of the blob protocol.
const (
	maxBlobStreams   = 3                // blob streams served to one peer at once
	maxBlobReads     = 16               // chunks in memory for serving at once, all peers together
	maxPipeline      = 3                // chunk requests on one stream that were not answered yet
	maxFetchPeers    = 12               // peers that one fetch takes from
	maxBlobRefusals  = 4                // refusals or failures after which a peer is left out of a fetch
	maxFetches       = 8                // fetches at once
	chunkTimeout     = 20 * time.Second // for one chunk
	blobIdle         = 60 * time.Second // silence after which a served blob stream is closed
	rescanEvery      = 3 * time.Second  // how often a fetch looks for new peers that have the blob
	challengeTimeout = 10 * time.Second // for the answer to a challenge
	askTimeout       = 5 * time.Second  // for the answer to "have you got it"
	maxStalls        = 5                // scans in a row that brought a fetch nothing, after which it ends
)
