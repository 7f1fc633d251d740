import type { ComponentChildren } from "preact";
import { personLink, postLink } from "../router";
import type { PersonShort } from "../types";

const TOKEN = /(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]}'])|nostr:((?:npub|nprofile|note|nevent|naddr)1[02-9ac-hj-np-z]+)|(#[\p{L}\p{N}_]+)/gu;

/** A post's words with links made clickable. Nothing in them is ever read as markup. */
export function Words({ text, mentions }: { text: string; mentions: PersonShort[] }) {
  const out: ComponentChildren[] = [];
  let from = 0;
  for (const m of text.matchAll(TOKEN)) {
    out.push(text.slice(from, m.index), token(m, mentions));
    from = m.index + m[0].length;
  }
  out.push(text.slice(from));
  return <p class="words" dir="auto">{out}</p>;
}

function token([all, url, entity]: RegExpMatchArray, mentions: PersonShort[]): ComponentChildren {
  if (url) return <a href={url} rel="noopener noreferrer nofollow" target="_blank">{url.replace(/^https?:\/\/(www\.)?/, "")}</a>;
  if (!entity) return <span class="tag">{all}</span>;
  const person = mentions?.find((p) => p.npub === entity);
  if (/^(npub|nprofile)/.test(entity)) return <a href={personLink(person?.npub ?? entity)}>@{person?.name ?? entity.slice(0, 12) + "…"}</a>;
  return <a href={postLink(entity)}>{entity.slice(0, 12)}…</a>;
}
