import { useEffect, useRef, useState } from "preact/hooks";
import { length, t } from "../i18n/index";
import { Dialog } from "./dialog";
import { Icon } from "./icons";
import { Voice } from "./voice";

const LEVELS = 44;
const VOICE_TYPES = ["audio/webm;codecs=opus", "audio/ogg;codecs=opus", "audio/mp4"]; // Safari has only the last

/** 20261122-140233: a file name that sorts. */
export const stamp = () => new Date().toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", "-");

interface Taken { file: File; url: string; levels: number[]; ms: number }

/** A voice note from the microphone: live level, pause, listen, take again. */
export function Recorder({ close, take }: { close: () => void; take: (f: File) => void }) {
  const [state, setState] = useState<"idle" | "on" | "paused">("idle");
  const [taken, setTaken] = useState<Taken | null>(null);
  const [levels, setLevels] = useState<number[]>([]);
  const [ms, setMs] = useState(0);
  const [refused, setRefused] = useState(false);
  const rig = useRef<{ rec: MediaRecorder; stop: () => void } | null>(null);
  const all = useRef<number[]>([]), spent = useRef(0);
  useEffect(() => () => rig.current?.stop(), []);

  const start = async () => {
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
      all.current = []; spent.current = 0;
      const ctx = new AudioContext(), ear = ctx.createAnalyser(), wave = new Uint8Array(512);
      ear.fftSize = 512;
      ctx.createMediaStreamSource(stream).connect(ear);
      const rec = new MediaRecorder(stream, { mimeType: VOICE_TYPES.find((x) => MediaRecorder.isTypeSupported(x)) }), parts: Blob[] = [];
      const beat = setInterval(() => {
        if (rec.state !== "recording") return;
        ear.getByteTimeDomainData(wave);
        all.current.push(Math.min(100, Math.max(...wave.map((v) => Math.abs(v - 128))) * 1.4));
        spent.current += 80;
        setLevels(all.current.slice(-LEVELS));
        setMs(spent.current);
      }, 80);
      const stop = () => { clearInterval(beat); stream.getTracks().forEach((x) => x.stop()); void ctx.close(); rig.current = null; };
      rec.ondataavailable = (e) => parts.push(e.data);
      rec.onstop = () => {
        if (!rig.current) return; // the dialog was closed
        stop();
        const type = rec.mimeType.split(";")[0];
        const file = new File(parts, "voice-" + stamp() + (type.includes("mp4") ? ".m4a" : type.includes("ogg") ? ".ogg" : ".webm"), { type });
        setTaken({ file, url: URL.createObjectURL(file), levels: all.current, ms: spent.current });
        setState("idle");
      };
      rec.start();
      rig.current = { rec, stop };
      setState("on");
    } catch { setRefused(true); }
  };
  const pause = () => { const r = rig.current!.rec; if (state === "on") { r.pause(); setState("paused"); } else { r.resume(); setState("on"); } };
  const again = () => { URL.revokeObjectURL(taken!.url); setTaken(null); setLevels([]); setMs(0); };

  return (
    <Dialog title={t("tool.voice")} close={close}>
      {refused && <p class="error" role="alert">{t("mic.refused")}</p>}
      {taken ? (
        <>
          <Voice media={{ url: taken.url, waveform: taken.levels, duration_ms: taken.ms, alt: "" }} label={t("mic.yours")} />
          <div class="dialog-acts"><button type="button" class="button" onClick={again}>{t("retake")}</button><button type="button" class="button button-main" onClick={() => take(taken.file)}>{t("use")}</button></div>
        </>
      ) : (
        <div class="recorder">
          <div class="levels" aria-hidden="true">{Array.from({ length: LEVELS }, (_, i) => <span key={i} style={{ transform: `scaleY(${Math.max(0.04, (levels[levels.length - LEVELS + i] ?? 0) / 100)})` }} />)}</div>
          <p class="timer-big" role="timer">{length(ms)}</p>
          <p class="hint">{t(state === "idle" ? "mic.start" : state === "on" ? "mic.on" : "mic.paused")}</p>
          <div class="shutter-row">
            <button type="button" class="icon-button" disabled={state === "idle"} aria-label={state === "paused" ? t("mic.resume") : t("mic.pause")} onClick={pause}><Icon name={state === "paused" ? "play" : "pause"} /></button>
            <button type="button" class={state === "idle" ? "shutter" : "shutter shutter-on"} aria-label={state === "idle" ? t("mic.record") : t("mic.done")} onClick={() => state === "idle" ? void start() : rig.current!.rec.stop()} />
            <span class="spacer-44" />
          </div>
        </div>
      )}
    </Dialog>
  );
}
