import { useEffect, useRef, useState } from "preact/hooks";
import { lost, focusTitle } from "../focus";
import { home } from "../router";
import { asApiError, get, type ApiError } from "../api";
import { t } from "../i18n/index";
import { KeptDetails, RoadDetails } from "../parts/kept";
import { LineageTree } from "../parts/lineage";
import { Icon } from "../parts/icons";
import { Stroke } from "../parts/stroke";
import { changed, composing, owner } from "../state";
import type { PostPage } from "../types";
import { Skeleton } from "./mural";

/** A post with everything known about it: what it was made from, what was made from it, who spoke to it, who keeps it, how it came. */
export function PostScreen({ id }: { id: string }) {
  const [page, setPage] = useState<PostPage | null>(null);
  const [failed, setFailed] = useState<ApiError | null>(null);
  const asked = useRef(0);
  const load = async () => {
    const n = ++asked.current; // of two readings the later one counts
    try {
      const p = await get<PostPage>("posts/" + id);
      if (n === asked.current) { setPage(p); setFailed(null); }
    } catch (e) {
      const err = asApiError(e);
      if (n === asked.current && (!page || err.status === 404)) setFailed(err); // a node that is away takes nothing off the screen
    }
  };
  useEffect(() => { void load(); }, [id]);
  const start = useRef(changed.peek()?.n).current; // what was told before this page was read
  const c = changed.value, mine = page && c && c.n !== start && concerns(page, c.id) ? c.n : 0;
  useEffect(() => { if (mine) void load(); }, [mine]);
  useEffect(() => { if (page && !composing.value) void load(); }, [composing.value === null]);
  if (failed) return <Failed error={failed} />;
  if (!page) return <div class="page"><Skeleton /></div>;
  const p = page.post;
  return (
    <div class="page post-page">
      <p class="back"><a href="#/" onClick={(e) => { if (e.ctrlKey || e.metaKey || e.shiftKey) return; e.preventDefault(); home(); }}><Icon name="back" size={18} />{t("back.mural")}</a></p>
      <h1 class="visually-hidden">{t("post.title", { name: p.author.name })}</h1>
      <div class="post-grid">
        <div class="post-main">
          <Stroke post={p} whole />
          <section class="panel" aria-labelledby="comments-title">
            <h2 id="comments-title">{page.comments?.length ? t("comments.title", { n: page.comments.length }) : t("comments.heading")}</h2>
            {page.comments?.length ? <div class="comments">{page.comments.map((x) => <Stroke key={x.id} post={x} />)}</div> : <p class="hint">{t("comments.none")}</p>}
            {owner.value && <button type="button" class="button" onClick={() => { composing.value = { kind: "reply", to: p }; }}><Icon name="reply" />{t("act.reply")}</button>}
          </section>
        </div>
        <aside class="post-side" aria-label={t("post.about")}>
          <section class="panel" aria-labelledby="lineage-title"><h2 id="lineage-title">{t("lineage.title")}</h2><LineageTree lineage={page.lineage} here={p.id} /></section>
          {p.kept && <section class="panel" aria-labelledby="kept-title"><h2 id="kept-title">{t("kept.title")}</h2><KeptDetails post={p} /></section>}
          <section class="panel" aria-labelledby="road-title"><h2 id="road-title">{t("road.title")}</h2><RoadDetails post={p} /></section>
        </aside>
      </div>
    </div>
  );
}

function concerns(page: PostPage, id: string): boolean {
  return id === "" || page.post.id === id || page.comments?.some((x) => x.id === id) || page.lineage.nodes.some((x) => x.id === id);
}

export function Failed({ error }: { error: ApiError }) {
  useEffect(() => { if (lost()) focusTitle(); }, []);
  return (
    <div class="page">
      <section class="empty" role="alert">
        <div class="empty-wall" aria-hidden="true"><span /><span /><span /><span /><span /><span /></div>
        <h1>{error.message}</h1><p>{error.next}</p>
        <div class="empty-acts"><a class="button button-main" href="#/">{t("back.mural")}</a></div>
      </section>
    </div>
  );
}
