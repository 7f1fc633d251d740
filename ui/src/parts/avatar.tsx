import { useState } from "preact/hooks";
import { grain, PIGMENTS, pigment } from "../pigment";
import type { PersonShort } from "../types";

type Face = Pick<PersonShort, "pubkey" | "picture">;

/** A person's picture, or strokes of paint that only this key makes. Always beside the name, so without an alternative text of its own. */
export function Avatar({ person, size = 40 }: { person: Face; size?: number }) {
  const [broken, setBroken] = useState("");
  if (!person.picture || broken === person.picture) return <Painted id={person.pubkey} size={size} />;
  return <img class="avatar" src={`/api/thumb/${person.picture}?w=320`} width={size} height={size} alt="" loading="lazy" decoding="async" onError={() => setBroken(person.picture)} />;
}

function Painted({ id, size }: { id: string; size: number }) {
  const base = pigment(id);
  const other = (i: number) => (base + 2 + (grain(id, i) % (PIGMENTS - 3))) % PIGMENTS;
  const turn = grain(id, 4) * 1.4;
  return (
    <svg class="avatar" width={size} height={size} viewBox="0 0 40 40" aria-hidden="true">
      <rect class={"pg-" + base} width="40" height="40" />
      <g transform={`rotate(${turn} 20 20)`}>
        <rect class={"pg-" + other(5)} x={-6 + grain(id, 6) % 14} y={3 + grain(id, 7) % 9} width="34" height="10" rx="5" />
        <rect class={"pg-" + other(8)} x={2 + grain(id, 9) % 16} y={18 + grain(id, 10) % 6} width="30" height="8" rx="4" opacity=".92" />
        <circle class={"pg-" + other(11)} cx={8 + grain(id, 12) % 24} cy={31 + grain(id, 13) % 5} r={3 + grain(id, 14) % 4} />
      </g>
    </svg>
  );
}
