import type { ReactNode } from "react";
import type { CombinedError } from "urql";
import type { Text } from "../language/en";
import { useText } from "../language/language";
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

export function ErrorNotice({ error, onRetry }: { error: CombinedError; onRetry: () => void }) {
  const text = useText();
  const { title, help } = explain(error, text);
  return (
    <div className={styles.notice} role="alert">
      <h2>{title}</h2>
      {help && <p>{help}</p>}
      <button type="button" className="button" onClick={onRetry}>
        {text.tryAgain}
      </button>
    </div>
  );
}

function explain(error: CombinedError, text: Text): { title: string; help?: string } {
  const [first] = error.graphQLErrors;
  if (!first) return { title: text.errorUnreachable, help: text.errorUnreachableHelp };
  if (first.extensions.code === "UNAVAILABLE")
    return { title: text.errorUnavailable, help: text.errorUnavailableHelp };
  if (first.extensions.code === "FORBIDDEN")
    return { title: text.errorForbidden, help: `${first.message}. ${text.errorForbiddenHelp}` };
  return { title: text.errorRefused(first.message), help: text.errorRefusedHelp };
}
