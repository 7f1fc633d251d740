import { batch, signal } from "@preact/signals";
import { get } from "./api";
import { t } from "./i18n/index";
import { changed, complain, me, spoken } from "./state";
import type { Post, PostPage } from "./types";

export type Scope = "mural" | "nearby" | "me";

/** Articles that are in the page at once; beyond it the wall is a window over what was read. */
export const MAX_LIVE = 300;
const PAGE = 30, BIGGEST = 100; // posts of one reading
/** Pixels from the top within which new strokes may move the wall under the reader. */
const AT_TOP = 240;

export const scope = signal<Scope>("mural");
export const posts = signal<Post[]>([]);
export const waiting = signal<Post[]>([]); // came in while the person was reading further down
export const cursor = signal("");
export const loading = signal(false);
export const loaded = signal(false);
export const arrived = signal<ReadonlySet<string>>(new Set()); // glide in

interface Page { posts: Post[]; next: string }

const read = (s: Scope, limit: number, before = "") => get<Page>(`feed?scope=${s}&limit=${limit}` + (before && "&before=" + encodeURIComponent(before)));

export async function loadFeed(s: Scope = scope.value): Promise<void> {
  batch(() => { if (scope.value !== s) { posts.value = []; loaded.value = false; } scope.value = s; loading.value = true; waiting.value = []; });
  try {
    const page = await read(s, PAGE);
    if (scope.value !== s) return;
    batch(() => { posts.value = page.posts ?? []; cursor.value = page.next ?? ""; loaded.value = true; });
  } catch (e) { complain(e); } finally { loading.value = false; }
}

export async function loadOlder(): Promise<void> {
  if (loading.value || !cursor.value) return;
  const s = scope.value;
  loading.value = true;
  try {
    const page = await read(s, PAGE, cursor.value);
    if (scope.value !== s) return;
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
  place([p]);
  if (!p.author.me) spoken.value = t("live.new", { name: p.author.name });
}

const mine = (p: Post) => p.author.me || !!p.reposted_by?.me;

/** Puts fresh strokes up, or lets them wait where they would move the wall under the reader. */
function place(fresh: Post[]): void {
  const wait = scrollY > AT_TOP ? fresh.filter((p) => !mine(p)) : [];
  if (wait.length) waiting.value = [...wait, ...waiting.value];
  if (wait.length < fresh.length) put(fresh.filter((p) => !wait.includes(p)));
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
let told = 0;
const MANY = 5; // posts that change at once; beyond it the page is read instead

export function onChange(id: string): void {
  if (!id) return refreshSoon(); // much changed at once
  changed.value = { id, n: ++told, gone: false };
  if (reading) missed = true; // what is on its way may be older than this
  if (asked.has(id) || ![...posts.value, ...waiting.value].some((p) => p.id === id || p.layer?.of === id)) return;
  if (asked.size >= MANY) return refreshSoon();
  asked.set(id, setTimeout(() => { asked.delete(id); void reread(id); }, 150));
}

async function reread(id: string): Promise<void> {
  try {
    const { post } = await get<PostPage>("posts/" + id);
    const fresh = (p: Post): Post => p.id === id ? { ...post, reposted_by: p.reposted_by } : p.layer?.of === id ? { ...p, layer: { ...p.layer, of_post: post } } : p;
    batch(() => { posts.value = posts.value.map(fresh); waiting.value = waiting.value.map(fresh); });
  } catch { /* it may be gone by now; "gone" says so */ }
}

const SOON = 400; // ms; what is told meanwhile is answered by one reading
const SETTLED = 5000; // ms after the last peer came or went, when everything that follows from it is known
const TRIES = 3; // readings that may fail in a row; after that the stream says when the node is back

let due = 0, settled = 0, failures = 0;
let reading = false, missed = false, stale = false;

/** Reads again, soon and once, what the page shows; what is told during a reading gets another one. */
export function refreshSoon(after = SOON): void {
  if (document.hidden) { stale = true; return; }
  if (reading) { missed = true; return; }
  due ||= setTimeout(() => { due = 0; void refresh(); }, after);
}

/** Somebody's device came or went: whose author is dark, and who keeps what, may read otherwise now. */
export function onPeer(): void {
  refreshSoon();
  clearTimeout(settled);
  settled = setTimeout(refreshSoon, SETTLED);
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden || !stale) return;
  stale = false;
  refreshSoon();
});

async function refresh(): Promise<void> {
  reading = true;
  changed.value = { id: "", n: ++told, gone: false }; // pages of one post or person read themselves
  failures = await refreshFeed() ? 0 : failures + 1;
  reading = false;
  if (missed) { missed = false; refreshSoon(); }
  else if (failures && failures < TRIES) refreshSoon(SETTLED * failures);
}

/** Reads as many of the newest posts as are shown; false where the node did not answer. */
async function refreshFeed(): Promise<boolean> {
  const s = scope.value, had = new Set(posts.value.map(key)), fresh: Post[] = [];
  let next = "";
  try {
    do {
      const page = await read(s, Math.min(BIGGEST, Math.max(PAGE, had.size - fresh.length)), next);
      fresh.push(...page.posts ?? []);
      next = page.next ?? "";
    } while (next && fresh.length < Math.min(had.size, MAX_LIVE));
  } catch { return false; }
  if (scope.value === s) lay(fresh.filter((p) => !gone.has(p.id)), next, had);
  return true;
}

/** Lays what was read over what is there, so that nothing moves that did not change. had: what was there when the reading began. */
function lay(fresh: Post[], next: string, had: ReadonlySet<string>): void {
  const by = new Map(fresh.map((p) => [key(p), p]));
  const here = new Set([...posts.value, ...waiting.value].map(key));
  if (![...here].some((k) => by.has(k))) return batch(() => { posts.value = fresh; waiting.value = []; cursor.value = next; loaded.value = true; });
  const floor = Math.min(...fresh.filter((p) => !p.reposted_by).map((p) => p.created_at));
  const left = (p: Post) => had.has(key(p)) && !by.has(key(p)) && (!next || !p.reposted_by && p.created_at > floor); // it was there, and was not read again
  const last = posts.value[posts.value.length - 1], below = (p: Post) => !!last && shownAt(p) <= shownAt(last);
  const more = fresh.filter((p) => !here.has(key(p)));
  batch(() => {
    posts.value = [...posts.value.filter((p) => !left(p)).map((p) => by.get(key(p)) ?? p), ...more.filter(below)];
    waiting.value = waiting.value.map((p) => by.get(key(p)) ?? p);
    loaded.value = true;
    place(more.filter((p) => !below(p)));
  });
}

const gone = new Set<string>(); // a reading that began before they went must not bring them back

export function onGone(id: string): void {
  gone.add(id);
  batch(() => {
    posts.value = posts.value.filter((p) => p.id !== id);
    waiting.value = waiting.value.filter((p) => p.id !== id);
    changed.value = { id, n: ++told, gone: true };
  });
}

export function countMine(by: number): void {
  if (me.value) me.value = { ...me.value, posts_made: Math.max(0, me.value.posts_made + by) };
}
