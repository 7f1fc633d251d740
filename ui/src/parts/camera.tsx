import { useEffect, useRef, useState } from "preact/hooks";
import { length, t } from "../i18n/index";
import { Dialog } from "./dialog";
import { Icon } from "./icons";
import { stamp } from "./recorder";

interface Props { close: () => void; take: (f: File) => void }
interface Shot { file: File; url: string }

const CLIP_TYPES = ["video/mp4;codecs=avc1,mp4a.40.2", "video/webm;codecs=vp9,opus", "video/webm"];

/** Photo or clip from the camera, with a look at it before it goes anywhere. */
export function Camera({ close, take }: Props) {
  const view = useRef<HTMLVideoElement>(null);
  const stream = useRef<MediaStream | null>(null);
  const rec = useRef<MediaRecorder | null>(null);
  const [mode, setMode] = useState<"photo" | "clip">("photo");
  const [facing, setFacing] = useState<"environment" | "user">("environment");
  const [shot, setShot] = useState<Shot | null>(null);
  const [since, setSince] = useState(0);
  const [, redraw] = useState(0);
  const [refused, setRefused] = useState(false);

  useEffect(() => {
    if (shot) return;
    let gone = false;
    navigator.mediaDevices.getUserMedia({ video: { facingMode: facing, width: { ideal: 1920 } }, audio: mode === "clip" }).then((s) => {
      if (gone) return s.getTracks().forEach((x) => x.stop());
      stream.current = s;
      if (view.current) view.current.srcObject = s;
    }).catch(() => setRefused(true));
    return () => { gone = true; if (rec.current?.state === "recording") rec.current.stop(); stream.current?.getTracks().forEach((x) => x.stop()); };
  }, [mode, facing, shot]);
  useEffect(() => {
    if (!since) return;
    const i = setInterval(() => redraw((n) => n + 1), 500);
    return () => clearInterval(i);
  }, [since]);

  const photo = () => {
    const v = view.current!, c = document.createElement("canvas");
    c.width = v.videoWidth; c.height = v.videoHeight;
    c.getContext("2d")!.drawImage(v, 0, 0);
    c.toBlob((b) => { if (b) show(b, "photo-" + stamp() + ".jpg"); }, "image/jpeg", 0.9);
  };
  const show = (b: Blob, name: string) => { const file = new File([b], name, { type: b.type.split(";")[0] }); setShot({ file, url: URL.createObjectURL(file) }); };
  const start = () => {
    const type = CLIP_TYPES.find((x) => MediaRecorder.isTypeSupported(x));
    const r = new MediaRecorder(stream.current!, type ? { mimeType: type } : undefined), parts: Blob[] = [];
    r.ondataavailable = (e) => parts.push(e.data);
    r.onstop = () => { setSince(0); show(new Blob(parts, { type: r.mimeType }), "clip-" + stamp() + (r.mimeType.includes("mp4") ? ".mp4" : ".webm")); };
    r.start();
    rec.current = r;
    setSince(Date.now());
  };
  const again = () => { URL.revokeObjectURL(shot!.url); setShot(null); };

  return (
    <Dialog title={t("tool.camera")} close={close} wide>
      {refused ? <p class="error" role="alert">{t("camera.refused")}</p> : shot ? (
        <>
          <div class="viewfinder">{shot.file.type.startsWith("image") ? <img src={shot.url} alt={t("camera.taken")} /> : <video src={shot.url} controls playsInline aria-label={t("camera.taken")} />}</div>
          <div class="dialog-acts"><button type="button" class="button" onClick={again}>{t("retake")}</button><button type="button" class="button button-main" onClick={() => take(shot.file)}>{t("use")}</button></div>
        </>
      ) : (
        <>
          <div class="viewfinder"><video ref={view} autoplay playsInline muted aria-label={t("camera.view")} />{since > 0 && <span class="timer" role="timer">{length(Date.now() - since)}</span>}</div>
          <div class="shutter-row">
            <div class="segments" role="group" aria-label={t("camera.what")}>
              <button type="button" aria-pressed={mode === "photo"} disabled={since > 0} onClick={() => setMode("photo")}>{t("camera.photo")}</button>
              <button type="button" aria-pressed={mode === "clip"} disabled={since > 0} onClick={() => setMode("clip")}>{t("camera.clip")}</button>
            </div>
            <button type="button" class={since ? "shutter shutter-on" : "shutter"} aria-label={mode === "photo" ? t("camera.shoot") : since ? t("camera.stop") : t("camera.record")} onClick={mode === "photo" ? photo : since ? () => rec.current!.stop() : start} />
            <button type="button" class="icon-button" aria-label={t("camera.flip")} disabled={since > 0} onClick={() => setFacing(facing === "user" ? "environment" : "user")}><Icon name="flip" /></button>
          </div>
        </>
      )}
    </Dialog>
  );
}
