import { useEffect, useRef, useState } from "preact/hooks";
import { asApiError, importFile, post as send, type ApiError, type Upload } from "../api";
import { countMine, receive } from "../feed";
import { number, t, type Key } from "../i18n/index";
import { recall, remember } from "../prefs";
import { dropped, me, say, spoken, type Compose } from "../state";
import type { Draft, Imported, Operation, Post } from "../types";
import { Attachment } from "./attachment";
import { Camera } from "./camera";
import { Icon } from "./icons";
import { sense } from "./media";
import { Recorder } from "./recorder";
import { Under } from "./under";

export interface Piece { key: string; name: string; type: string; preview: string; part: number; media: Imported | null; alt: string; error: ApiError | null; upload: Upload | null }

interface Saved { text: string; warning: string; warned: boolean; pieces: { name: string; type: string; media: Imported; alt: string }[] }

const CAN_RECORD = () => window.isSecureContext && !!navigator.mediaDevices?.getUserMedia && "MediaRecorder" in window;

/** What a layer does, read from what the person put on top: nobody is asked to choose an operation. */
export function operationOf(pieces: Pick<Piece, "type">[]): Operation {
  if (pieces.some((p) => p.type.startsWith("audio"))) return "voice-over";
  return pieces.some((p) => /^(image|video)/.test(p.type)) ? "annotate" : "quote";
}

function target(c: Compose): string {
  return c.kind === "new" ? "new" : c.kind === "pass" ? "pass-" + c.of.id : "reply-" + c.to.id;
}

function useDraft(c: Compose) {
  const name = "mural.draft." + target(c);
  const saved = useRef(recall<Saved>(name)).current;
  const [text, setText] = useState(saved?.text ?? "");
  const [warned, setWarned] = useState(saved?.warned ?? false);
  const [warning, setWarning] = useState(saved?.warning ?? "");
  const [pieces, setPieces] = useState<Piece[]>(saved?.pieces.map((p) => ({ ...p, key: p.media.sha256, preview: p.media.thumb || (p.media.type.startsWith("image") ? p.media.url : ""), part: 1, error: null, upload: null })) ?? []);
  const done = useRef(false);
  useEffect(() => {
    if (done.current) return;
    const kept = pieces.filter((p) => p.media).map((p) => ({ name: p.name, type: p.type, media: p.media!, alt: p.alt }));
    remember(name, text || warning || kept.length ? { text, warning, warned, pieces: kept } : null);
  }, [text, warning, warned, pieces]);
  const forget = () => { done.current = true; remember(name, null); };
  return { text, setText, warned, setWarned, warning, setWarning, pieces, setPieces, forget };
}

interface Props { compose: Compose; done: (p: Post) => void; prompt?: string; first?: boolean }

/** Where every post, layer and reply is made: words, files, camera, microphone, drop and paste. */
export function Composer({ compose, done, prompt, first }: Props) {
  const d = useDraft(compose);
  const [tool, setTool] = useState<"" | "camera" | "mic">("");
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<ApiError | null>(null);
  const [over, setOver] = useState(false);
  const words = useRef<HTMLTextAreaElement>(null);
  const pick = useRef<HTMLInputElement>(null), shoot = useRef<HTMLInputElement>(null), speak = useRef<HTMLInputElement>(null);

  const change = (key: string, to: Partial<Piece>) => d.setPieces((all) => all.map((p) => p.key === key ? { ...p, ...to } : p));
  const add = (files: Iterable<File>) => { for (const f of files) addOne(f); };
  const addOne = (f: File) => {
    const key = Math.random().toString(36).slice(2);
    const upload = importFile(f, f.name, (part) => change(key, { part }));
    const preview = /^(image|video|audio)/.test(f.type) ? URL.createObjectURL(f) : "";
    d.setPieces((all) => [...all, { key, name: f.name, type: f.type || "application/octet-stream", preview, part: 0, media: null, alt: "", error: null, upload }]);
    upload.done.then((media) => {
      change(key, { media, type: sense(media) === "audio" ? f.type.replace("video/", "audio/") : media.type, part: 1, upload: null });
      if (media.stripped?.length) spoken.value = t("piece.stripped", { what: media.stripped.join(", ") });
    }).catch((e) => change(key, { error: asApiError(e), upload: null }));
  };
  const drop = (p: Piece) => {
    p.upload?.abort();
    if (p.preview.startsWith("blob:")) URL.revokeObjectURL(p.preview);
    d.setPieces((all) => all.filter((q) => q.key !== p.key));
  };
  useEffect(() => { if (first) words.current!.focus(); }, []); // a page honours autofocus once, and the name had it
  useEffect(() => {
    if (compose.kind === "new" && dropped.value.length) { add(dropped.value); dropped.value = []; }
  }, [dropped.value]);

  const pending = d.pieces.some((p) => p.upload);
  const limit = me.value?.limits.max_text_bytes ?? 65536;
  const size = new TextEncoder().encode(d.text).length;
  const empty = !d.text.trim() && !d.pieces.some((p) => p.media);
  const ready = !empty && !pending && !busy && size <= limit;
  const operation = operationOf(d.pieces);

  const submit = async () => {
    if (!ready) return;
    setBusy(true);
    setFailed(null);
    const body: Draft = {
      text: d.text.trim(), warning: d.warned ? d.warning.trim() || t("warning.default") : "",
      media: d.pieces.filter((p) => p.media).map((p) => ({ sha256: p.media!.sha256, alt: p.alt.trim() })),
      pass: compose.kind === "pass" ? { id: compose.of.id, operation } : null,
      reply: compose.kind === "reply" ? { id: compose.to.id } : null,
    };
    try {
      const made = await send<Post>("posts", body);
      d.forget();
      countMine(1);
      receive(made);
      say(t(compose.kind === "reply" ? "composer.sent.reply" : compose.kind === "pass" ? "composer.sent.layer" : "composer.sent"));
      done(made);
    } catch (e) { setFailed(asApiError(e)); setBusy(false); }
  };

  return (
    <form class={over ? "composer composer-over" : "composer"} onSubmit={(e) => { e.preventDefault(); void submit(); }}
      onKeyDown={(e) => { if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) { e.preventDefault(); void submit(); } }}
      onDragOver={(e) => { e.preventDefault(); setOver(true); }} onDragLeave={() => setOver(false)}
      onDrop={(e) => { e.preventDefault(); e.stopPropagation(); setOver(false); add(e.dataTransfer?.files ?? []); }}
      onPaste={(e) => { const f = e.clipboardData?.files; if (f?.length) { e.preventDefault(); add(f); } }}>
      {compose.kind === "pass" && <p class="op-label"><Icon name="layers" size={18} />{t("pass.kind", { op: t(("op." + operation) as Key) })}</p>}
      <label class="visually-hidden" for="composer-text">{t("composer.words")}</label>
      <textarea ref={words} id="composer-text" class="composer-text" dir="auto" rows={first ? 4 : 3} autofocus value={d.text} placeholder={prompt ?? t(compose.kind === "pass" ? "pass.prompt" : compose.kind === "reply" ? "reply.prompt" : "composer.prompt")} onInput={(e) => d.setText(e.currentTarget.value)} />
      {size > limit * 0.9 && <p class="hint" role="status">{t("composer.room", { n: number(limit - size) })}</p>}
      {d.pieces.length > 0 && <ul class="pieces">{d.pieces.map((p) => <Attachment key={p.key} piece={p} alt={(alt) => change(p.key, { alt })} remove={() => drop(p)} />)}</ul>}
      {compose.kind !== "new" && <Under post={compose.kind === "pass" ? compose.of : compose.to} reply={compose.kind === "reply"} />}
      {d.warned && <label class="field"><span>{t("warning.label")}</span><input type="text" dir="auto" value={d.warning} placeholder={t("warning.placeholder")} onInput={(e) => d.setWarning(e.currentTarget.value)} /></label>}
      {failed && <p class="error" role="alert"><strong>{failed.message}</strong> {failed.next}</p>}
      <div class="tools">
        <button type="button" class="tool" onClick={() => pick.current!.click()}><Icon name="image" /><span>{t("tool.file")}</span></button>
        <button type="button" class="tool" onClick={() => CAN_RECORD() ? setTool("camera") : shoot.current!.click()}><Icon name="camera" /><span>{t("tool.camera")}</span></button>
        <button type="button" class="tool" onClick={() => CAN_RECORD() ? setTool("mic") : speak.current!.click()}><Icon name="mic" /><span>{t("tool.voice")}</span></button>
        <button type="button" class="tool" aria-pressed={d.warned} onClick={() => d.setWarned(!d.warned)}><Icon name="warn" /><span>{t("tool.warning")}</span></button>
        <button type="submit" class="button button-main send" disabled={!ready}>{busy ? t("composer.sending") : t(compose.kind === "pass" ? "composer.send.layer" : compose.kind === "reply" ? "composer.send.reply" : "composer.send")}</button>
      </div>
      <input ref={pick} type="file" hidden multiple accept="image/*,video/*,audio/*" aria-label={t("tool.file")} onChange={(e) => { add(e.currentTarget.files ?? []); e.currentTarget.value = ""; }} />
      <input ref={shoot} type="file" hidden accept="image/*,video/*" capture="environment" aria-label={t("tool.camera")} onChange={(e) => { add(e.currentTarget.files ?? []); e.currentTarget.value = ""; }} />
      <input ref={speak} type="file" hidden accept="audio/*" capture="user" aria-label={t("tool.voice")} onChange={(e) => { add(e.currentTarget.files ?? []); e.currentTarget.value = ""; }} />
      {tool === "camera" && <Camera close={() => setTool("")} take={(f) => { setTool(""); addOne(f); }} />}
      {tool === "mic" && <Recorder close={() => setTool("")} take={(f) => { setTool(""); addOne(f); }} />}
    </form>
  );
}
