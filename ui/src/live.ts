import { loaded, onChange, onGone, onPeer, receive, refreshSoon } from "./feed";
import { loadMe, nearby, online, peers, takeMe } from "./state";
import type { Me, Nearby, Peer, Post } from "./types";

let stream: EventSource | null = null;
let retry = 0;
let wait = 1000; // ms until the next try after the browser gave up

/** Opens the page's one connection. The browser reconnects by itself; a refusal ends that, then we try, but never in a hidden tab. */
export function startLive(): void {
  stream?.close();
  clearTimeout(retry);
  const s = new EventSource("/api/live");
  stream = s;
  const on = <T>(name: string, f: (data: T) => void) =>
    s.addEventListener(name, (e) => f(JSON.parse((e as MessageEvent<string>).data) as T));
  s.onopen = () => {
    wait = 1000;
    if (loaded.value) refreshSoon(); // what we missed meanwhile
    if (!online.value) { online.value = true; void loadMe(); }
  };
  s.onerror = () => {
    online.value = false;
    if (s.readyState === EventSource.CLOSED) later();
  };
  on<Post>("post", receive);
  on<{ id: string }>("change", (d) => onChange(d.id));
  on<{ id: string }>("gone", (d) => onGone(d.id));
  on<Peer>("peer", (p) => {
    const next = new Map(peers.value);
    next.set(p.peer_id, p);
    peers.value = next;
    onPeer();
  });
  on<Nearby>("nearby", (n) => { nearby.value = n; });
  on<Me>("me", takeMe);
}

function later(): void {
  clearTimeout(retry);
  if (document.hidden) return;
  retry = setTimeout(startLive, wait);
  wait = Math.min(wait * 2, 60_000);
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) clearTimeout(retry);
  else if (stream?.readyState === EventSource.CLOSED) startLive();
});
