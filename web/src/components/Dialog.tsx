import { X } from "lucide-react";
import { type ReactNode, useId, useLayoutEffect, useRef } from "react";
import { useText } from "../language/language";
import styles from "./Dialog.module.css";

type Props = { title: string; children: ReactNode; onClose: () => void };

/** What a reader fills in; the dialog opens on the first of them. */
const fields = "[autofocus], :is(input, select, textarea):not([type=hidden], :disabled)";

/**
 * A modal dialog. Escape and the close button cancel it. It opens on its first field, and gives the focus back to what opened it.
 */
export function Dialog({ title, children, onClose }: Props) {
  const text = useText();
  const heading = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  // A layout effect: when it is cleaned up, the dialog is still in the document, so that closing it can move the focus.
  useLayoutEffect(() => {
    const element = dialog.current;
    const opener = document.activeElement;
    element?.showModal();
    element?.querySelector<HTMLElement>(fields)?.focus();
    return () => {
      element?.close();
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
      else document.getElementById("content")?.focus({ preventScroll: true });
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      className={styles.dialog}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <header className={styles.head}>
        <h2 id={heading}>{title}</h2>
        <button type="button" className={styles.close} aria-label={text.close} onClick={onClose}>
          <X size={16} aria-hidden />
        </button>
      </header>
      {children}
    </dialog>
  );
}
