import { useState } from "preact/hooks";
import { ago, clock, t } from "../i18n/index";
import { now } from "../state";
import { personLink } from "../router";
import type { Kept, Post, Road } from "../types";
import { Avatar } from "./avatar";
import { Dialog } from "./dialog";

function authorLine(post: Post, k: Kept): string {
  if (post.author.me || k.author === "here") return "";
  if (k.author === "dark") return k.author_dark_since_ms ? t("kept.dark", { when: clock(k.author_dark_since_ms) }) : t("kept.dark.unknown");
  return k.author === "connected" ? t("kept.connected") : "";
}

/** "Kept by 3 devices · the author's is dark since 14:02", opening what is known about it. */
export function KeptLine({ post }: { post: Post }) {
  const [open, setOpen] = useState(false);
  const k = post.kept;
  if (!k) return null;
  const author = authorLine(post, k);
  return (
    <>
      <button type="button" class={k.author === "dark" ? "kept kept-dark" : "kept"} aria-haspopup="dialog" onClick={() => setOpen(true)}>
        <Dots n={k.devices} dark={k.author === "dark"} />
        <span>{t("kept.by", { n: k.devices })}{author && " · " + author}</span>
      </button>
      {open && <Dialog title={t("kept.title")} close={() => setOpen(false)}><KeptDetails post={post} /></Dialog>}
    </>
  );
}

/** One lamp per device; the author's own lamp is hollow while it is dark. */
function Dots({ n, dark }: { n: number; dark: boolean }) {
  const shown = Math.min(n, 5);
  return (
    <svg class="lamps" width={(shown + (dark ? 1 : 0)) * 7 + 2} height="10" aria-hidden="true">
      {Array.from({ length: shown }, (_, i) => <circle key={i} class="lamp" cx={5 + i * 7} cy="5" r="3" />)}
      {dark && <circle class="lamp-dark" cx={5 + shown * 7} cy="5" r="2.5" />}
    </svg>
  );
}

export function KeptDetails({ post }: { post: Post }) {
  const k = post.kept;
  if (!k) return null;
  const author = authorLine(post, k);
  return (
    <div class="kept-details">
      <p>{t("kept.explain")}</p>
      {author && <p class="strong">{k.author === "dark" && k.author_dark_since_ms ? t("kept.dark.long", { when: clock(k.author_dark_since_ms) }) : author}</p>}
      <ul class="rows">
        {(k.keepers ?? []).map((p) => (
          <li key={p.peer_id} class="row">
            {p.person && <Avatar person={p.person} size={36} />}
            <span class="row-main">
              <span class="row-name">{p.this ? t("kept.this") : p.person?.name ?? t("kept.device")}</span>
              <span class="row-sub mono">{p.peer_id.slice(-10)}</span>
            </span>
            <span class="row-end">{p.checked_at_ms ? t("kept.checked", { when: ago(p.checked_at_ms, now.value) }) : t("kept.unchecked")}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

function via(r: Road): string {
  if (r.via === "self") return t("road.self");
  if (r.via === "client") return t("road.client");
  if (r.via === "bundle") return t("road.bundle");
  return r.from ? t("road.peer", { name: r.from.name }) : t("road.device");
}

/** Why it is here and which way it came: the answer to "why do I see this?". */
export function RoadDetails({ post }: { post: Post }) {
  const r = post.road;
  const steps = [
    { key: "made", text: t("road.made", { name: post.author.name }), at: post.created_at * 1000, who: post.author },
    ...(r && r.via !== "self" ? [{ key: "came", text: via(r), at: r.at_ms, who: r.from }] : []),
  ];
  return (
    <div class="road-details">
      {post.why && <p class="why">{post.why}</p>}
      <ol class="road">
        {steps.map((s) => (
          <li key={s.key}>
            {s.who ? <Avatar person={s.who} size={32} /> : <span class="road-dot" />}
            <span>{s.who ? <a href={personLink(s.who.npub)}>{s.text}</a> : s.text}<br /><small>{clock(s.at)}</small></span>
          </li>
        ))}
      </ol>
      {post.time_uncertain && <p class="hint">{t("road.uncertain")}</p>}
      <p class="hint">{post.verified ? t("road.verified", { name: post.author.name }) : t("road.unverified")}</p>
    </div>
  );
}
