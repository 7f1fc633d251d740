import { useEffect, useState } from "preact/hooks";
import { asApiError, get, post, type ApiError } from "../api";
import { loadFeed } from "../feed";
import { t } from "../i18n/index";
import { Avatar } from "../parts/avatar";
import { answerNearby, NearbyQuestion } from "../parts/cards";
import { Icon } from "../parts/icons";
import { accept } from "../parts/overlays";
import { copy } from "../parts/stroke";
import { pigmentClass } from "../pigment";
import { personLink } from "../router";
import { complain, nearby, owner, peers } from "../state";
import type { Invite, Nearby, Peer, Person } from "../types";
import { Follow } from "./person";

export function People() {
  const [people, setPeople] = useState<Person[] | null>(null);
  const load = () => get<{ people: Person[] }>("people").then((r) => setPeople(r.people ?? []), complain);
  useEffect(() => { void load(); if (owner.value) void get<Nearby>("nearby").then((n) => { nearby.value = n; }, complain); }, []);
  useEffect(() => { if (people) void load(); }, [peers.value]);
  const put = (p: Person) => { setPeople((all) => (all ?? []).some((q) => q.pubkey === p.pubkey) ? all!.map((q) => q.pubkey === p.pubkey ? p : q) : [...all ?? [], p]); void loadFeed(); };
  const all = (people ?? []).filter((p) => !p.me);
  return (
    <div class="page people-page">
      <header class="page-head"><h1>{t("people.title")}</h1></header>
      {owner.value && <NearbyPart people={all} put={put} />}
      {owner.value && <div class="two"><InvitePart /><JoinPart /></div>}
      <Group title={t("people.following")} people={all.filter((p) => p.following)} put={put} none={t("people.following.none")} />
      <Group title={t("people.followers")} people={all.filter((p) => !p.following && p.follows_me)} put={put} />
      <Group title={t("people.others")} people={all.filter((p) => !p.following && !p.follows_me && p.trust !== "nearby")} put={put} />
    </div>
  );
}

/** Who is on this network now: what the node said, brought up to date by the stream. */
function around(): Peer[] {
  const all = new Map((nearby.value?.peers ?? []).map((p) => [p.peer_id, p]));
  for (const p of peers.value.values()) if (p.nearby) all.set(p.peer_id, p);
  const byPerson = new Map<string, Peer>();
  for (const p of all.values()) if (p.connected) byPerson.set(p.person?.pubkey ?? p.peer_id, p);
  return [...byPerson.values()];
}

function NearbyPart({ people, put }: { people: Person[]; put: (p: Person) => void }) {
  const n = nearby.value;
  if (n?.choice === "ask") return <NearbyQuestion />;
  const here = around();
  return (
    <section class="section" aria-labelledby="nearby-title">
      <div class="section-head">
        <h2 id="nearby-title">{t("people.nearby")}</h2>
        {n && <button type="button" class="switch" role="switch" aria-checked={n.choice === "on"} onClick={() => void answerNearby(n.choice !== "on")}><span class="switch-knob" /><span>{t("nearby.switch", { network: n.network || t("nearby.this") })}</span></button>}
      </div>
      {n?.choice === "on" ? here.length > 0 ? <ul class="neighbours">{here.map((p) => <Neighbour key={p.peer_id} peer={p} known={people.find((q) => q.pubkey === p.person?.pubkey)} put={put} />)}</ul>
        : <p class="listening"><span class="ripple" aria-hidden="true" /><span>{t("people.nearby.none")}</span></p>
        : <p class="hint">{t("people.nearby.off")}</p>}
    </section>
  );
}

function Neighbour({ peer, known, put }: { peer: Peer; known?: Person; put: (p: Person) => void }) {
  const who = known ?? peer.person;
  if (!who) return <li class="neighbour"><span class="neighbour-in"><span class="avatar unknown" /><strong>{t("people.unnamed")}</strong><small>{t("people.unnamed.more")}</small></span></li>;
  return (
    <li class={`neighbour ${pigmentClass(who.pubkey)}`}>
      <span class="neighbour-band" aria-hidden="true" />
      <span class="neighbour-in">
        <Avatar person={who} size={84} />
        <a class="neighbour-name" href={personLink(who.npub)} dir="auto">{who.name}</a>
        <small>{t(who.following ? "people.here.following" : "people.here")}</small>
        <Follow person={who} done={put} />
      </span>
    </li>
  );
}

function InvitePart() {
  const [invite, setInvite] = useState<Invite | null>(null);
  const make = () => post<Invite>("invite").then(setInvite, complain);
  return (
    <section class="panel" aria-labelledby="invite-title">
      <h2 id="invite-title">{t("invite.title")}</h2>
      {invite ? (
        <div class="invite">
          <Qr svg={invite.qr_svg} />
          <div>
            <p>{t("invite.show")}</p>
            <p class="mono code">{invite.link}</p>
            <button type="button" class="button button-main" onClick={() => void copy(invite.link, t("copied.link"))}><Icon name="copy" size={18} />{t("invite.copy")}</button>
          </div>
        </div>
      ) : <><p>{t("invite.explain")}</p><button type="button" class="button button-main" onClick={() => void make()}>{t("invite.make")}</button></>}
    </section>
  );
}

const DRAWN = new Set(["svg", "path", "rect", "g"]);

/** Puts the node's QR picture into the page with nothing but shapes in it, so that no policy has to allow more. */
function Qr({ svg }: { svg: string }) {
  const put = (el: HTMLDivElement | null) => {
    if (!el) return;
    const root = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
    for (const n of [root, ...root.querySelectorAll("*")]) {
      if (!DRAWN.has(n.localName)) n.remove();
      else for (const a of [...n.attributes]) if (/^on|href|style/i.test(a.name)) n.removeAttribute(a.name);
    }
    el.replaceChildren(document.importNode(root, true));
  };
  return <div class="qr" role="img" aria-label={t("invite.qr")} ref={put} />;
}

function JoinPart() {
  const [link, setLink] = useState("");
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<ApiError | null>(null);
  const join = async () => {
    setBusy(true);
    setFailed(null);
    try { await accept(link.trim()); } catch (e) { setFailed(asApiError(e)); } finally { setBusy(false); }
  };
  return (
    <section class="panel" aria-labelledby="joinpart-title">
      <h2 id="joinpart-title">{t("join.have")}</h2>
      <form onSubmit={(e) => { e.preventDefault(); void join(); }}>
        <label class="field"><span>{t("join.link")}</span><input type="text" dir="ltr" autocomplete="off" spellcheck={false} placeholder="mural1…" value={link} onInput={(e) => setLink(e.currentTarget.value)} /></label>
        {failed && <p class="error" role="alert"><strong>{failed.message}</strong> {failed.next}</p>}
        <button type="submit" class="button" disabled={!link.trim() || busy}>{t(busy ? "join.busy" : "join.do")}</button>
      </form>
    </section>
  );
}

function Group({ title, people, put, none }: { title: string; people: Person[]; put: (p: Person) => void; none?: string }) {
  if (!people.length && !none) return null;
  return (
    <section class="section">
      <h2>{title}</h2>
      {people.length === 0 && <p class="hint">{none}</p>}
      <ul class="people">
        {people.map((p) => (
          <li key={p.pubkey} class="person">
            <Avatar person={p} size={52} />
            <span class="row-main"><a class="row-name" href={personLink(p.npub)} dir="auto">{p.name}</a><span class="row-sub" dir="auto">{p.about || t("person.posts", { n: p.posts })}</span></span>
            {owner.value && <Follow person={p} done={put} />}
          </li>
        ))}
      </ul>
    </section>
  );
}
