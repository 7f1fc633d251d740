import { signal } from "@preact/signals";
import { focusedStroke, focusStroke, focusTitle } from "./focus";

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

/** How a place was left: how far down, and on which stroke. */
interface Left { y: number; key: string }
const left = new Map<string, Left>();
const trail: string[] = []; // the place of each entry of the history that this page made
let at = 0; // the entry we are on; kept in history.state, which tells "back" from "new"
let returning = false;

const place = () => location.hash.length > 2 ? location.hash : "#/";

export function go(hash: string): void { location.hash = hash; }

/** To the mural as it was left: Escape, and the link above a post. */
export function home(): void {
  if (trail[at - 1] === "#/") return history.back();
  returning = true;
  go("#/");
}

export function startRouter(): void {
  history.scrollRestoration = "manual";
  at = history.state?.at ?? 0;
  enter();
  addEventListener("scroll", () => note({ y: scrollY }), { passive: true });
  addEventListener("hashchange", () => {
    if (!/^#(\/|$)/.test(location.hash) && location.hash) return; // #k= and #join= are not routes
    note({ key: focusedStroke() });
    const known = history.state?.at as number | undefined;
    const back = known !== undefined || returning ? left.get(place()) : undefined;
    at = known ?? at + 1;
    returning = false;
    enter();
    route.value = parseRoute(location.hash);
    requestAnimationFrame(() => requestAnimationFrame(() => arrive(back)));
  });
}

function enter(): void {
  trail[at] = place();
  history.replaceState({ at }, "");
}

function note(change: Partial<Left>): void {
  const here = trail[at];
  left.set(here, { y: 0, key: "", ...left.get(here), ...change });
}

function arrive(back?: Left): void {
  scrollTo(0, back?.y ?? 0);
  if (!focusStroke(back?.key ?? "")) focusTitle();
}
