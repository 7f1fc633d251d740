import { useId } from "preact/hooks";
import { bytes, t } from "../i18n/index";
import type { Piece } from "./composer";
import { Icon } from "./icons";
import { Voice } from "./voice";

interface Props { piece: Piece; alt: (text: string) => void; remove: () => void }

/** A file on its way into a post: what it looks like, how far it is, what was taken out, and a kind question for its description. */
export function Attachment({ piece: p, alt, remove }: Props) {
  const id = useId();
  const seen = /^(image|video)/.test(p.type);
  return (
    <li class="piece">
      <div class="piece-view">
        {p.type.startsWith("audio") ? <Voice media={{ url: p.media?.url || p.preview, waveform: p.media?.waveform ?? [], duration_ms: p.media?.duration_ms ?? 0, alt: "" }} label={p.name} />
          : p.type.startsWith("video") ? <video src={p.preview || p.media?.url} controls playsInline preload="metadata" aria-label={p.name} />
            : p.preview ? <img src={p.preview} alt="" /> : <span class="piece-file"><Icon name="file" />{p.name}</span>}
        <button type="button" class="icon-button piece-drop" aria-label={t("piece.remove", { name: p.name })} onClick={remove}><Icon name="close" size={18} /></button>
      </div>
      <div class="piece-side">
        {p.error ? <p class="error" role="alert"><strong>{p.error.message}</strong> {p.error.next}</p> : <State piece={p} />}
        {seen && !p.error && (
          <>
            <label class="piece-alt" for={id}>{t("piece.alt")}</label>
            <textarea id={id} rows={2} dir="auto" value={p.alt} placeholder={t("piece.alt.placeholder")} onInput={(e) => alt(e.currentTarget.value)} />
          </>
        )}
      </div>
    </li>
  );
}

function State({ piece: p }: { piece: Piece }) {
  if (!p.media) return <p class="piece-state"><progress max={1} value={p.part} aria-label={t("piece.sending", { name: p.name })} /> {p.part < 1 ? t("piece.sending", { name: p.name }) : t("piece.reading")}</p>;
  return (
    <p class="piece-state piece-ok" role="status">
      <Icon name="check" size={16} />
      <span>{bytes(p.media.size)}{p.media.stripped?.length > 0 && " · " + t("piece.stripped", { what: p.media.stripped.join(", ") })}</span>
    </p>
  );
}
