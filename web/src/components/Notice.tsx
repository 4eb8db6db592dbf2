import type { ReactNode } from "react";
import type { Text } from "../language/en";
import { errorCode, errorDetail, errorText } from "../language/errorText";
import { useText } from "../language/language";
import { NotForRole } from "../session/RoleGate";
import styles from "./Notice.module.css";

/** A message in place of content that is missing. */
export function Notice({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className={styles.notice}>
      <h2>{title}</h2>
      {children}
    </div>
  );
}

type ErrorProps = {
  error: Error;
  onRetry: () => void;
  /** The heading, if the view has one of its own for a failure. */
  title?: string;
  /** Whether data that was loaded before is still shown. */
  old?: boolean;
};

/** A failed request: what failed, what is old, and what to do. */
export function ErrorNotice({ error, onRetry, title, old = false }: ErrorProps) {
  const text = useText();
  const explained = explain(error, old, text);
  return (
    <div className={styles.notice} role="alert">
      <h2>{title ?? explained.title}</h2>
      {title && title !== explained.title && <p>{explained.title}</p>}
      <p>{explained.help}</p>
      <button type="button" className="button" onClick={onRetry}>
        {text.tryAgain}
      </button>
    </div>
  );
}

function explain(error: Error, old: boolean, text: Text): { title: string; help: string } {
  switch (errorCode(error)) {
    case "UNREACHABLE":
      return {
        title: text.errorUnreachable,
        help: old ? text.errorUnreachableHelp : text.failures.nothingLoaded,
      };
    case "UNAVAILABLE":
    case "OVERLOADED":
      return { title: text.errorUnavailable, help: text.errorUnavailableHelp };
    case "BEHIND":
      return { title: errorText(error, text), help: text.errorUnavailableHelp };
    case "FORBIDDEN":
      return { title: text.errorForbidden, help: `${errorText(error, text)}. ${text.errorForbiddenHelp}` };
    default:
      return { title: text.errorRefused(errorText(error, text)), help: text.errorRefusedHelp };
  }
}

type PreviewProps = {
  /** Why there is none: of the request for the facts, or of the module. */
  error: Error;
  onRetry: () => void;
  /** What is missing; "Preview unavailable" if not given. */
  title?: string;
  /** An action that does without the preview, such as a button "Merge without preview". */
  children?: ReactNode;
};

/** In place of a preview or a chart that cannot be computed: it never disappears without a word. */
export function PreviewNotice({ error, onRetry, title, children }: PreviewProps) {
  const text = useText();
  if (errorCode(error) === "FORBIDDEN") return <NotForRole />;
  return (
    <div className={styles.preview} role="alert" data-preview-unavailable>
      <p>
        <b>{title ?? text.failures.preview}</b> <span>{errorText(error, text)}.</span>
      </p>
      <p className={styles.actions}>
        <button type="button" className="button" onClick={onRetry}>
          {text.failures.retry}
        </button>
        {children}
      </p>
      <details className="small soft">
        <summary>{text.failures.details}</summary>
        <p className={styles.detail}>{errorDetail(error)}</p>
      </details>
    </div>
  );
}
