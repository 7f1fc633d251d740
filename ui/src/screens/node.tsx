import { useEffect, useState } from "preact/hooks";
import { asApiError, get, post, type ApiError } from "../api";
import { ago, bytes, number, span, t } from "../i18n/index";
import { Avatar } from "../parts/avatar";
import { Icon } from "../parts/icons";
import { copy } from "../parts/stroke";
import { complain, now, peers } from "../state";
import type { NodeInfo, Peer } from "../types";
import { Skeleton } from "./mural";
import { Failed } from "./post";

/** What this device does, in words: who it talks to, what it keeps, what it costs, what is missing. */
export function NodeScreen() {
  const [info, setInfo] = useState<NodeInfo | null>(null);
  const [list, setList] = useState<Peer[]>([]);
  const [failed, setFailed] = useState<ApiError | null>(null);
  const load = () => {
    void get<NodeInfo>("node").then((n) => { setInfo(n); setFailed(null); }, (e) => setFailed(asApiError(e)));
    void get<{ peers: Peer[] }>("peers").then((r) => setList(r.peers ?? []), complain);
  };
  useEffect(load, []);
  useEffect(() => { if (info) load(); }, [peers.value]);
  if (failed) return <Failed error={failed} />;
  if (!info) return <div class="page"><Skeleton /></div>;
  const k = info.kept_for_others;
  return (
    <div class="page node-page">
      <header class="page-head"><h1>{t("node.title")}</h1><div class="page-tools"><button type="button" class="button" onClick={load}><Icon name="again" size={18} />{t("node.refresh")}</button></div></header>
      <p class="lead">{t("node.awake", { n: info.peers, span: span(info.uptime_ms) })}</p>
      <dl class="tiles">
        <Tile pg={2} label={t("node.kept")} value={bytes(k.bytes)} more={t("node.kept.more", { n: k.people, events: number(k.events), blobs: number(k.blobs) })} />
        <Tile pg={1} label={t("node.mine")} value={number(info.events)} more={t("node.mine.more", { blobs: number(info.blobs), size: bytes(info.blob_bytes + info.db_bytes) })} />
        <Tile pg={7} label={t("node.disk")} value={bytes(info.disk_free_bytes)} more={t("node.disk.more")} />
        <Tile pg={3} label={t("node.traffic")} value={bytes(info.traffic.in + info.traffic.out)} more={t("node.traffic.more", { in: bytes(info.traffic.in), out: bytes(info.traffic.out) })} />
        <Tile pg={6} label={t("node.cost")} value={bytes(info.rss_bytes)} more={t("node.cost.more", { cpu: Math.round(info.cpu_seconds * 10) / 10 })} />
      </dl>
      <div class="two">
        <section class="panel" aria-labelledby="checks-title">
          <h2 id="checks-title">{t("node.checks")}</h2>
          <ul class="checks">
            {(info.checks ?? []).map((c) => (
              <li key={c.name} class={c.ok ? "check check-ok" : "check"}>
                <Icon name={c.ok ? "check" : "warn"} /><span><strong>{c.name}</strong><span class="visually-hidden"> {t(c.ok ? "node.ok" : "node.missing")}</span><br />{c.what}{!c.ok && c.next && <code class="type-line">{c.next}</code>}</span>
              </li>
            ))}
          </ul>
        </section>
        <section class="panel" aria-labelledby="peers-title">
          <h2 id="peers-title">{t("node.peers")}</h2>
          {list.length === 0 && <p class="hint">{t("node.peers.none")}</p>}
          <ul class="rows">{list.map((p) => <PeerRow key={p.peer_id} p={p} />)}</ul>
        </section>
      </div>
      <div class="two"><RelayPart info={info} /><OriginsPart info={info} set={(origins) => setInfo({ ...info, origins, waiting_origins: info.waiting_origins?.filter((o) => !origins.some((x) => x.origin === o)) })} /></div>
      <p class="hint mono ids">mural {info.version} · {info.go} · {info.node_id}<br />{info.home}</p>
    </div>
  );
}

function Tile({ label, value, more, pg }: { label: string; value: string; more: string; pg: number }) {
  return <div class="tile"><dt><span class={"tile-dab pg-" + pg} />{label}</dt><dd><span class="tile-value">{value}</span><span class="tile-more">{more}</span></dd></div>;
}

function PeerRow({ p }: { p: Peer }) {
  return (
    <li class="row">
      {p.person ? <Avatar person={p.person} size={36} /> : <span class="avatar unknown" />}
      <span class="row-main"><span class="row-name" dir="auto">{p.person?.name ?? t("people.unnamed")}</span><span class="row-sub">{[p.nearby ? t("node.peer.nearby") : "", p.transport.toUpperCase(), "↓ " + bytes(p.bytes_in), "↑ " + bytes(p.bytes_out)].filter(Boolean).join(" · ")}</span></span>
      <span class={p.connected ? "row-end on" : "row-end"}>{p.connected ? t("device.on") : p.last_seen_ms ? ago(p.last_seen_ms, now.value) : t("device.off")}</span>
    </li>
  );
}

function RelayPart({ info }: { info: NodeInfo }) {
  return (
    <section class="panel" aria-labelledby="relay-title">
      <h2 id="relay-title">{t("node.relay")}</h2>
      <p>{t("node.relay.more")}</p>
      <p class="copy-line"><code>{info.relay_url}</code><button type="button" class="button" onClick={() => void copy(info.relay_url, t("copied.relay"))}><Icon name="copy" size={18} />{t("copy")}</button></p>
    </section>
  );
}

function OriginsPart({ info, set }: { info: NodeInfo; set: (o: NodeInfo["origins"]) => void }) {
  const decide = (origin: string, allow: boolean) => post<{ origins: NodeInfo["origins"] }>("origins", { origin, allow }).then((r) => set(r.origins ?? []), complain);
  const waiting = info.waiting_origins ?? [], known = info.origins ?? [];
  return (
    <section class="panel" aria-labelledby="origins-title">
      <h2 id="origins-title">{t("origins.title")}</h2>
      <p>{t("origins.more")}</p>
      <ul class="rows">
        {waiting.map((o) => <li key={o} class="row"><span class="row-main"><span class="row-name mono">{o}</span><span class="row-sub">{t("origins.waiting")}</span></span><button type="button" class="button button-main" aria-label={t("origins.allow.name", { origin: o })} onClick={() => void decide(o, true)}>{t("origins.allow")}</button></li>)}
        {known.map((o) => <li key={o.origin} class="row"><span class="row-main"><span class="row-name mono">{o.origin}</span><span class="row-sub">{t(o.allowed ? "origins.allowed" : "origins.refused")}</span></span><button type="button" class="button" aria-label={t(o.allowed ? "origins.stop.name" : "origins.allow.name", { origin: o.origin })} onClick={() => void decide(o.origin, !o.allowed)}>{t(o.allowed ? "origins.stop" : "origins.allow")}</button></li>)}
      </ul>
      {waiting.length + known.length === 0 && <p class="hint">{t("origins.none")}</p>}
    </section>
  );
}
