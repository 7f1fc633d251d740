import { t, type Key } from "../i18n/index";
import { pigmentClass } from "../pigment";
import { go, postLink } from "../router";
import type { Lineage, Missing, Post } from "../types";
import { Avatar } from "./avatar";
import { operationName } from "./stroke";

type Node = Post | Missing;
interface Branch { node: Node; operation: string; below: Branch[] }
interface Place { branch: Branch; x: number; y: number; up: Place | null }

const WIDTH = 134, HEIGHT = 62, ACROSS = 20, DOWN = 14; // px of the drawing
const DEEPEST = 12;

const isMissing = (n: Node): n is Missing => "missing" in n;

/** The graph as trees that grow from the originals; a post made from two originals hangs under the first and is named under the second. */
export function branches(l: Lineage): Branch[] {
  const nodes = new Map((l.nodes ?? []).map((n) => [n.id, n]));
  const edges = (l.edges ?? []).filter((e) => nodes.has(e.from) && nodes.has(e.to));
  const made = new Set(edges.map((e) => e.from));
  const seen = new Set<string>();
  const grow = (id: string, operation: string, depth: number): Branch => {
    const first = !seen.has(id);
    seen.add(id);
    return { node: nodes.get(id)!, operation, below: first && depth < DEEPEST ? edges.filter((e) => e.to === id).map((e) => grow(e.from, e.operation, depth + 1)) : [] };
  };
  return [...nodes.keys()].filter((id) => !made.has(id)).map((id) => grow(id, "", 0));
}

function excerpt(n: Node): string {
  if (isMissing(n)) return t("lineage.missing");
  return n.title || n.text || n.media?.[0]?.alt || t(("form." + (n.form === "other" ? "text" : n.form)) as Key);
}

export function LineageTree({ lineage, here }: { lineage: Lineage; here: string }) {
  const trees = branches(lineage);
  if ((lineage.nodes ?? []).length < 2) return <p class="hint">{t("lineage.alone")}</p>;
  return (
    <>
      <Drawing trees={trees} here={here} />
      <ol class="lineage-list">{trees.map((b) => <Item key={b.node.id} b={b} here={here} />)}</ol>
    </>
  );
}

function Item({ b, here }: { b: Branch; here: string }) {
  const n = b.node;
  return (
    <li>
      {isMissing(n) ? <span class="lineage-row lineage-gone">{t("lineage.missing")}</span> : (
        <a class="lineage-row" href={postLink(n.id)} aria-current={n.id === here ? "true" : undefined}>
          <Avatar person={n.author} size={28} />
          <span><strong dir="auto">{n.author.name}</strong> <em>{b.operation ? operationName(b.operation) : t("lineage.original")}</em><br /><span class="lineage-text" dir="auto">{excerpt(n)}</span></span>
        </a>
      )}
      {b.below.length > 0 && <ol>{b.below.map((x) => <Item key={x.node.id} b={x} here={here} />)}</ol>}
    </li>
  );
}

function place(trees: Branch[]): Place[] {
  const out: Place[] = [];
  let row = 0;
  const put = (b: Branch, x: number, up: Place | null): Place => {
    const p: Place = { branch: b, x, y: 0, up };
    out.push(p);
    const kids = b.below.map((k) => put(k, x + 1, p));
    p.y = kids.length ? (kids[0].y + kids[kids.length - 1].y) / 2 : row++;
    return p;
  };
  trees.forEach((b) => put(b, 0, null));
  return out;
}

/** The same as the list below it, as a picture: originals at the start, layers towards the end. Hidden from screen readers, which have the list. */
function Drawing({ trees, here }: { trees: Branch[]; here: string }) {
  const all = place(trees);
  const w = (Math.max(...all.map((p) => p.x)) + 1) * (WIDTH + ACROSS) - ACROSS, h = (Math.max(...all.map((p) => p.y)) + 1) * (HEIGHT + DOWN) - DOWN;
  const left = (p: Place) => p.x * (WIDTH + ACROSS), middle = (p: Place) => p.y * (HEIGHT + DOWN) + HEIGHT / 2;
  return (
    <div class="tree-scroll" aria-hidden="true">
      <div class="tree" style={{ width: w + "px", height: h + "px" }}>
        <svg class="tree-lines" viewBox={`0 0 ${w} ${h}`} width={w} height={h}>
          {all.filter((p) => p.up).map((p, i) => { const x1 = left(p.up!) + WIDTH, x2 = left(p); return <path key={i} d={`M${x1} ${middle(p.up!)}C${(x1 + x2) / 2} ${middle(p.up!)} ${(x1 + x2) / 2} ${middle(p)} ${x2} ${middle(p)}`} />; })}
        </svg>
        {all.map((p, i) => {
          const n = p.branch.node;
          return (
            <div key={i} class={`tree-node ${isMissing(n) ? "tree-missing" : pigmentClass(n.author.pubkey)}${n.id === here ? " tree-here" : ""}`}
              style={{ insetInlineStart: left(p) + "px", top: middle(p) - HEIGHT / 2 + "px", width: WIDTH + "px", height: HEIGHT + "px" }} onClick={() => { if (!isMissing(n)) go(postLink(n.id)); }}>
              <span class="tree-name"><span>{isMissing(n) ? t("lineage.missing") : n.author.name}</span></span>
              {!isMissing(n) && <span class="tree-text">{p.branch.operation ? operationName(p.branch.operation) : t("lineage.original")}</span>}
            </div>
          );
        })}
      </div>
    </div>
  );
}
