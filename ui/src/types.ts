/** The shapes of docs/protocol/api.md. Times ending in _ms are Unix milliseconds, created_at is Unix seconds. */

export interface PersonShort { pubkey: string; npub: string; name: string; picture: string; me: boolean; following: boolean }

export interface Device { peer_id: string; role: string; connected: boolean; last_seen_ms: number; this: boolean }

export interface Person extends PersonShort {
  about: string; follows_me: boolean; posts: number; devices: Device[];
  trust: "me" | "following" | "path" | "nearby" | "stranger";
  path: { pubkey: string; name: string }[];
}

export interface Media {
  sha256: string; type: string; size: number; width: number; height: number; duration_ms: number; alt: string;
  url: string; thumb: string; poster: string; blurhash: string; waveform: number[];
  have: "all" | "some" | "none"; have_bytes: number;
}

export interface Keeper { peer_id: string; person: PersonShort | null; this: boolean; checked_at_ms: number }

export interface Kept {
  devices: number; checked_at_ms: number; keepers: Keeper[];
  author: "here" | "connected" | "dark" | "unknown"; author_dark_since_ms: number;
}

export interface Road { via: "self" | "peer" | "client" | "bundle"; from: PersonShort | null; peer_id: string; at_ms: number }

export interface Layer { operation: string; of: string; of_post?: Post | null }

export interface Post {
  id: string; nevent: string; kind: number; author: PersonShort; created_at: number; received_at_ms: number; time_uncertain: boolean;
  form: "text" | "picture" | "video" | "voice" | "article" | "repost" | "comment" | "other";
  title: string; text: string; warning: string; media: Media[]; hashtags: string[]; mentions: PersonShort[];
  reply_to?: string; layer: Layer | null; layers: number; reposts: number; reposted_by: PersonShort | null;
  kept?: Kept | null; road?: Road | null; why: string; verified: boolean;
}

export interface Missing { id: string; missing: true }
export interface Edge { from: string; to: string; operation: string }
export interface Lineage { nodes: (Post | Missing)[]; edges: Edge[] }
export interface PostPage { post: Post; lineage: Lineage; comments: Post[] }

export interface Nearby { choice: "ask" | "on" | "off"; network: string; network_id: string; peers?: Peer[] }

export interface Peer {
  peer_id: string; person: PersonShort | null; connected: boolean; nearby: boolean; since_ms: number; last_seen_ms: number;
  bytes_in: number; bytes_out: number; transport: string; addresses: string[];
}

export interface Me {
  owner: boolean; node_id: string; short_id: string; version: string; started_at_ms: number; person: Person | null;
  nearby?: Nearby; backup_done: boolean; posts_made: number; media: { ffmpeg: boolean };
  limits: { max_blob_bytes: number; max_text_bytes: number };
}

export interface Check { name: string; ok: boolean; what: string; next: string }

export interface NodeInfo {
  version: string; go: string; node_id: string; home: string; uptime_ms: number; events: number; blobs: number; blob_bytes: number;
  disk_free_bytes: number; db_bytes: number; kept_for_others: { events: number; blobs: number; bytes: number; people: number };
  peers: number; traffic: { in: number; out: number }; rss_bytes: number; cpu_seconds: number; relay_url: string;
  origins: { origin: string; allowed: boolean }[]; waiting_origins: string[]; checks: Check[];
}

export interface Invite { link: string; code: string; qr_svg: string; qr_text: string }
export interface Backup { ncryptsec: string; npub: string; file_name: string; file_text: string }
export type Imported = Media & { stripped: string[] };
export type Operation = "quote" | "annotate" | "voice-over";
export interface Draft {
  text: string; media: { sha256: string; alt: string }[]; warning: string;
  pass: { id: string; operation: Operation } | null; reply: { id: string } | null;
}
