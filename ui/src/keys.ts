import { signal } from "@preact/signals";
import { step } from "./parts/wall";
import { prefs, setPrefs } from "./prefs";
import { go, route } from "./router";
import { composing, owner } from "./state";

export const showKeys = signal(false);

/** One-letter keys, only where no text is being written and no dialog is open. */
export function startKeys(): void {
  addEventListener("keydown", (e) => {
    const at = e.target as HTMLElement;
    if (e.ctrlKey || e.metaKey || e.altKey || at.closest("input,textarea,select,[contenteditable],dialog,[role=menu]")) return;
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
  "?": () => { showKeys.value = true; },
};

export function toggleView(): void {
  if (route.value.name === "mural") setPrefs({ view: prefs.value.view === "wall" ? "list" : "wall" });
}
