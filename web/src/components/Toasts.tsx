import { X } from "lucide-react";
import { createContext, type ReactNode, use, useCallback, useEffect, useMemo, useState } from "react";
import { useText } from "../language/language";
import styles from "./Toasts.module.css";

type Toast = {
  message: string;
  /** Undoes it, as long as the toast is shown. */
  action?: { label: string; run: () => void } | undefined;
  kind?: "done" | "failed";
};
type ActiveToast = Toast & { id: number };

const duration = 12_000;
const ToastContext = createContext<(toast: Toast) => void>(() => {});
export const useToast = () => use(ToastContext);

let lastId = 0;

/** Messages at the edge of the page. They close automatically, but not under the pointer or the focus. */
export function Toasts({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<ActiveToast[]>([]);
  const leave = useCallback((id: number) => {
    setToasts((all) => all.filter((toast) => toast.id !== id));
  }, []);
  const show = useCallback((toast: Toast) => {
    lastId += 1;
    const active = { ...toast, id: lastId };
    setToasts((all) => [...all.slice(-2), active]);
  }, []);
  return (
    <ToastContext value={show}>
      {children}
      <div className={styles.toasts} role="status">
        {toasts.map((toast) => (
          <ToastItem key={toast.id} toast={toast} onLeave={leave} />
        ))}
      </div>
    </ToastContext>
  );
}

function ToastItem({ toast, onLeave }: { toast: ActiveToast; onLeave: (id: number) => void }) {
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
      <span>{toast.message}</span>
      {toast.action && (
        <button
          type="button"
          className={styles.action}
          onClick={() => {
            leave();
            toast.action?.run();
          }}
        >
          {toast.action.label}
        </button>
      )}
      <button type="button" className={styles.close} aria-label={text.close} onClick={leave}>
        <X size={14} aria-hidden />
      </button>
    </div>
  );
}
