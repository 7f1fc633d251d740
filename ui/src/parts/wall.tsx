import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { arrived, key } from "../feed";
import { useHeldFocus } from "../focus";
import { t } from "../i18n/index";
import { go, postLink } from "../router";
import type { Post } from "../types";
import { breadth, Stroke } from "./stroke";

const UNIT = 4; // px, one row of the grid
const heights = new Map<string, number>(); // key + columns -> rows, so that coming back finds every stroke where it was

/** Newest first, but a layer and what it was put on hang together where the newer of the two belongs. */
export function byLineage(posts: Post[]): Post[] {
  const at = new Map(posts.map((p) => [p.id, p]));
  const root = (p: Post): string => { for (let i = 0; i < 8; i++) { const up = p.layer && at.get(p.layer.of); if (!up) break; p = up; } return key(p); };
  const groups = new Map<string, Post[]>();
  for (const p of posts) {
    const r = root(p), g = groups.get(r);
    if (g) g.push(p); else groups.set(r, [p]);
  }
  return [...groups.values()].flat();
}

/** The wall: strokes of different size fitted like bricks. The reading order is the order in the page. */
export function Wall({ posts, fixed }: { posts: Post[]; fixed?: boolean }) {
  const box = useRef<HTMLDivElement>(null);
  useHeldFocus(box);
  const order = useMemo(() => fixed ? posts : byLineage(posts), [posts, fixed]);
  const sizes = useRef<ResizeObserver | null>(null);
  useLayoutEffect(() => {
    const fit = (el: HTMLElement) => {
      const rows = Math.ceil((el.offsetHeight + gap(box.current!)) / UNIT);
      const cell = el.parentElement!;
      heights.set(cell.dataset.cell + "@" + el.offsetWidth, rows);
      cell.style.gridRowEnd = "span " + rows;
    };
    const ro = new ResizeObserver((list) => list.forEach((e) => fit(e.target as HTMLElement)));
    sizes.current = ro;
    return () => ro.disconnect();
  }, []);
  useLayoutEffect(() => {
    box.current!.querySelectorAll<HTMLElement>(":scope > .cell > .stroke").forEach((el) => {
      sizes.current!.observe(el);
      const rows = heights.get(el.parentElement!.dataset.cell + "@" + el.offsetWidth);
      el.parentElement!.style.gridRowEnd = "span " + (rows ?? Math.ceil((el.offsetHeight + gap(box.current!)) / UNIT));
    });
  }, [order]);
  return (
    <div class="wall" ref={box} onKeyDown={(e) => moveOnWall(e, box.current!)}>
      {order.map((p) => (
        <div key={key(p)} data-cell={key(p)} class={breadth(p) === 2 ? "cell cell-wide" : "cell"}>
          <Stroke post={p} fresh={arrived.value.has(key(p))} />
        </div>
      ))}
    </div>
  );
}

const gap = (el: HTMLElement) => parseFloat(getComputedStyle(el).columnGap) || 16;

/** The same strokes one after the other, as a feed for screen readers and for calm reading. */
export function Feed({ posts, busy, label }: { posts: Post[]; busy?: boolean; label: string }) {
  const box = useRef<HTMLDivElement>(null);
  useHeldFocus(box);
  return (
    <div class="feed" ref={box} role="feed" aria-busy={busy} aria-label={label} onKeyDown={(e) => moveOnWall(e, box.current!)}>
      {posts.map((p, i) => <Stroke key={key(p)} post={p} at={i + 1} size={posts.length} fresh={arrived.value.has(key(p))} />)}
    </div>
  );
}

/** Arrows go to the nearest stroke in that direction, Enter opens, Page keys step as the feed pattern asks. */
function moveOnWall(e: KeyboardEvent, box: HTMLElement): void {
  const from = e.target as HTMLElement;
  if (!from.matches(".stroke") || e.ctrlKey || e.metaKey || e.altKey) return;
  if (e.key === "Enter") return go(postLink(from.dataset.id!));
  if (e.key === "PageDown" || e.key === "PageUp") { e.preventDefault(); return step(e.key === "PageDown" ? 1 : -1); }
  const to = nearest(from, [...box.querySelectorAll<HTMLElement>(".stroke")], e.key);
  if (!to) return;
  e.preventDefault();
  reach(to);
}

function nearest(from: HTMLElement, all: HTMLElement[], arrow: string): HTMLElement | null {
  const a = from.getBoundingClientRect();
  const dir = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[arrow];
  if (!dir) return null;
  let best: HTMLElement | null = null, least = Infinity;
  for (const el of all) {
    if (el === from) continue;
    const b = el.getBoundingClientRect();
    const dx = b.left + b.width / 2 - a.left - a.width / 2, dy = b.top - a.top;
    const along = dx * dir[0] + dy * dir[1], across = Math.abs(dx * dir[1]) + Math.abs(dy * dir[0]);
    if (along < 8) continue;
    if (along + across * 2 < least) { least = along + across * 2; best = el; }
  }
  return best;
}

/** Moves the focus n strokes on, from wherever it is. */
export function step(n: number): void {
  const all = [...document.querySelectorAll<HTMLElement>("main .stroke:not(.stroke-whole)")];
  if (!all.length) return;
  const i = all.indexOf(document.activeElement?.closest<HTMLElement>(".stroke") ?? document.body);
  const seen = all.findIndex((el) => el.getBoundingClientRect().bottom > 120);
  reach(all[i < 0 ? Math.max(0, seen) : Math.min(all.length - 1, Math.max(0, i + n))]);
}

function reach(el: HTMLElement): void {
  el.focus({ preventScroll: true });
  el.scrollIntoView({ block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}

/** Calls more when the end of the list comes near. Also a button, for the keyboard and where nothing scrolls. */
export function Older({ more, busy }: { more: () => void; busy: boolean }) {
  const end = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    const io = new IntersectionObserver((e) => { if (e.some((x) => x.isIntersecting)) more(); }, { rootMargin: "800px" });
    io.observe(end.current!);
    return () => io.disconnect();
  }, [more]);
  return <button ref={end} type="button" class="button older" aria-disabled={busy} onClick={() => busy || more()}>{busy ? t("loading") : t("mural.older")}</button>;
}
