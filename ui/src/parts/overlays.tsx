import { useState } from "preact/hooks";
import { asApiError, post, type ApiError } from "../api";
import { loadFeed } from "../feed";
import { t, type Key } from "../i18n/index";
import { showKeys } from "../keys";
import { go, personLink } from "../router";
import { invitation } from "../session";
import { composing, owner, say, welcoming } from "../state";
import type { Person } from "../types";
import { Composer } from "./composer";
import { Dialog } from "./dialog";

export function ComposeDialog() {
  const c = composing.value;
  if (!c || !owner.value) return null;
  const close = () => { composing.value = null; };
  const title: Key = c.kind === "new" ? "composer.title" : c.kind === "pass" ? "pass.title" : "reply.title";
  return <Dialog title={t(title)} close={close} wide><Composer key={c.kind} compose={c} done={close} /></Dialog>;
}

/** Opening an invitation link asks first: a link in a chat must not make anybody follow anybody. */
export function JoinDialog() {
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<ApiError | null>(null);
  const link = invitation.value;
  if (!link || welcoming.value) return null;
  const close = () => { invitation.value = ""; setFailed(null); };
  const join = async () => {
    setBusy(true);
    setFailed(null);
    try { await accept(link); close(); } catch (e) { setFailed(asApiError(e)); } finally { setBusy(false); }
  };
  if (!owner.value) return <Dialog title={t("join.title")} close={close}><p>{t("join.guest")}</p><pre class="type"><code>mural join "{link}"</code></pre></Dialog>;
  return (
    <Dialog title={t("join.title")} close={close}>
      <p>{t("join.explain")}</p>
      {failed && <p class="error" role="alert"><strong>{failed.message}</strong> {failed.next}</p>}
      <div class="dialog-acts">
        <button type="button" class="button" onClick={close}>{t("cancel")}</button>
        <button type="button" class="button button-main" disabled={busy} onClick={() => void join()}>{busy ? t("join.busy") : t("join.do")}</button>
      </div>
    </Dialog>
  );
}

export async function accept(link: string): Promise<void> {
  const { person, connected } = await post<{ person: Person; connected: boolean }>("join", { link });
  say(t(connected ? "join.done" : "join.later", { name: person.name }));
  void loadFeed();
  go(personLink(person.npub));
}

const keys: [string, Key][] = [
  ["j", "keys.next"], ["k", "keys.prev"], ["← ↑ ↓ →", "keys.arrows"], ["Enter", "keys.open"], ["n", "keys.new"],
  ["L", "keys.view"], ["g", "keys.home"], ["Ctrl Enter", "keys.send"], ["Esc", "keys.close"], ["?", "keys.help"],
];

export function KeysDialog() {
  if (!showKeys.value) return null;
  return (
    <Dialog title={t("keys.title")} close={() => { showKeys.value = false; }}>
      <dl class="keys">{keys.map(([k, label]) => <div key={k}><dt><kbd>{k}</kbd></dt><dd>{t(label)}</dd></div>)}</dl>
    </Dialog>
  );
}
