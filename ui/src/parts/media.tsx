import { useEffect, useState } from "preact/hooks";
import { bytes, t } from "../i18n/index";
import { prefs } from "../prefs";
import type { Media, Post } from "../types";
import { Icon } from "./icons";
import { Voice } from "./voice";

/** Shapes beyond these are cropped on the wall, so that one panorama or one screenshot does not tear it. */
const WIDEST = 2.2, TALLEST = 0.68;

/** What a blob is to a person. A container for clips that holds no picture is sound: browsers record voice notes as such. */
export function sense(m: Pick<Media, "type" | "width" | "height" | "poster">): "image" | "video" | "audio" | "other" {
  const kind = m.type.split("/")[0];
  if (kind === "video" && !m.width && !m.height && !m.poster) return "audio";
  return kind === "image" || kind === "video" || kind === "audio" ? kind : "other";
}

export function shape(m: Media): number {
  const r = m.width && m.height ? m.width / m.height : 4 / 3;
  return Math.min(WIDEST, Math.max(TALLEST, r));
}

/** All media of a post: pictures as one tight group, then clips, then sound. whole shows pictures uncropped. */
export function MediaGroup({ post, whole }: { post: Post; whole?: boolean }) {
  const media = post.media ?? [];
  const pictures = media.filter((m) => sense(m) === "image");
  const rest = media.filter((m) => sense(m) !== "image");
  return (
    <>
      {pictures.length > 0 && (
        <div class={`pictures pictures-${whole ? 1 : Math.min(pictures.length, 4)}`}>
          {pictures.map((m) => <Picture key={m.sha256} m={m} whole={whole} single={pictures.length === 1} />)}
        </div>
      )}
      {rest.map((m) => sense(m) === "video" ? <Clip key={m.sha256} m={m} whole={whole} />
        : sense(m) === "audio" ? <Voice key={m.sha256} media={m} label={post.author.name} />
          : <a key={m.sha256} class="file-link" href={m.url} download><Icon name="file" />{m.alt || m.type} · {bytes(m.size)}</a>)}
    </>
  );
}

/** The key of the img changes when more of the blob has arrived, which makes the browser ask again. */
function Picture({ m, whole, single }: { m: Media; whole?: boolean; single?: boolean }) {
  const [failed, setFailed] = useState(false);
  useEffect(() => setFailed(false), [m.have, m.have_bytes]);
  const ratio = whole ? (m.width && m.height ? m.width / m.height : 4 / 3) : single ? shape(m) : 1;
  const big = whole && !prefs.value.saver;
  const src = !m.thumb || (big && m.type !== "image/heic") ? m.url : prefs.value.saver ? m.thumb.replace(/w=\d+/, "w=320") : m.thumb;
  return (
    <div class="picture" style={{ aspectRatio: String(ratio) }}>
      {failed || m.have === "none" ? <Coming m={m} /> : (
        <img key={m.have + m.have_bytes} src={src} alt={m.alt || t("media.noalt")} width={m.width || 640} height={m.height || 480} loading="lazy" decoding="async" onError={() => setFailed(true)} />
      )}
    </div>
  );
}

function Coming({ m }: { m: Media }) {
  return (
    <p class="coming" role="img" aria-label={m.alt || t("media.noalt")}>
      <Icon name="image" size={28} />
      <span>{m.have === "all" ? t("media.undrawable") : t("media.coming")}</span>
      {m.have === "some" && m.size > 0 && <progress max={m.size} value={m.have_bytes} aria-label={t("media.coming")} />}
    </p>
  );
}

function Clip({ m, whole }: { m: Media; whole?: boolean }) {
  const [failed, setFailed] = useState(false);
  useEffect(() => setFailed(false), [m.have, m.have_bytes]);
  const poster = m.poster || m.thumb || undefined;
  return (
    <div class="clip" style={{ aspectRatio: String(whole && m.width ? m.width / m.height : shape(m)) }}>
      <video key={m.have} src={m.url} poster={poster} controls playsInline preload={prefs.value.saver || poster ? "none" : "metadata"} width={m.width || 640} height={m.height || 360} aria-label={m.alt || t("media.clip")} onError={() => setFailed(true)} />
      {failed && <p class="media-note" role="status">{m.have === "all" ? t("media.unplayable") : t("media.coming")}</p>}
    </div>
  );
}
