package event

import "strconv"

// Kinds that mural writes or reads, with the names that the field uses.
const (
	KindProfile               Kind = 0     // NIP-01
	KindNote                  Kind = 1     // NIP-01, NIP-10
	KindFollows               Kind = 3     // NIP-02
	KindDeletion              Kind = 5     // NIP-09
	KindRepost                Kind = 6     // NIP-18, of a note
	KindReaction              Kind = 7     // NIP-25
	KindSeal                  Kind = 13    // NIP-59
	KindPrivateMessage        Kind = 14    // NIP-17
	KindPrivateFile           Kind = 15    // NIP-17
	KindGenericRepost         Kind = 16    // NIP-18, of anything else
	KindPicture               Kind = 20    // NIP-68
	KindVideo                 Kind = 21    // NIP-71
	KindShortVideo            Kind = 22    // NIP-71
	KindVanish                Kind = 62    // NIP-62
	KindFileMetadata          Kind = 1063  // NIP-94
	KindGiftWrap              Kind = 1059  // NIP-59
	KindComment               Kind = 1111  // NIP-22
	KindVoice                 Kind = 1222  // NIP-A0
	KindVoiceComment          Kind = 1244  // NIP-A0
	KindLiveChat              Kind = 1311  // NIP-53
	KindReport                Kind = 1984  // NIP-56
	KindLabel                 Kind = 1985  // NIP-32
	KindCutList               Kind = 4840  // ours
	KindContextNote           Kind = 4841  // ours
	KindDecision              Kind = 4842  // ours
	KindZapRequest            Kind = 9734  // NIP-57
	KindZap                   Kind = 9735  // NIP-57
	KindHighlight             Kind = 9802  // NIP-84
	KindMuteList              Kind = 10000 // NIP-51
	KindRelayList             Kind = 10002 // NIP-65
	KindInboxRelays           Kind = 10050 // NIP-17
	KindBlobServers           Kind = 10063 // BUD-03
	KindDevices               Kind = 14880 // ours
	KindAuth                  Kind = 22242 // NIP-42
	KindRemoteSigning         Kind = 24133 // NIP-46
	KindBlobAuth              Kind = 24242 // BUD-11
	KindHand                  Kind = 24880 // ours
	KindHTTPAuth              Kind = 27235 // NIP-98
	KindFollowSet             Kind = 30000 // NIP-51
	KindArticle               Kind = 30023 // NIP-23
	KindLive                  Kind = 30311 // NIP-53
	KindAddressableVideo      Kind = 34235 // NIP-71, read only
	KindAddressableShortVideo Kind = 34236 // NIP-71, read only
	KindMural                 Kind = 34840 // ours
	KindBrushstroke           Kind = 34841 // ours
	KindLogHead               Kind = 34842 // ours
	KindRating                Kind = 34843 // ours
	KindVerdict               Kind = 34844 // ours
	KindStewardship           Kind = 34845 // ours
)

var kindNames = map[Kind]string{
	KindProfile: "profile", KindNote: "note", KindFollows: "follows", KindDeletion: "deletion",
	KindRepost: "repost", KindReaction: "reaction", KindSeal: "seal", KindPrivateMessage: "private message",
	KindPrivateFile: "private file", KindGenericRepost: "generic repost", KindPicture: "picture",
	KindVideo: "video", KindShortVideo: "short video", KindVanish: "request to vanish",
	KindFileMetadata: "file metadata", KindGiftWrap: "gift wrap", KindComment: "comment", KindVoice: "voice",
	KindVoiceComment: "voice comment", KindLiveChat: "live chat", KindReport: "report", KindLabel: "label",
	KindCutList: "cut list", KindContextNote: "context note", KindDecision: "decision",
	KindZapRequest: "zap request", KindZap: "zap", KindHighlight: "highlight", KindMuteList: "mute list",
	KindRelayList: "relay list", KindInboxRelays: "inbox relays", KindBlobServers: "blob servers",
	KindDevices: "devices", KindAuth: "auth", KindRemoteSigning: "remote signing", KindBlobAuth: "blob auth",
	KindHand: "hand", KindHTTPAuth: "HTTP auth", KindFollowSet: "follow set", KindArticle: "article",
	KindLive: "live", KindAddressableVideo: "addressable video",
	KindAddressableShortVideo: "addressable short video", KindMural: "mural",
	KindBrushstroke: "brushstroke", KindLogHead: "log head", KindRating: "rating", KindVerdict: "verdict",
	KindStewardship: "stewardship",
}

// String gives the kind's name, "kind 12345" where it has none here.
func (k Kind) String() string {
	if name, ok := kindNames[k]; ok {
		return name
	}
	return "kind " + strconv.Itoa(int(k))
}

// IsReplaceable says that only the newest event per author counts (NIP-01).
func (k Kind) IsReplaceable() bool {
	return k == KindProfile || k == KindFollows || (k >= 10000 && k < 20000)
}

// IsEphemeral says that the event is passed on and never stored (NIP-01).
func (k Kind) IsEphemeral() bool { return k >= 20000 && k < 30000 }

// IsAddressable says that only the newest event per author and d tag counts (NIP-01).
func (k Kind) IsAddressable() bool { return k >= 30000 && k < 40000 }

// IsRegular says that every event is stored. Kinds from 40000, on which NIP-01
// is silent, count as regular: keeping is the side on which nothing is lost.
func (k Kind) IsRegular() bool {
	return !k.IsReplaceable() && !k.IsEphemeral() && !k.IsAddressable()
}
