import { signal } from "@preact/signals";
import { keepPlace } from "./focus";
import { step } from "./parts/wall";
import { prefs, setPrefs } from "./prefs";
import { go, home, route } from "./router";
import { composing, owner } from "./state";

export const showKeys = signal(false);

/** One-letter keys, only where no text is being written and no dialog is open. */
export function startKeys(): void {
  addEventListener("keydown", (e) => {
    const at = e.target as HTMLElement;
    if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || at.closest("input,textarea,select,[contenteditable],dialog,[role=menu]")) return;
    if (document.querySelector("dialog[open]")) return; // the focus may be on the browser's own buttons meanwhile
    const act = actions[e.key];
    if (!act) return;
    e.preventDefault();
    act();
  });
}

const actions: Record<string, () => void> = {
  j: () => step(1),
  k: () => step(-1),
  n: () => { if (owner.value) composing.value = { kind: "new" }; },
  l: toggleView,
  L: toggleView,
  g: () => go("#/"),
  Escape: () => { if (!document.fullscreenElement && (route.value.name === "post" || route.value.name === "person")) home(); },
  "?": () => { showKeys.value = true; },
};

export function toggleView(): void {
  if (route.value.name !== "mural") return;
  keepPlace();
  setPrefs({ view: prefs.value.view === "wall" ? "list" : "wall" });
}
