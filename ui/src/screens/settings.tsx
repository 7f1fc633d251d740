import { useRef, useState } from "preact/hooks";
import { asApiError, importFile, post, type ApiError } from "../api";
import { languages, t, type Key } from "../i18n/index";
import { Avatar } from "../parts/avatar";
import { answerNearby, BackupDialog } from "../parts/cards";
import { prefs, setPrefs, type Prefs } from "../prefs";
import { signOut } from "../session";
import { complain, me, nearby, owner, say } from "../state";
import type { Person } from "../types";

export function Settings() {
  return (
    <div class="page settings-page">
      <header class="page-head"><h1>{t("nav.settings")}</h1></header>
      {owner.value && me.value?.person && <Profile person={me.value.person} />}
      {owner.value && <Backup />}
      <Looks />
      {owner.value && <NearbyHere />}
      {owner.value && <Session />}
    </div>
  );
}

function Profile({ person }: { person: Person }) {
  const [name, setName] = useState(person.name), [about, setAbout] = useState(person.about), [picture, setPicture] = useState(person.picture);
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<ApiError | null>(null);
  const pick = useRef<HTMLInputElement>(null);
  const choose = async (f: File | undefined) => {
    if (!f) return;
    setBusy(true);
    try { setPicture((await importFile(f, f.name, () => {}).done).sha256); setFailed(null); } catch (e) { setFailed(asApiError(e)); } finally { setBusy(false); }
  };
  const save = async () => {
    setBusy(true);
    setFailed(null);
    try { const p = await post<Person>("person", { name: name.trim(), about: about.trim(), picture }); if (me.value) me.value = { ...me.value, person: p }; say(t("settings.saved")); }
    catch (e) { setFailed(asApiError(e)); } finally { setBusy(false); }
  };
  return (
    <section class="panel" aria-labelledby="profile-title">
      <h2 id="profile-title">{t("settings.profile")}</h2>
      <form class="profile" onSubmit={(e) => { e.preventDefault(); void save(); }}>
        <div class="profile-face">
          <Avatar person={{ pubkey: person.pubkey, picture }} size={96} />
          <button type="button" class="button" onClick={() => pick.current!.click()}>{t(picture ? "welcome.photo.other" : "welcome.photo")}</button>
          {picture && <button type="button" class="button button-quiet" onClick={() => setPicture("")}>{t("settings.nopicture")}</button>}
          <input ref={pick} type="file" accept="image/*" hidden aria-label={t("welcome.photo")} onChange={(e) => void choose(e.currentTarget.files?.[0])} />
        </div>
        <div class="profile-words">
          <label class="field"><span>{t("welcome.name")}</span><input type="text" required maxLength={80} dir="auto" autocomplete="nickname" value={name} onInput={(e) => setName(e.currentTarget.value)} /></label>
          <label class="field"><span>{t("settings.about")}</span><textarea rows={3} dir="auto" value={about} onInput={(e) => setAbout(e.currentTarget.value)} /></label>
          {failed && <p class="error" role="alert"><strong>{failed.message}</strong> {failed.next}</p>}
          <button type="submit" class="button button-main" disabled={busy || !name.trim()}>{t("settings.save")}</button>
        </div>
      </form>
    </section>
  );
}

function Backup() {
  const [open, setOpen] = useState(false);
  return (
    <section class="panel" aria-labelledby="backup-title">
      <h2 id="backup-title">{t("backup.section")}</h2>
      <p>{t(me.value?.backup_done ? "backup.section.done" : "backup.card.more")}</p>
      <button type="button" class={me.value?.backup_done ? "button" : "button button-main"} onClick={() => setOpen(true)}>{t("backup.do")}</button>
      {open && <BackupDialog close={() => setOpen(false)} />}
    </section>
  );
}

const themes: { id: Prefs["theme"]; label: Key }[] = [{ id: "system", label: "theme.system" }, { id: "light", label: "theme.light" }, { id: "dark", label: "theme.dark" }];

function Looks() {
  return (
    <section class="panel" aria-labelledby="looks-title">
      <h2 id="looks-title">{t("settings.looks")}</h2>
      <div class="setting">
        <span id="theme-label">{t("theme.label")}</span>
        <div class="segments" role="group" aria-labelledby="theme-label">{themes.map((x) => <button key={x.id} type="button" aria-pressed={prefs.value.theme === x.id} onClick={() => setPrefs({ theme: x.id })}>{t(x.label)}</button>)}</div>
      </div>
      <label class="setting"><span>{t("settings.language")}</span>
        <select value={prefs.value.language} onChange={(e) => setPrefs({ language: e.currentTarget.value })}>
          <option value="">{t("language.system")}</option>
          {languages.map((l) => <option key={l.code} value={l.code} lang={l.code}>{l.name}</option>)}
        </select>
      </label>
      <div class="setting">
        <span id="saver-label">{t("saver.label")}<small>{t("saver.more")}</small></span>
        <button type="button" class="switch" role="switch" aria-checked={prefs.value.saver} aria-labelledby="saver-label" onClick={() => setPrefs({ saver: !prefs.value.saver })}><span class="switch-knob" /></button>
      </div>
    </section>
  );
}

function NearbyHere() {
  const n = nearby.value;
  if (!n) return null;
  return (
    <section class="panel" aria-labelledby="nearby-here">
      <h2 id="nearby-here">{t("people.nearby")}</h2>
      <div class="setting">
        <span id="nearby-label">{t("nearby.switch", { network: n.network || t("nearby.this") })}<small>{t("nearby.means")}</small></span>
        <button type="button" class="switch" role="switch" aria-checked={n.choice === "on"} aria-labelledby="nearby-label" onClick={() => void answerNearby(n.choice !== "on")}><span class="switch-knob" /></button>
      </div>
    </section>
  );
}

function Session() {
  return (
    <section class="panel" aria-labelledby="session-title">
      <h2 id="session-title">{t("session.title")}</h2>
      <p>{t("session.more")}</p>
      <button type="button" class="button" onClick={() => void signOut().catch(complain)}>{t("session.out")}</button>
    </section>
  );
}
