import { useState } from "preact/hooks";
import { asApiError, post, type ApiError } from "../api";
import { t } from "../i18n/index";
import { prefs, setPrefs } from "../prefs";
import { complain, me, nearby, say } from "../state";
import type { Backup, Nearby } from "../types";
import { Dialog } from "./dialog";
import { Icon } from "./icons";

const WEEK = 7 * 86400_000; // ms

export async function answerNearby(on: boolean): Promise<void> {
  const id = nearby.value?.network_id;
  try { nearby.value = await post<Nearby>("nearby", { network_id: id, on }); } catch (e) { complain(e); }
}

/** Asked once for each network; until answered, the node is silent there. */
export function NearbyQuestion() {
  const n = nearby.value!;
  return (
    <section class="card ask" aria-labelledby="ask-nearby">
      <span class="card-icon"><Icon name="wifi" size={26} /></span>
      <div class="card-main">
        <h2 id="ask-nearby">{t("nearby.ask", { network: n.network || t("nearby.this") })}</h2>
        <p>{t("nearby.means")}</p>
        <div class="card-acts">
          <button type="button" class="button button-main" onClick={() => void answerNearby(true)}>{t("nearby.yes")}</button>
          <button type="button" class="button" onClick={() => void answerNearby(false)}>{t("nearby.no")}</button>
        </div>
      </div>
    </section>
  );
}

/** After the first post, not before: then there is something to lose. */
export function BackupCard() {
  const [open, setOpen] = useState(false);
  const m = me.value;
  if (!m || m.backup_done || m.posts_made < 1 || prefs.value.laterUntil > Date.now()) return open ? <BackupDialog close={() => setOpen(false)} /> : null;
  return (
    <section class="card" aria-labelledby="card-backup">
      <span class="card-icon"><Icon name="key" size={26} /></span>
      <div class="card-main">
        <h2 id="card-backup">{t("backup.card")}</h2>
        <p>{t("backup.card.more")}</p>
        <div class="card-acts">
          <button type="button" class="button button-main" onClick={() => setOpen(true)}>{t("backup.do")}</button>
          <button type="button" class="button" onClick={() => setPrefs({ laterUntil: Date.now() + WEEK })}>{t("later")}</button>
        </div>
      </div>
      {open && <BackupDialog close={() => setOpen(false)} />}
    </section>
  );
}

const SHORTEST = 8; // characters, as the node asks

export function BackupDialog({ close }: { close: () => void }) {
  const [words, setWords] = useState("");
  const [file, setFile] = useState<Backup | null>(null);
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<ApiError | null>(null);
  const make = async () => {
    setBusy(true);
    setFailed(null);
    try { const b = await post<Backup>("backup", { passphrase: words }); download(b.file_name, b.file_text); setFile(b); }
    catch (e) { setFailed(asApiError(e)); } finally { setBusy(false); }
  };
  const finish = () => { if (me.value) me.value = { ...me.value, backup_done: true }; say(t("backup.done")); close(); };
  return (
    <Dialog title={t("backup.title")} close={file ? finish : close}>
      {file ? (
        <>
          <p>{t("backup.saved", { file: file.file_name })}</p>
          <div class="dialog-acts">
            <button type="button" class="button" onClick={() => download(file.file_name, file.file_text)}>{t("backup.again")}</button>
            <button type="button" class="button button-main" onClick={finish}>{t("done")}</button>
          </div>
        </>
      ) : (
        <form onSubmit={(e) => { e.preventDefault(); void make(); }}>
          <p>{t("backup.explain")}</p>
          <label class="field"><span>{t("backup.words")}</span><input type="password" autocomplete="new-password" minLength={SHORTEST} required value={words} onInput={(e) => setWords(e.currentTarget.value)} /></label>
          <p class="hint">{t("backup.hint", { n: SHORTEST })}</p>
          {failed && <p class="error" role="alert"><strong>{failed.message}</strong> {failed.next}</p>}
          <div class="dialog-acts"><button type="submit" class="button button-main" disabled={busy || words.length < SHORTEST}>{t(busy ? "backup.busy" : "backup.make")}</button></div>
        </form>
      )}
    </Dialog>
  );
}

function download(name: string, text: string): void {
  const a = document.createElement("a");
  a.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 10_000);
}
