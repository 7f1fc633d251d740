import { effect, signal } from "@preact/signals";
import { prefs } from "../prefs";
import { en } from "./en";
import { pseudo } from "./pseudo";

export type Key = keyof typeof en;
/** A sentence, or one per plural category with {n} as the number. */
export type Message = string | ({ other: string } & Partial<Record<Intl.LDMLPluralRule, string>>);
export type Catalogue = Record<Key, Message>;

interface Language { code: string; locale: string; dir: "ltr" | "rtl"; catalogue: Catalogue }

const english: Language = { code: "en", locale: "en", dir: "ltr", catalogue: en };
export const languages = [
  { code: "en", name: "English" },
  { code: "ar", name: "العربية" },
  { code: "en-XA", name: "Ŧēśť (en-XA)" },
];

export const language = signal<Language>(english);

async function load(code: string): Promise<Language> {
  if (code === "ar") {
    const file = "./lang-ar.js"; // its own file: who reads English does not download Arabic
    const { ar } = await import(/* @vite-ignore */ file) as { ar: Catalogue };
    return { code, locale: "ar", dir: "rtl", catalogue: ar };
  }
  if (code === "en-XA") return { code, locale: "en", dir: "ltr", catalogue: pseudo(en) };
  return english;
}

function wanted(): string {
  const asked = prefs.value.language || navigator.language;
  return languages.find((l) => asked === l.code)?.code ?? languages.find((l) => asked.split("-")[0] === l.code)?.code ?? "en";
}

/** Resolves when the first language is in place, so that nothing is drawn in the wrong one. */
export function startLanguage(): Promise<void> {
  return new Promise((ready) => {
    effect(() => {
      const code = wanted();
      load(code).catch(() => english).then((l) => {
        language.value = l;
        document.documentElement.lang = l.locale;
        document.documentElement.dir = l.dir;
        ready();
      });
    });
  });
}

type Values = Record<string, string | number>;

export function t(key: Key, values: Values = {}): string {
  const { catalogue, locale } = language.value;
  let m = catalogue[key] ?? en[key];
  if (typeof m !== "string") m = m[new Intl.PluralRules(locale).select(Number(values.n))] ?? m.other;
  return m.replace(/\{(\w+)\}/g, (all, name: string) => {
    const v = values[name];
    return v === undefined ? all : typeof v === "number" ? number(v) : v;
  });
}

export const number = (n: number) => new Intl.NumberFormat(language.value.locale).format(n);

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];

export function bytes(n: number): string {
  let u = 0;
  while (n >= 1000 && u < UNITS.length - 1) { n /= 1000; u++; }
  return new Intl.NumberFormat(language.value.locale, { style: "unit", unit: UNITS[u], unitDisplay: "short", maximumFractionDigits: n < 10 && u > 0 ? 1 : 0 }).format(n);
}

export function clock(ms: number): string {
  const sameDay = new Date(ms).toDateString() === new Date().toDateString();
  return new Intl.DateTimeFormat(language.value.locale, sameDay ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" }).format(ms);
}

export const fullTime = (ms: number) => new Intl.DateTimeFormat(language.value.locale, { dateStyle: "full", timeStyle: "short" }).format(ms);

/** "3 min ago"; a date once it is more than a week. nowMs is handed in so that callers redraw with the clock they choose. */
export function ago(ms: number, nowMs: number): string {
  const s = Math.round((ms - nowMs) / 1000);
  const f = new Intl.RelativeTimeFormat(language.value.locale, { numeric: "auto", style: "short" });
  if (s > -45) return t("time.now");
  if (s > -3600) return f.format(Math.round(s / 60), "minute");
  if (s > -86400) return f.format(Math.round(s / 3600), "hour");
  if (s > -7 * 86400) return f.format(Math.round(s / 86400), "day");
  return new Intl.DateTimeFormat(language.value.locale, { dateStyle: "medium" }).format(ms);
}

/** How long: "2 h 5 min". */
export function span(ms: number): string {
  const unit = (n: number, u: string) => new Intl.NumberFormat(language.value.locale, { style: "unit", unit: u, unitDisplay: "narrow" }).format(n);
  const min = Math.floor(ms / 60000), h = Math.floor(min / 60), d = Math.floor(h / 24);
  if (d > 0) return unit(d, "day") + " " + unit(h % 24, "hour");
  if (h > 0) return unit(h, "hour") + " " + unit(min % 60, "minute");
  return unit(Math.max(min, 0), "minute");
}

/** "1:07" for a recording. */
export function length(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  return Math.floor(s / 60) + ":" + String(s % 60).padStart(2, "0");
}
