import { effect, signal } from "@preact/signals";

/** Choices of this browser. Nothing here leaves it. */
export interface Prefs {
  theme: "system" | "light" | "dark";
  language: string; // "" follows the browser
  view: "wall" | "list";
  saver: boolean; // no autoplay, small pictures, nothing preloaded
  laterUntil: number; // ms; the backup card stays away until then
}

const KEY = "mural.prefs";
const start: Prefs = { theme: "system", language: "", view: "wall", saver: false, laterUntil: 0 };

function read(): Prefs {
  try { return { ...start, ...JSON.parse(localStorage.getItem(KEY) ?? "{}") }; } catch { return start; }
}

export const prefs = signal<Prefs>(read());

export function setPrefs(change: Partial<Prefs>): void {
  prefs.value = { ...prefs.value, ...change };
  remember(KEY, prefs.value);
}

/** Storage may be full or switched off; the app works without it. */
export function remember(key: string, value: unknown): void {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify(value));
  } catch { /* the choice lasts as long as the page */ }
}

export function recall<T>(key: string): T | null {
  try { return JSON.parse(localStorage.getItem(key) ?? "null") as T | null; } catch { return null; }
}

effect(() => {
  const root = document.documentElement;
  if (prefs.value.theme === "system") root.removeAttribute("data-theme");
  else root.dataset.theme = prefs.value.theme;
});
