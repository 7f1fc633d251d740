import { useEffect, useRef, useState } from "preact/hooks";
import { asApiError, del, get, put, type ApiError } from "../api";
import { ago, t, type Key } from "../i18n/index";
import { heard, key } from "../feed";
import { Avatar } from "../parts/avatar";
import { Icon } from "../parts/icons";
import { copy } from "../parts/stroke";
import { Older, Wall } from "../parts/wall";
import { grain, PIGMENTS, pigment } from "../pigment";
import { personLink } from "../router";
import { changed, complain, noteFollow, now, owner } from "../state";
import type { Device, Person, Post } from "../types";
import { Skeleton } from "./mural";
import { Failed } from "./post";

interface Page { person: Person; posts: Post[]; next: string }

/** The newest page read again, over what was read before it. */
function over(before: Page | null, now: Page): Page {
  const posts = now.posts ?? [], have = new Set(posts.map(key)), last = posts[posts.length - 1];
  const older = before && now.next && last ? before.posts.filter((p) => !have.has(key(p)) && p.created_at <= last.created_at) : [];
  return older.length ? { person: now.person, posts: [...posts, ...older], next: before!.next } : now;
}

export function PersonScreen({ id }: { id: string }) {
  const [page, setPage] = useState<Page | null>(null);
  const [failed, setFailed] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const load = () => get<Page>("people/" + id).then((p) => setPage((before) => over(before, p)), (e) => { if (!page) setFailed(asApiError(e)); });
  useEffect(() => { void load(); }, [id]);
  const start = useRef(changed.peek()?.n).current; // what was told before this page was read
  const c = changed.value, mine = page && c && c.n !== start && (c.id === "" || page.posts?.some((p) => p.id === c.id)) ? c.n : 0;
  useEffect(() => { if (mine) void load(); }, [mine]);
  const h = heard.value, theirs = h.pubkey === page?.person.pubkey ? h.n : 0;
  useEffect(() => { // several that come at once are one reading
    if (!theirs) return;
    const timer = setTimeout(() => void load(), 400);
    return () => clearTimeout(timer);
  }, [theirs]);
  if (failed) return <Failed error={failed} />;
  if (!page) return <div class="page"><Skeleton /></div>;
  const older = async () => {
    setBusy(true);
    try { const more = await get<Page>(`people/${id}?before=${encodeURIComponent(page.next)}`); setPage({ ...page, posts: [...page.posts, ...more.posts], next: more.next === page.next ? "" : more.next }); }
    catch (e) { complain(e); } finally { setBusy(false); }
  };
  return (
    <div class="page person-page">
      <Portrait person={page.person} changed={(person) => setPage({ ...page, person })} />
      <section aria-label={t("person.posts", { n: page.person.posts })}>
        {page.posts?.length ? <Wall posts={page.posts} /> : <p class="empty-line">{t("person.empty", { name: page.person.name })}</p>}
        {page.next && <Older more={() => void older()} busy={busy} />}
      </section>
    </div>
  );
}

function Portrait({ person: p, changed: set }: { person: Person; changed: (p: Person) => void }) {
  return (
    <header class="portrait">
      <Band id={p.pubkey} />
      <div class="portrait-in">
        <Avatar person={p} size={112} />
        <div class="portrait-words">
          <h1 dir="auto">{p.name}</h1>
          <p class="portrait-facts">{t(p.me ? "trust.me" : trustKey(p))}{p.follows_me && !p.me && <span> · {t("person.follows")}</span>}<span> · {t("person.posts", { n: p.posts })}</span></p>
          {p.trust === "path" && p.path?.length > 0 && <p class="path">{t("person.path")} {p.path.map((s, i) => <span key={s.pubkey}>{i > 0 && " → "}<a href={personLink(s.pubkey)}>{s.name}</a></span>)}</p>}
          {p.about && <p class="about" dir="auto">{p.about}</p>}
        </div>
        <div class="portrait-acts">
          {p.me ? <a class="button" href="#/settings">{t("person.edit")}</a> : owner.value && <Follow person={p} done={set} />}
          <button type="button" class="button button-quiet" onClick={() => void copy(p.npub, t("copied.npub"))}><Icon name="copy" size={18} />{t("person.copy")}</button>
        </div>
      </div>
      {p.devices?.length > 0 && <Devices list={p.devices} />}
    </header>
  );
}

function trustKey(p: Person): Key {
  return ({ me: "trust.me", following: "trust.following", path: "trust.path", nearby: "trust.nearby", stranger: "trust.stranger" } as const)[p.trust] ?? "trust.stranger";
}

export function Follow({ person: p, done }: { person: Pick<Person, "npub" | "following" | "name">; done: (p: Person) => void }) {
  const [busy, setBusy] = useState(false);
  const toggle = async () => {
    if (busy) return;
    setBusy(true);
    try { const after = await (p.following ? del<Person>(`people/${p.npub}/follow`) : put<Person>(`people/${p.npub}/follow`)); noteFollow(after); done(after); } catch (e) { complain(e); } finally { setBusy(false); }
  };
  return (
    <button type="button" class={p.following ? "button" : "button button-main"} aria-disabled={busy} aria-label={t(p.following ? "person.unfollow.name" : "person.follow.name", { name: p.name })} onClick={() => void toggle()}>
      {p.following && <Icon name="check" size={18} />}{t(p.following ? "person.following" : "person.follow")}
    </button>
  );
}

function Devices({ list }: { list: Device[] }) {
  return (
    <ul class="chips" aria-label={t("person.devices")}>
      {list.map((d) => <li key={d.peer_id} class={d.connected || d.this ? "chip chip-on" : "chip"}><span class="lamp-dot" />{d.role || t("kept.device")} · {d.this ? t("device.this") : d.connected ? t("device.on") : d.last_seen_ms ? t("device.seen", { when: ago(d.last_seen_ms, now.value) }) : t("device.off")}</li>)}
    </ul>
  );
}

/** A strip of wall in the pigments of one key. */
function Band({ id }: { id: string }) {
  const base = pigment(id);
  return <div class="band" aria-hidden="true">{Array.from({ length: 9 }, (_, i) => <span key={i} class={"pg-" + (i % 3 === 0 ? base : (base + 1 + grain(id, i + 3)) % PIGMENTS)} style={{ flexGrow: 2 + grain(id, i + 15) % 6 }} />)}</div>;
}
