import { useLayoutEffect } from "preact/hooks";

/** Nothing has the focus: the next Tab would start at the top of the page. */
export const lost = () => !document.activeElement || document.activeElement === document.body;

const strokeAt = (el: Element | null) => el?.closest<HTMLElement>("main .stroke") ?? null;
const strokeOf = (key: string) => document.querySelector<HTMLElement>(`main .stroke[data-key="${CSS.escape(key)}"]`);

/** The key of the stroke that holds the focus, or "". It names the stroke also after the page was drawn anew. */
export const focusedStroke = () => strokeAt(document.activeElement)?.dataset.key ?? "";

export function focusStroke(key: string): boolean {
  const el = key ? strokeOf(key) : null;
  el?.focus({ preventScroll: true });
  el?.scrollIntoView({ block: "nearest" });
  return !!el;
}

let coming: MutationObserver | null = null;

/** A new screen starts at its heading; where the screen is still being read, as soon as that is there, unless the person went on meanwhile. */
export function focusTitle(): void {
  coming?.disconnect();
  const main = document.querySelector("main");
  if (!main || titled(main)) return;
  main.focus({ preventScroll: true });
  coming = new MutationObserver(() => {
    if (!lost() && document.activeElement !== main || titled(main)) coming?.disconnect();
  });
  coming.observe(main, { childList: true, subtree: true });
}

function titled(main: Element): boolean {
  const h = main.querySelector("h1");
  if (h) { h.tabIndex = -1; h.focus({ preventScroll: true }); }
  return !!h;
}

/** What has the focus now, as a function that gives it back: to the same element, or to the stroke it was in, or to the heading. */
export function holdFocus(): () => void {
  const el = document.activeElement as HTMLElement | null, key = focusedStroke();
  return () => {
    const take = () => { if (el?.isConnected && el !== document.body) el.focus({ preventScroll: true }); };
    take();
    queueMicrotask(() => { // after what is drawn together with this; a list may have handed the focus to a neighbour
      if (lost()) take();
      if (lost() && !focusStroke(key)) focusTitle();
    });
  };
}

let kept: { key: string; focus: boolean } | null = null;

/** Before the strokes are laid out another way: remembers the focused one, or the first in sight. */
export function keepPlace(): void {
  const key = focusedStroke();
  const first = scrollY > 0 ? [...document.querySelectorAll<HTMLElement>("main .stroke")].find((el) => el.getBoundingClientRect().bottom > 120) : null;
  kept = key ? { key, focus: true } : first ? { key: first.dataset.key!, focus: false } : null;
}

export function backToPlace(): void {
  if (kept?.focus) focusStroke(kept.key);
  else if (kept) strokeOf(kept.key)?.scrollIntoView({ block: "start" });
  kept = null;
}

/** Keeps the focus while a list of strokes changes: moving an element takes it away, and a deleted one hands it to its neighbour. */
export function useHeldFocus(box: { current: HTMLElement | null }): void {
  const el = box.current?.contains(document.activeElement) ? document.activeElement as HTMLElement : null;
  const all = () => [...box.current!.querySelectorAll<HTMLElement>(".stroke")];
  const at = el ? all().indexOf(strokeAt(el)!) : -1;
  useLayoutEffect(() => {
    if (!el || !lost()) return;
    const now = all();
    (el.isConnected ? el : now[Math.min(at, now.length - 1)])?.focus({ preventScroll: true });
  });
}
