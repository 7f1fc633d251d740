import { signal } from "@preact/signals";

export type Route =
  | { name: "mural" | "people" | "node" | "settings" | "new" }
  | { name: "post" | "person"; id: string };

/** Routes live in the fragment, so any server that serves one page serves them all. */
export function parseRoute(hash: string): Route {
  const [name, id] = hash.replace(/^#\/?/, "").split("/");
  if ((name === "post" || name === "person") && id) return { name, id: decodeURIComponent(id) };
  if (name === "people" || name === "node" || name === "settings" || name === "new") return { name };
  return { name: "mural" };
}

export const route = signal<Route>(parseRoute(location.hash));

export const postLink = (id: string) => "#/post/" + id;
export const personLink = (id: string) => "#/person/" + id;

const scrolls = new Map<string, number>();
let here = location.hash;
let backwards = false;

export function go(hash: string): void { location.hash = hash; }

export function startRouter(): void {
  history.scrollRestoration = "manual";
  addEventListener("popstate", () => { backwards = true; });
  document.addEventListener("click", () => { backwards = false; }, true);
  addEventListener("scroll", () => scrolls.set(here, scrollY), { passive: true });
  addEventListener("hashchange", () => {
    if (!/^#(\/|$)/.test(location.hash) && location.hash) return; // #k= and #join= are not routes
    const y = backwards ? scrolls.get(location.hash) ?? 0 : 0;
    here = location.hash;
    route.value = parseRoute(here);
    requestAnimationFrame(() => requestAnimationFrame(() => { scrollTo(0, y); if (y === 0) focusTitle(); }));
  });
}

/** A new screen starts at its heading, for the keyboard and for a screen reader. */
function focusTitle(): void {
  const h = document.querySelector<HTMLElement>("main h1");
  if (!h) return;
  h.tabIndex = -1;
  h.focus({ preventScroll: true });
}
