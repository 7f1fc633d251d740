import { useRef, useState } from "preact/hooks";
import { asApiError, importFile, post, type ApiError } from "../api";
import { t } from "../i18n/index";
import { Composer } from "../parts/composer";
import { Icon, Mark } from "../parts/icons";
import { go } from "../router";
import { loadMe, me, welcoming } from "../state";
import type { Imported, Person } from "../types";

/** The first minute: a name, then the first post. Nothing else is asked. */
export function Welcome() {
  const [person, setPerson] = useState<Person | null>(null);
  return (
    <div class="welcome">
      <Fresco />
      <div class="welcome-side">
        <p class="brand brand-big"><Mark size={40} /><span>mural</span></p>
        {person ? <FirstPost person={person} /> : <Name done={setPerson} />}
      </div>
    </div>
  );
}

function Name({ done }: { done: (p: Person) => void }) {
  const [name, setName] = useState("");
  const [picture, setPicture] = useState<Imported | null>(null);
  const [preview, setPreview] = useState("");
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<ApiError | null>(null);
  const pick = useRef<HTMLInputElement>(null);
  const choose = async (f: File | undefined) => {
    if (!f) return;
    setPreview(URL.createObjectURL(f));
    try { setPicture(await importFile(f, f.name, () => {}).done); } catch (e) { setPreview(""); setFailed(asApiError(e)); }
  };
  const submit = async () => {
    setBusy(true);
    setFailed(null);
    try { done(await post<Person>("person", { name: name.trim(), about: "", picture: picture?.sha256 ?? "" })); }
    catch (e) { setFailed(asApiError(e)); setBusy(false); }
  };
  return (
    <form class="welcome-form" onSubmit={(e) => { e.preventDefault(); void submit(); }}>
      <h1>{t("welcome.title")}</h1>
      <p class="lead">{t("welcome.lead")}</p>
      <label class="field field-big"><span>{t("welcome.name")}</span><input type="text" name="name" autocomplete="nickname" required maxLength={80} dir="auto" autofocus value={name} onInput={(e) => setName(e.currentTarget.value)} /></label>
      {failed && <p class="error" role="alert"><strong>{failed.message}</strong> {failed.next}</p>}
      <div class="welcome-acts">
        <button type="button" class="button photo-pick" onClick={() => pick.current!.click()}>{preview ? <img class="avatar" src={preview} width="32" height="32" alt="" /> : <Icon name="camera" />}{t(preview ? "welcome.photo.other" : "welcome.photo")}</button>
        <button type="submit" class="button button-main button-big" disabled={!name.trim() || busy}>{t("welcome.start")}</button>
      </div>
      <input ref={pick} type="file" accept="image/*" hidden aria-label={t("welcome.photo")} onChange={(e) => void choose(e.currentTarget.files?.[0])} />
      <p class="hint">{t("welcome.promise")}</p>
    </form>
  );
}

function FirstPost({ person }: { person: Person }) {
  const finish = () => { if (me.value) me.value = { ...me.value, person }; welcoming.value = false; void loadMe(); go("#/"); };
  return (
    <div class="welcome-form">
      <h1>{t("first.title", { name: person.name })}</h1>
      <p class="lead">{t("first.lead")}</p>
      <Composer compose={{ kind: "new" }} done={finish} prompt={t("first.prompt")} first />
      <button type="button" class="button button-quiet" onClick={finish}>{t("first.skip")}</button>
    </div>
  );
}

/** Courses of a wall being painted: decoration that says what this place is. */
export function Fresco() {
  const rows = [[3, 5, 2], [4, 3, 3], [2, 4, 4], [5, 3, 2], [3, 3, 4], [4, 4, 2], [2, 5, 3]];
  let n = 0;
  return (
    <div class="fresco" aria-hidden="true">
      {rows.map((r, y) => <div key={y} class="fresco-row">{r.map((w, x) => { const p = (n++ * 5 + y) % 13; return <span key={x} class={p === 12 ? "fresco-bare" : "pg-" + p} style={{ flexGrow: w, animationDelay: (n * 55) + "ms" }} />; })}</div>)}
    </div>
  );
}
