import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { holdFocus } from "../focus";
import { t } from "../i18n/index";
import { Icon } from "./icons";

interface Props { title: string; close: () => void; children: ComponentChildren; wide?: boolean; quietTitle?: boolean; guard?: () => boolean }

/** A modal dialog. The browser's own <dialog> holds the focus, closes on Escape and gives the focus back. */
export function Dialog({ title, close, children, wide, guard }: Props) {
  const box = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = box.current!, giveBack = holdFocus();
    dialog.showModal();
    return () => { dialog.close(); giveBack(); }; // while it is open nothing beneath it takes the focus
  }, []);
  const leave = () => { if (!guard || guard()) close(); };
  return (
    <dialog ref={box} class={wide ? "dialog dialog-wide" : "dialog"} aria-labelledby={id}
      onCancel={(e) => { e.preventDefault(); leave(); }}
      onMouseDown={(e) => { if (e.target === box.current) leave(); }}>
      <div class="dialog-in">
        <header class="dialog-head">
          <h2 id={id}>{title}</h2>
          <button type="button" class="icon-button" aria-label={t("close")} onClick={leave}><Icon name="close" /></button>
        </header>
        {children}
      </div>
    </dialog>
  );
}
