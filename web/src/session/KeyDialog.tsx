import { type SubmitEvent, useEffect, useId, useRef, useState } from "react";
import { useText } from "../language/language";
import styles from "./KeyDialog.module.css";
import { signIn } from "./key";
import { type Tried, tryKey } from "./tryKey";

/** Asks for a key. There is nothing behind it to go back to, so it has no way out but a key that is let in. */
export function KeyDialog() {
  const text = useText().session;
  const ids = { heading: useId(), help: useId(), field: useId(), fault: useId() };
  const dialog = useRef<HTMLDialogElement>(null);
  const [key, setKey] = useState("");
  const [tried, setTried] = useState<Tried | "TRYING">();
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);

  const submit = async (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    setTried("TRYING");
    const outcome = await tryKey(key.trim());
    if (outcome === "LET_IN") signIn(key.trim());
    else setTried(outcome);
  };
  const faults = {
    NOT_KNOWN: text.notKnown,
    ONLY_SENDS: text.onlySends,
    NO_ANSWER: text.noAnswer,
  };
  const fault = tried && tried !== "TRYING" && tried !== "LET_IN" ? faults[tried] : undefined;
  return (
    <dialog
      ref={dialog}
      className={styles.dialog}
      aria-labelledby={ids.heading}
      onCancel={(event) => event.preventDefault()}
    >
      <form onSubmit={submit} className={styles.form}>
        <img src="/mark.svg" alt="" width={28} height={28} />
        <h1 id={ids.heading}>{text.title}</h1>
        <p id={ids.help} className="soft">
          {text.help}
        </p>
        <label htmlFor={ids.field}>{text.key}</label>
        <input
          id={ids.field}
          type="password"
          className={styles.field}
          autoFocus
          required
          autoComplete="off"
          spellCheck={false}
          value={key}
          aria-invalid={fault !== undefined}
          aria-describedby={fault ? `${ids.fault} ${ids.help}` : ids.help}
          onChange={(event) => setKey(event.target.value)}
        />
        <p id={ids.fault} role="alert" className={styles.fault}>
          {fault}
        </p>
        <button type="submit" className="button primary" disabled={tried === "TRYING"}>
          {text.signIn}
        </button>
      </form>
    </dialog>
  );
}
