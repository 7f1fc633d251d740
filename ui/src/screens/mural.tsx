import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { arrived, cursor, loadFeed, loadOlder, loaded, loading, MAX_LIVE, posts, scope, showWaiting, waiting, type Scope } from "../feed";
import { backToPlace } from "../focus";
import { t, type Key } from "../i18n/index";
import { showKeys, toggleView } from "../keys";
import { Icon } from "../parts/icons";
import { BackupCard, NearbyQuestion } from "../parts/cards";
import { Feed, Older, Wall } from "../parts/wall";
import { prefs } from "../prefs";
import { composing, me, nearby, owner } from "../state";
import { HowToOpen } from "./signin";
import { Dialog } from "../parts/dialog";

const scopes: { id: Scope; label: Key }[] = [{ id: "mural", label: "scope.mural" }, { id: "nearby", label: "scope.nearby" }, { id: "me", label: "scope.me" }];

export function Mural() {
  const list = prefs.value.view === "list";
  const all = posts.value;
  const shown = all.length > MAX_LIVE ? all.slice(all.length - MAX_LIVE) : all;
  useLayoutEffect(backToPlace, [list]);
  useEffect(() => () => { arrived.value = new Set(); }, []);
  return (
    <div class="page mural">
      <header class="page-head">
        <h1>{owner.value ? t("mural.title") : me.value?.person ? t("mural.title.guest", { name: me.value.person.name }) : t("mural.title.public")}</h1>
        <div class="page-tools">
          {owner.value && (
            <div class="segments" role="group" aria-label={t("scope.label")}>
              {scopes.map((s) => <button key={s.id} type="button" aria-pressed={scope.value === s.id} onClick={() => void loadFeed(s.id)}>{t(s.label)}</button>)}
            </div>
          )}
          <button type="button" class="icon-button view-toggle" aria-pressed={list} aria-label={t("view.list")} title={t(list ? "view.to.wall" : "view.to.list")} onClick={toggleView}><Icon name={list ? "wall" : "list"} /></button>
          <button type="button" class="icon-button keys-button" aria-label={t("keys.title")} title={t("keys.title")} onClick={() => { showKeys.value = true; }}><Icon name="help" /></button>
        </div>
      </header>
      {!owner.value && <GuestCard />}
      {owner.value && <div class="cards">{nearby.value?.choice === "ask" && <NearbyQuestion />}<BackupCard /></div>}
      {waiting.value.length > 0 && <button type="button" class="button button-main fresh" onClick={showWaiting}><Icon name="up" size={18} />{t("live.waiting", { n: waiting.value.length })}</button>}
      {shown.length > 0 ? (list ? <Feed posts={shown} busy={loading.value} label={t("mural.title")} /> : <Wall posts={shown} />) : loaded.value ? <Empty scope={scope.value} /> : <Skeleton />}
      {all.length > MAX_LIVE && <button type="button" class="button older" onClick={() => { posts.value = all.slice(0, MAX_LIVE); scrollTo(0, 0); }}>{t("mural.newest")}</button>}
      {cursor.value && shown.length > 0 && <Older more={() => void loadOlder()} busy={loading.value} />}
    </div>
  );
}

function GuestCard() {
  const [how, setHow] = useState(false);
  return (
    <section class="card guest-card" aria-label={t("guest.label")}>
      <p>{t("guest.sentence")}</p>
      <button type="button" class="button" onClick={() => setHow(true)}>{t("guest.mine")}</button>
      {how && <Dialog title={t("signin.title")} close={() => setHow(false)}><HowToOpen /></Dialog>}
    </section>
  );
}

/** An empty wall says what will be here and what makes it so. */
function Empty({ scope: s }: { scope: Scope }) {
  const off = s === "nearby" && nearby.value?.choice !== "on";
  return (
    <section class="empty">
      <div class="empty-wall" aria-hidden="true"><span /><span class="pg-1" /><span /><span /><span class="pg-2" /><span /></div>
      <h2>{t(off ? "empty.nearby.off" : (`empty.${s}` as Key))}</h2>
      <p>{t(off ? "empty.nearby.off.more" : owner.value ? (`empty.${s}.more` as Key) : "empty.guest.more")}</p>
      {owner.value && (
        <div class="empty-acts">
          {s !== "nearby" && <button type="button" class="button button-main" onClick={() => { composing.value = { kind: "new" }; }}><Icon name="brush" />{t("nav.new")}</button>}
          <a class="button" href="#/people"><Icon name="people" />{t("empty.find")}</a>
        </div>
      )}
    </section>
  );
}

export function Skeleton() {
  return <div class="skeleton" role="status"><span class="visually-hidden">{t("loading")}</span>{[180, 260, 140, 220, 200, 160].map((h, i) => <span key={i} style={{ height: h + "px" }} />)}</div>;
}
