import { useEffect, useId, useRef, useState } from "preact/hooks";
import { t } from "../i18n/index";
import { Icon, type IconName } from "./icons";

export interface Item { icon: IconName; label: string; run: () => void; danger?: boolean }

/** The "more" button with its menu: arrows move, Escape closes and gives the focus back. */
export function Menu({ items, label }: { items: Item[]; label: string }) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();
  useEffect(() => {
    if (!open) return;
    entries()[0]?.focus();
    const outside = (e: Event) => { if (!box.current?.contains(e.target as Node)) setOpen(false); };
    addEventListener("pointerdown", outside);
    return () => removeEventListener("pointerdown", outside);
  }, [open]);
  const entries = () => [...(box.current?.querySelectorAll<HTMLElement>("[role=menuitem]") ?? [])];
  const shut = () => { setOpen(false); button.current?.focus(); };
  const keys = (e: KeyboardEvent) => {
    const all = entries(), i = all.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: i + 1, ArrowUp: i - 1, Home: 0, End: all.length - 1 }[e.key];
    if (e.key === "Escape") shut();
    else if (e.key === "Tab") setOpen(false);
    else if (to !== undefined) all[(to + all.length) % all.length]?.focus();
    else return;
    if (e.key !== "Tab") e.preventDefault();
    e.stopPropagation();
  };
  return (
    <div class="menu" ref={box} onKeyDown={open ? keys : undefined}>
      <button ref={button} type="button" class="icon-button" aria-haspopup="menu" aria-expanded={open} aria-controls={open ? id : undefined} aria-label={label} title={t("more")} onClick={() => setOpen(!open)}><Icon name="more" /></button>
      {open && (
        <div class="menu-box" role="menu" id={id} aria-label={label}>
          {items.map((it) => (
            <button key={it.label} type="button" role="menuitem" tabIndex={-1} class={it.danger ? "menu-item danger" : "menu-item"} onClick={() => { shut(); it.run(); }}>
              <Icon name={it.icon} size={18} />{it.label}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
