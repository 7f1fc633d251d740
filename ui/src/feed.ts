import { batch, signal } from "@preact/signals";
import { get } from "./api";
import { t } from "./i18n/index";
import { changed, complain, me, spoken } from "./state";
import type { Post, PostPage } from "./types";

export type Scope = "mural" | "nearby" | "me";

/** Articles that are in the page at once; beyond it the wall is a window over what was read. */
export const MAX_LIVE = 300;
const PAGE = 30;
/** Pixels from the top within which new strokes may move the wall under the reader. */
const AT_TOP = 240;

export const scope = signal<Scope>("mural");
export const posts = signal<Post[]>([]);
export const waiting = signal<Post[]>([]); // came in while the person was reading further down
export const cursor = signal("");
export const loading = signal(false);
export const loaded = signal(false);
export const arrived = signal<ReadonlySet<string>>(new Set()); // glide in

export async function loadFeed(s: Scope = scope.value): Promise<void> {
  batch(() => { if (scope.value !== s) { posts.value = []; loaded.value = false; } scope.value = s; loading.value = true; waiting.value = []; });
  try {
    const page = await get<{ posts: Post[]; next: string }>(`feed?scope=${s}&limit=${PAGE}`);
    if (scope.value !== s) return;
    batch(() => { posts.value = page.posts ?? []; cursor.value = page.next ?? ""; loaded.value = true; });
  } catch (e) { complain(e); } finally { loading.value = false; }
}

/** Reads the newest page again and lays it over what is there, so that nothing moves that did not change. */
export async function refreshFeed(): Promise<void> {
  try {
    const page = await get<{ posts: Post[]; next: string }>(`feed?scope=${scope.value}&limit=${PAGE}`);
    const fresh = page.posts ?? [], have = new Set(fresh.map(key)), oldest = fresh[fresh.length - 1];
    const older = page.next && oldest ? posts.value.filter((p) => !have.has(key(p)) && shownAt(p) <= shownAt(oldest)) : [];
    batch(() => { posts.value = [...fresh, ...older]; waiting.value = []; loaded.value = true; if (!older.length) cursor.value = page.next ?? ""; });
  } catch { /* the stream says when the node is back */ }
}

export async function loadOlder(): Promise<void> {
  if (loading.value || !cursor.value) return;
  loading.value = true;
  try {
    const page = await get<{ posts: Post[]; next: string }>(`feed?scope=${scope.value}&limit=${PAGE}&before=${encodeURIComponent(cursor.value)}`);
    const have = new Set(posts.value.map(key));
    batch(() => { posts.value = [...posts.value, ...(page.posts ?? []).filter((p) => !have.has(key(p)))]; cursor.value = page.next ?? ""; });
  } catch (e) { complain(e); } finally { loading.value = false; }
}

/** One post may stand on the wall twice: as itself and as passed on by somebody. */
export const key = (p: Post) => p.id + (p.reposted_by?.pubkey ?? "");

function belongs(p: Post): boolean {
  if (p.form === "comment") return false;
  return scope.value === "mural" || (scope.value === "me" && p.author.me);
}

/** A post that just came over the stream, or that this person just made. */
export function receive(p: Post): void {
  heard.value = { pubkey: p.author.pubkey, n: heard.value.n + 1 };
  if (!belongs(p) || [...posts.value, ...waiting.value].some((q) => key(q) === key(p))) return;
  if (scrollY > AT_TOP && !p.author.me) waiting.value = [p, ...waiting.value];
  else put([p]);
  if (!p.author.me) spoken.value = t("live.new", { name: p.author.name });
}

/** Who something came from last, for pages that show one person. */
export const heard = signal({ pubkey: "", n: 0 });

function put(fresh: Post[]): void {
  batch(() => {
    arrived.value = new Set(fresh.map(key));
    posts.value = [...fresh, ...posts.value].sort((a, b) => shownAt(b) - shownAt(a));
  });
}

/** What a stranger claims about the future must not pin a post to the top. */
function shownAt(p: Post): number { return p.reposted_by && p.received_at_ms ? p.received_at_ms / 1000 : Math.min(p.created_at, p.received_at_ms ? p.received_at_ms / 1000 + 60 : p.created_at); }

export function showWaiting(): void {
  const fresh = waiting.value;
  waiting.value = [];
  put(fresh);
  scrollTo({ top: 0, behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}

const asked = new Map<string, number>(); // id -> timer; several changes of one post become one reading

export function onChange(id: string): void {
  changed.value = { id, n: Date.now(), gone: false };
  if (!id) return void refreshFeed(); // much changed at once
  if (!posts.value.some((p) => p.id === id || p.layer?.of === id)) return;
  if (asked.has(id)) return;
  asked.set(id, setTimeout(() => { asked.delete(id); void reread(id); }, 150));
}

async function reread(id: string): Promise<void> {
  try {
    const { post } = await get<PostPage>("posts/" + id);
    posts.value = posts.value.map((p) => p.id === id ? { ...post, reposted_by: p.reposted_by } : p.layer?.of === id ? { ...p, layer: { ...p.layer, of_post: post } } : p);
  } catch { /* it may be gone by now; "gone" says so */ }
}

export function onGone(id: string): void {
  batch(() => {
    posts.value = posts.value.filter((p) => p.id !== id);
    waiting.value = waiting.value.filter((p) => p.id !== id);
    changed.value = { id, n: Date.now(), gone: true };
  });
}

export function countMine(by: number): void {
  if (me.value) me.value = { ...me.value, posts_made: Math.max(0, me.value.posts_made + by) };
}
