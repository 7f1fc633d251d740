import { signal } from "@preact/signals";
import { del, post } from "./api";

/** An invitation that the person opened; a dialog asks before anything happens. */
export const invitation = signal("");

/** Reads #k=<token> and #join=<code> once and takes them out of the address bar and the history. */
export function takeFragment(): string {
  const h = location.hash;
  const token = /^#k=(.+)$/.exec(h)?.[1] ?? "";
  const join = /^#join=(.+)$/.exec(h)?.[1] ?? "";
  if (join) invitation.value = location.href;
  if (token || join) history.replaceState(null, "", location.pathname + "#/");
  return token ? decodeURIComponent(token) : "";
}

export async function signIn(token: string): Promise<boolean> {
  try { await post("session", { token }); return true; } catch { return false; }
}

/** The other tabs of this browser: whoever signs out in one has signed out in all. */
const tabs = "BroadcastChannel" in self ? new BroadcastChannel("mural") : null;
tabs?.addEventListener("message", () => location.reload());

export async function signOut(): Promise<void> {
  await del("session");
  tabs?.postMessage("signed out");
  history.replaceState(null, "", location.pathname + "#/");
  location.reload();
}

addEventListener("hashchange", () => {
  if (!/^#(k|join)=/.test(location.hash)) return;
  const token = takeFragment();
  if (token) void signIn(token).then(() => location.reload());
});
