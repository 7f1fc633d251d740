import { useRef, useState } from "preact/hooks";
import { length, t } from "../i18n/index";
import type { Media } from "../types";
import { Icon } from "./icons";

const BARS = 56;

/** Levels 0..100 brought to the number of bars that fit; a flat line where the node could not read the sound. */
export function bars(levels: number[], n = BARS): number[] {
  if (!levels?.length) return Array.from({ length: n }, (_, i) => 22 + 12 * Math.sin(i * 0.9) * Math.sin(i * 0.23));
  return Array.from({ length: n }, (_, i) => {
    const from = Math.floor(i * levels.length / n), to = Math.max(from + 1, Math.floor((i + 1) * levels.length / n));
    return Math.max(...levels.slice(from, to));
  });
}

export function Wave({ levels, part, n = BARS }: { levels: number[]; part: number; n?: number }) {
  return (
    <svg class="wave" viewBox={`0 0 ${n * 4} 40`} preserveAspectRatio="none" aria-hidden="true">
      {bars(levels, n).map((v, i) => {
        const h = Math.max(3, v * 0.38);
        return <rect key={i} class={i / n < part ? "wave-on" : "wave-off"} x={i * 4 + 0.7} y={20 - h / 2} width="2.6" height={h} rx="1.3" />;
      })}
    </svg>
  );
}

/** A voice note: one button, its shape, and a slider over the shape for mouse, touch and keys. */
export function Voice({ media, label }: { media: Pick<Media, "url" | "waveform" | "duration_ms" | "alt">; label: string }) {
  const audio = useRef<HTMLAudioElement>(null);
  const [playing, setPlaying] = useState(false);
  const [at, setAt] = useState(0);
  const [total, setTotal] = useState(media.duration_ms / 1000);
  const [failed, setFailed] = useState(false);
  const toggle = () => {
    const a = audio.current!;
    if (!a.paused) return a.pause();
    document.querySelectorAll("audio,video").forEach((m) => { if (m !== a) (m as HTMLMediaElement).pause(); });
    a.play().catch(() => setFailed(true));
  };
  const seek = (v: number) => { audio.current!.currentTime = v; setAt(v); };
  return (
    <div class="voice">
      <audio ref={audio} src={media.url} preload="none" onPlay={() => setPlaying(true)} onPause={() => setPlaying(false)} onEnded={() => setAt(0)}
        onTimeUpdate={(e) => setAt(e.currentTarget.currentTime)} onError={() => setFailed(true)}
        onDurationChange={(e) => { const d = e.currentTarget.duration; if (Number.isFinite(d)) setTotal(d); }} />
      <button type="button" class="voice-play" aria-label={playing ? t("voice.pause", { label }) : t("voice.play", { label })} onClick={toggle}><Icon name={playing ? "pause" : "play"} size={22} /></button>
      <div class="voice-track">
        <Wave levels={media.waveform} part={total ? at / total : 0} />
        <input type="range" min="0" max={Math.max(total, 0.1)} step="0.1" value={at} aria-label={t("voice.seek")} aria-valuetext={length(at * 1000)} onInput={(e) => seek(Number(e.currentTarget.value))} />
      </div>
      <span class="voice-time">{length((at || total) * 1000)}</span>
      {failed && <p class="media-note" role="status">{t("media.unplayable")}</p>}
    </div>
  );
}
