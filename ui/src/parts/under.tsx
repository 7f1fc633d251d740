import { t } from "../i18n/index";
import { pigmentClass } from "../pigment";
import type { Post } from "../types";
import { Avatar } from "./avatar";
import { sense } from "./media";
import { Voice } from "./voice";

/** The post that a layer or a reply is made on, lying beneath what is being written. */
export function Under({ post, reply }: { post: Post; reply?: boolean }) {
  const m = post.media?.find((x) => x.thumb || x.poster);
  const sound = post.media?.find((x) => sense(x) === "audio");
  return (
    <section class={`under ${pigmentClass(post.author.pubkey)}`} aria-label={t(reply ? "under.reply" : "under.pass", { name: post.author.name })}>
      <p class="under-head"><Avatar person={post.author} size={28} /><strong dir="auto">{post.author.name}</strong></p>
      {post.text && <p class="under-text" dir="auto">{post.title || post.text}</p>}
      {m && <img src={m.poster || m.thumb} alt={m.alt || t("media.noalt")} width={m.width || 640} height={m.height || 480} />}
      {sound && <Voice media={sound} label={post.author.name} />}
    </section>
  );
}
