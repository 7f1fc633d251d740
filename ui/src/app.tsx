import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { waiting } from "./feed";
import { focusTitle } from "./focus";
import { t, type Key } from "./i18n/index";
import { Icon, Mark, type IconName } from "./parts/icons";
import { Avatar } from "./parts/avatar";
import { ComposeDialog, JoinDialog, KeysDialog } from "./parts/overlays";
import { personLink, route, type Route } from "./router";
import { composing, dismiss, dropped, me, notices, online, owner, peers, nearby, spoken, startError, welcoming } from "./state";
import { Mural } from "./screens/mural";
import { NodeScreen } from "./screens/node";
import { People } from "./screens/people";
import { PersonScreen } from "./screens/person";
import { PostScreen } from "./screens/post";
import { Settings } from "./screens/settings";
import { SignIn, Unreachable } from "./screens/signin";
import { Welcome } from "./screens/welcome";

/** The whole app: one of a few states, then the shell with a screen in it. */
export function App() {
  useDropAnywhere();
  useTitle();
  const m = me.value, bare = !m || m.owner && (!m.person || welcoming.value);
  const was = useRef(bare);
  useLayoutEffect(() => {
    if (was.current && !bare) focusTitle(); // the first minute is over, and what had the focus went with it
    was.current = bare;
  }, [bare]);
  if (!m) return <Bare>{startError.value && startError.value.status === 0 ? <Unreachable /> : startError.value ? <SignIn /> : null}</Bare>;
  if (bare) return <Bare><Welcome /></Bare>;
  return (
    <div class="shell">
      <button type="button" class="skip" onClick={() => { const h = document.querySelector<HTMLElement>("main")!; h.focus(); }}>{t("skip")}</button>
      <Bar />
      <main tabIndex={-1}>
        {!online.value && <p class="offline" role="status"><Icon name="wifi" size={18} />{t("live.lost")}</p>}
        <Screen route={route.value} />
      </main>
      <Overlays />
    </div>
  );
}

function Bare({ children }: { children: preact.ComponentChildren }) {
  return <div class="bare"><main tabIndex={-1}>{children}</main><Overlays /></div>;
}

function Screen({ route: r }: { route: Route }) {
  switch (r.name) {
    case "post": return <PostScreen key={r.id} id={r.id} />;
    case "person": return <PersonScreen key={r.id} id={r.id} />;
    case "people": return <People />;
    case "node": return owner.value ? <NodeScreen /> : <Mural />;
    case "settings": return <Settings />;
    default: return <Mural />;
  }
}

const places: { name: Route["name"]; icon: IconName; label: Key; ownerOnly?: boolean }[] = [
  { name: "mural", icon: "wall", label: "nav.mural" },
  { name: "people", icon: "people", label: "nav.people" },
  { name: "node", icon: "node", label: "nav.node", ownerOnly: true },
  { name: "settings", icon: "settings", label: "nav.settings" },
];

function Bar() {
  const here = route.value.name;
  const around = [...peers.value.values()].filter((p) => p.nearby && p.connected && !p.person?.following).length;
  return (
    <header class="bar">
      <a class="brand" href="#/"><Mark /><span>mural</span><span class="visually-hidden">, {t("nav.home")}</span></a>
      <nav class="nav" aria-label={t("nav.label")}>
        {places.filter((p) => owner.value || !p.ownerOnly).map((p) => (
          <a key={p.name} class="nav-item" href={p.name === "mural" ? "#/" : "#/" + p.name} aria-current={here === p.name ? "page" : undefined}>
            <span class="nav-icon"><Icon name={p.icon} size={22} />{p.name === "people" && around > 0 && nearby.value?.choice === "on" && <span class="nav-dot" />}</span>
            <span class="nav-text">{t(p.label)}</span>
          </a>
        ))}
      </nav>
      {owner.value && (
        <>
          <button type="button" class="button button-main compose" onClick={() => { composing.value = { kind: "new" }; }}><Icon name="brush" /><span>{t("nav.new")}</span></button>
          {me.value?.person && <a class="bar-me" href={personLink(me.value.person.npub)} aria-label={t("nav.me")}><Avatar person={me.value.person} size={36} /></a>}
        </>
      )}
    </header>
  );
}

function Overlays() {
  return (
    <>
      <ComposeDialog /><JoinDialog /><KeysDialog />
      <div class="notices" role="region" aria-label={t("notices.label")}>
        {notices.value.map((n) => (
          <div key={n.id} class={n.bad ? "notice notice-bad" : "notice"} role={n.bad ? "alert" : "status"}>
            <p>{n.text}{n.next && <span class="notice-next">{n.next}</span>}</p>
            {n.act && <button type="button" class="button" onClick={() => { n.act!.run(); dismiss(n.id); }}>{n.act.label}</button>}
            <button type="button" class="icon-button" aria-label={t("close")} onClick={() => dismiss(n.id)}><Icon name="close" size={18} /></button>
          </div>
        ))}
      </div>
      <p class="visually-hidden" aria-live="polite">{spoken.value}</p>
    </>
  );
}

/** A file dropped anywhere opens the composer with it. */
function useDropAnywhere(): void {
  useEffect(() => {
    const over = (e: DragEvent) => { if (owner.value && e.dataTransfer?.types.includes("Files")) e.preventDefault(); };
    const drop = (e: DragEvent) => {
      const files = e.dataTransfer?.files;
      if (!owner.value || !files?.length || e.defaultPrevented) return;
      e.preventDefault();
      dropped.value = [...files];
      if (!composing.value) composing.value = { kind: "new" };
    };
    addEventListener("dragover", over);
    addEventListener("drop", drop);
    return () => { removeEventListener("dragover", over); removeEventListener("drop", drop); };
  }, []);
}

function useTitle(): void {
  const r = route.value, n = waiting.value.length;
  const titles: Partial<Record<Route["name"], Key>> = { people: "nav.people", node: "nav.node", settings: "nav.settings", post: "title.post", person: "title.person" };
  const key = titles[r.name];
  const text = (n ? `(${n}) ` : "") + (key ? t(key) + " · mural" : "mural");
  useEffect(() => { document.title = text; }, [text]);
}
