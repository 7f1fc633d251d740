import { batch, computed, effect, signal } from "@preact/signals";
import { get, asApiError, type ApiError } from "./api";
import type { Me, Nearby, Peer, PersonShort, Post } from "./types";

/** What the page knows of its node. null until the first answer. */
export const me = signal<Me | null>(null);
export const owner = computed(() => me.value?.owner ?? false);
/** True from a start without a person until the first minute is over, although the person exists after its first half. */
export const welcoming = signal(false);
export const startError = signal<ApiError | null>(null);

export const peers = signal<Map<string, Peer>>(new Map());
export const nearby = signal<Nearby | null>(null);

/** false once the stream broke and has not come back. */
export const online = signal(true);

/** Ids of posts that changed or went, for screens that show them; n makes each notice new. */
export const changed = signal<{ id: string; n: number; gone: boolean } | null>(null);

export interface Notice { id: number; text: string; next?: string; bad?: boolean; act?: { label: string; run: () => void } }
export const notices = signal<Notice[]>([]);
let noticeId = 0;

export function say(text: string, more: Omit<Notice, "id" | "text"> = {}): void {
  const n = { id: ++noticeId, text, ...more };
  notices.value = [...notices.value.filter((x) => x.bad).slice(-2), n]; // good news replaces good news
  if (!n.bad) setTimeout(() => dismiss(n.id), 6000);
}

export function dismiss(id: number): void { notices.value = notices.value.filter((n) => n.id !== id); }

/** Shows a failed call as its sentence and the next step. */
export function complain(e: unknown): void {
  const err = asApiError(e);
  say(err.message, { next: err.next, bad: true });
}

/** A sentence for screen readers, spoken when they pause. */
export const spoken = signal("");

export type Compose = { kind: "new" } | { kind: "pass"; of: Post } | { kind: "reply"; to: Post };
export const composing = signal<Compose | null>(null);
export const dropped = signal<File[]>([]);

export async function loadMe(): Promise<void> {
  try {
    const m = await get<Me>("me");
    takeMe(m);
    if (m.owner && !m.person) welcoming.value = true;
    startError.value = null;
  } catch (e) { startError.value = asApiError(e); }
}

/** What "me" says of the network leaves out who is on it; that stays as it was, while the network is the same. */
export function takeMe(m: Me): void {
  const n = m.nearby, before = nearby.value;
  batch(() => {
    me.value = m;
    nearby.value = n ? { ...n, peers: n.peers ?? (n.network_id === before?.network_id ? before.peers : undefined) } : null;
  });
}

/** Peers carry their person; following one changes what they say. */
export function noteFollow(p: PersonShort): void {
  const fix = (x: Peer): Peer => x.person?.pubkey === p.pubkey ? { ...x, person: { ...x.person, following: p.following } } : x;
  peers.value = new Map([...peers.value].map(([id, x]) => [id, fix(x)]));
  if (nearby.value?.peers) nearby.value = { ...nearby.value, peers: nearby.value.peers.map(fix) };
}

/** The time that relative times are drawn against. Ticks only while somebody can see it. */
export const now = signal(Date.now());
let ticking = 0;
function tick(): void { now.value = Date.now(); }
export function startClock(): void {
  const follow = () => {
    clearInterval(ticking);
    if (document.hidden) return;
    tick();
    ticking = setInterval(tick, 30_000);
  };
  document.addEventListener("visibilitychange", follow);
  follow();
}

effect(() => { if (nearby.value && me.value && me.value.nearby !== nearby.value) me.value = { ...me.value, nearby: nearby.value }; });
