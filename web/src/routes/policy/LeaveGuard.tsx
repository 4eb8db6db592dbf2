import { useEffect, useState } from "react";
import { useLocation } from "wouter";
import { Dialog } from "../../components/Dialog";
import { useText } from "../../language/language";
import styles from "./Policy.module.css";

/** Asks before the view is left with a draft: by closing the tab, and by following a link of the page. */
export function LeaveGuard() {
  const text = useText();
  const [, navigate] = useLocation();
  const [target, setTarget] = useState<string>();
  useEffect(() => {
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    const ask = (event: MouseEvent) => {
      const isPlain =
        event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
      const link = event.target instanceof Element ? event.target.closest("a") : null;
      if (!link || !isPlain || link.target === "_blank") return;
      const { origin, pathname, search, hash } = new URL(link.href, location.href);
      // Another site, and documents such as GraphiQL, end the page, of which the browser itself warns.
      if (origin !== location.origin || pathname === location.pathname || pathname === "/graphiql") return;
      event.preventDefault();
      event.stopPropagation();
      setTarget(pathname + search + hash);
    };
    addEventListener("beforeunload", warn);
    document.addEventListener("click", ask, { capture: true });
    return () => {
      removeEventListener("beforeunload", warn);
      document.removeEventListener("click", ask, { capture: true });
    };
  }, []);
  if (target === undefined) return null;
  return (
    <Dialog title={text.policy.leaveTitle} onClose={() => setTarget(undefined)}>
      <p>{text.policy.leaveText}</p>
      <p className={styles.buttons}>
        <button type="button" className="button primary" onClick={() => setTarget(undefined)}>
          {text.policy.stay}
        </button>
        <button type="button" className="button" onClick={() => navigate(target)}>
          {text.policy.leave}
        </button>
      </p>
    </Dialog>
  );
}
