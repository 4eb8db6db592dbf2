import { X } from "lucide-react";
import {
  createContext,
  type ReactNode,
  use,
  useCallback,
  useEffect,
  useEffectEvent,
  useMemo,
  useState,
} from "react";
import { useText } from "../language/language";
import { pressed } from "../search/keys";
import styles from "./Toasts.module.css";

type Toast = {
  message: string;
  /** Undoes it, as long as the toast is kept; so does the key Z. */
  action?: { label: string; run: () => void } | undefined;
  kind?: "done" | "failed";
};
type ActiveToast = Toast & { id: number };

const duration = 12_000;
/** Earlier messages that are kept below the newest one. */
const mostKept = 5;
const ToastContext = createContext<(toast: Toast) => void>(() => {});
export const useToast = () => use(ToastContext);

let lastId = 0;

/**
 * Messages at the edge of the page, the newest one in front and the number of earlier ones next to it. They close automatically,
 * but not under the pointer or the focus.
 */
export function Toasts({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<ActiveToast[]>([]);
  const leave = useCallback((id: number) => {
    setToasts((all) => all.filter((toast) => toast.id !== id));
  }, []);
  const show = useCallback((toast: Toast) => {
    lastId += 1;
    const active = { ...toast, id: lastId };
    setToasts((all) => [...all.slice(1 - mostKept), active]);
  }, []);
  const newest = toasts.at(-1);

  const undo = useEffectEvent((event: KeyboardEvent) => {
    const target = event.target as HTMLElement;
    if (pressed(event) !== "z" || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    if (event.isComposing || target.matches("input, textarea, select, [contenteditable]")) return;
    if (target.closest("dialog") || !newest?.action) return;
    event.preventDefault();
    leave(newest.id);
    newest.action.run();
  });
  useEffect(() => {
    document.addEventListener("keydown", undo);
    return () => document.removeEventListener("keydown", undo);
  }, []);

  return (
    <ToastContext value={show}>
      {children}
      <div className={styles.toasts} role="status">
        {newest && <ToastItem key={newest.id} toast={newest} earlier={toasts.length - 1} onLeave={leave} />}
      </div>
    </ToastContext>
  );
}

type ItemProps = { toast: ActiveToast; earlier: number; onLeave: (id: number) => void };

function ToastItem({ toast, earlier, onLeave }: ItemProps) {
  const text = useText();
  const [held, setHeld] = useState(false);
  const leave = useMemo(() => () => onLeave(toast.id), [onLeave, toast.id]);
  useEffect(() => {
    if (held) return;
    const timer = setTimeout(leave, duration);
    return () => clearTimeout(timer);
  }, [held, leave]);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: hovering keeps the toast open; it has no action of its own.
    <div
      className={`${styles.toast} ${toast.kind === "failed" ? styles.failed : ""}`}
      onMouseEnter={() => setHeld(true)}
      onMouseLeave={() => setHeld(false)}
      onFocus={() => setHeld(true)}
      onBlur={() => setHeld(false)}
    >
      <span className={styles.message}>{toast.message}</span>
      {earlier > 0 && <span className={styles.earlier}>{text.decisions.earlierToasts(earlier)}</span>}
      {toast.action && (
        <button
          type="button"
          className={styles.action}
          aria-keyshortcuts="Z"
          onClick={() => {
            leave();
            toast.action?.run();
          }}
        >
          {toast.action.label}
          <span className={styles.key} aria-hidden="true">
            Z
          </span>
        </button>
      )}
      <button type="button" className={styles.close} aria-label={text.close} onClick={leave}>
        <X size={14} aria-hidden />
      </button>
    </div>
  );
}
