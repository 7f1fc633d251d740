import { useState } from "preact/hooks";
import { del, post as send } from "../api";
import { key, onGone, receive, countMine } from "../feed";
import { ago, fullTime, number, t, type Key } from "../i18n/index";
import { grain, pigmentClass } from "../pigment";
import { go, personLink, postLink } from "../router";
import { complain, composing, now, owner, say } from "../state";
import type { Post } from "../types";
import { Avatar } from "./avatar";
import { Dialog } from "./dialog";
import { Icon } from "./icons";
import { KeptLine, RoadDetails } from "./kept";
import { MediaGroup, sense, shape } from "./media";
import { Menu, type Item } from "./menu";
import { Words } from "./text";

/** Characters up to which words stand large, as paint on the wall. */
const PAINTED = 180;

export type Look = "painted" | "paper" | "media" | "voice" | "article";

export function look(p: Post): Look {
  if (p.form === "article") return "article";
  if (p.media?.some((m) => sense(m) === "image" || sense(m) === "video")) return "media";
  if (p.media?.some((m) => sense(m) === "audio")) return "voice";
  return !p.layer && !p.warning && p.text.length > 0 && p.text.length <= PAINTED ? "painted" : "paper";
}

/** Columns a stroke takes where the wall has four: wide pictures now and then, so that the wall has a rhythm. Always the same for one post. */
export function breadth(p: Post): 1 | 2 {
  const first = p.media?.find((m) => sense(m) === "image" || sense(m) === "video");
  if (look(p) === "article") return 2;
  if (first && shape(first) >= 1.45 && grain(p.id, 0) % 5 < 2) return 2;
  return look(p) === "painted" && p.text.length < 70 && grain(p.id, 1) % 6 === 0 ? 2 : 1;
}

export function operationName(op: string): string {
  const known: Record<string, Key> = {
    quote: "op.quote", annotate: "op.annotate", "voice-over": "op.voice-over", clip: "op.clip", cut: "op.cut", caption: "op.caption",
    translate: "op.translate", "side-by-side": "op.side-by-side", "re-encode": "op.re-encode", transcribe: "op.transcribe", context: "op.context",
  };
  return known[op] ? t(known[op]) : op;
}

/** Text size class of a painted stroke: few words are big. */
function loudness(text: string): string {
  return text.length <= 32 ? "loud-3" : text.length <= 90 ? "loud-2" : "loud-1";
}

interface Props { post: Post; size?: number; at?: number; whole?: boolean; fresh?: boolean }

/** One post as it stands on a wall, in a list or on its own page. */
export function Stroke({ post, size, at, whole, fresh }: Props) {
  const kind = look(post);
  const name = post.title || post.text.slice(0, 80) || t(("form." + (post.form === "other" ? "text" : post.form)) as Key);
  return (
    <article class={`stroke stroke-${kind} ${pigmentClass(post.author.pubkey)}${fresh ? " stroke-fresh" : ""}${whole ? " stroke-whole" : ""}`}
      tabIndex={whole ? undefined : 0} data-key={key(post)} data-id={post.id} aria-posinset={at} aria-setsize={size}
      aria-label={t("stroke.label", { name: post.author.name, what: name })}>
      {post.reposted_by && <p class="passed"><Icon name="again" size={16} /><a href={personLink(post.reposted_by.npub)}>{t("stroke.passed", { name: post.reposted_by.name })}</a></p>}
      <Head post={post} />
      <Body post={post} kind={kind} whole={whole} />
      {post.layer && <Beneath layer={post.layer} />}
      <Foot post={post} />
    </article>
  );
}

function Head({ post }: { post: Post }) {
  const a = post.author, ms = post.created_at * 1000;
  return (
    <header class="stroke-head">
      <a class="who" href={personLink(a.npub)}><Avatar person={a} size={36} /><span class="who-name" dir="auto">{a.name}</span></a>
      <a class="when" href={postLink(post.id)} title={fullTime(ms)}><time dateTime={new Date(ms).toISOString()}>{ago(ms, now.value)}</time></a>
    </header>
  );
}

function Body({ post, kind, whole }: { post: Post; kind: Look; whole?: boolean }) {
  const [shown, setShown] = useState(false);
  if (post.warning && !shown) {
    return (
      <div class="warned">
        <p><Icon name="warn" /><span>{post.warning}</span></p>
        <button type="button" class="button" onClick={() => setShown(true)}>{t("stroke.show")}</button>
      </div>
    );
  }
  const words = post.text && <div class={"stroke-words" + (kind === "painted" ? " " + loudness(post.text) : "") + (whole ? "" : " clamp")}><Words text={post.text} mentions={post.mentions} /></div>;
  const open = whole ? undefined : (e: MouseEvent) => { if (!(e.target as Element).closest("a,button,video,audio,input") && !getSelection()?.toString()) go(postLink(post.id)); };
  return (
    <div class="stroke-body" onClick={open}>
      {post.title && <h3 class="stroke-title" dir="auto">{whole ? post.title : <a href={postLink(post.id)}>{post.title}</a>}</h3>}
      {kind === "media" ? <><MediaGroup post={post} whole={whole} />{words}</> : <>{words}<MediaGroup post={post} whole={whole} /></>}
    </div>
  );
}

/** The original that a layer was put on: small, under it, in its author's own pigment. */
function Beneath({ layer }: { layer: NonNullable<Post["layer"]> }) {
  const of = layer.of_post;
  if (!of) return <p class="beneath beneath-missing"><LayerMark op={layer.operation} name="" /><span>{t("beneath.missing")}</span></p>;
  const m = of.media?.find((x) => x.thumb || x.poster);
  return (
    <a class={`beneath ${pigmentClass(of.author.pubkey)}`} href={postLink(of.id)}>
      <LayerMark op={layer.operation} name={of.author.name} />
      <span class="beneath-in">
        {m && <img src={(m.poster || m.thumb).replace("w=640", "w=320")} alt="" width="72" height="72" loading="lazy" decoding="async" />}
        <span class="beneath-text" dir="auto">{of.title || of.text || (of.media?.[0]?.alt ?? t(("form." + (of.form === "other" ? "text" : of.form)) as Key))}</span>
      </span>
    </a>
  );
}

function LayerMark({ op, name }: { op: string; name: string }) {
  return <span class="layer-mark"><Icon name="layers" size={15} />{name ? t("layer.on", { op: operationName(op), name }) : operationName(op)}</span>;
}

function Foot({ post }: { post: Post }) {
  return (
    <footer class="stroke-foot">
      <div class="facts">
        <KeptLine post={post} />
        {post.layers > 0 && <a class="count" href={postLink(post.id)} aria-label={t("stroke.layers", { n: post.layers })} title={t("stroke.layers", { n: post.layers })}><Icon name="layers" size={16} />{number(post.layers)}</a>}
      </div>
      <div class="acts">
        {owner.value && <button type="button" class="button pass" onClick={() => { composing.value = { kind: "pass", of: post }; }}><Icon name="brush" size={18} />{t("act.pass")}</button>}
        <span class="acts-end">
          {owner.value && <button type="button" class="icon-button" aria-label={t("act.reply.to", { name: post.author.name })} title={t("act.reply")} onClick={() => { composing.value = { kind: "reply", to: post }; }}><Icon name="reply" /></button>}
          <More post={post} />
        </span>
      </div>
    </footer>
  );
}

function More({ post }: { post: Post }) {
  const [ask, setAsk] = useState<"" | "road" | "delete">("");
  const items: Item[] = [
    { icon: "road", label: t("act.why"), run: () => setAsk("road") },
    { icon: "link", label: t("act.copy"), run: () => copy(new URL(postLink(post.nevent || post.id), location.href).href, t("copied.link")) },
    ...(owner.value ? [{ icon: "again" as const, label: t("act.repost"), run: () => void repost(post) }] : []),
    ...(owner.value && post.author.me ? [{ icon: "trash" as const, label: t("act.delete"), danger: true, run: () => setAsk("delete") }] : []),
  ];
  return (
    <>
      <Menu items={items} label={t("act.more", { name: post.author.name })} />
      {ask === "road" && <Dialog title={t("road.title")} close={() => setAsk("")}><RoadDetails post={post} /></Dialog>}
      {ask === "delete" && (
        <Dialog title={t("delete.title")} close={() => setAsk("")}>
          <p>{t("delete.explain")}</p>
          <div class="dialog-acts">
            <button type="button" class="button" onClick={() => setAsk("")}>{t("cancel")}</button>
            <button type="button" class="button button-danger" onClick={() => { setAsk(""); void remove(post); }}>{t("act.delete")}</button>
          </div>
        </Dialog>
      )}
    </>
  );
}

export async function copy(text: string, done: string): Promise<void> {
  try {
    if (navigator.clipboard) await navigator.clipboard.writeText(text);
    else copyOldWay(text);
    say(done);
  } catch { say(t("copy.failed"), { next: text, bad: true }); }
}

/** On http://name.local there is no clipboard API; a selection still copies. */
function copyOldWay(text: string): void {
  const area = document.createElement("textarea");
  area.value = text;
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  const ok = document.execCommand("copy");
  area.remove();
  if (!ok) throw new Error("copy refused");
}

async function repost(p: Post): Promise<void> {
  try { receive(await send<Post>(`posts/${p.id}/repost`)); say(t("repost.done")); } catch (e) { complain(e); }
}

async function remove(p: Post): Promise<void> {
  try { await del(`posts/${p.id}`); onGone(p.id); countMine(-1); say(t("delete.done")); } catch (e) { complain(e); }
}
