import type { Catalogue, Key, Message } from "./index";

const FROM = "aceinorstuyACEINORSTUY", TO = "àçéîñöřšţûýÀÇÉÎÑÖŘŠŢÛÝ";

function stretch(s: string): string {
  const marked = s.replace(/\{\w+\}|[a-zA-Z]/g, (m) => m.length > 1 ? m : TO[FROM.indexOf(m)] ?? m);
  return "[" + marked + " ~~~~~".repeat(Math.ceil(s.length * 0.35 / 6)) + "]";
}

/** A language of the same meaning and 40 % more length, with every placeholder kept: it shows what a layout cannot hold. */
export function pseudo(from: Record<Key, Message>): Catalogue {
  const one = (m: Message): Message => typeof m === "string" ? stretch(m)
    : Object.fromEntries(Object.entries(m).map(([k, v]) => [k, stretch(v)])) as Message;
  return Object.fromEntries(Object.entries(from).map(([k, m]) => [k, one(m)])) as Catalogue;
}
