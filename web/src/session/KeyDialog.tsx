import { type SubmitEvent, useEffect, useId, useRef, useState } from "react";
import { useText } from "../language/language";
import mark from "../mark.svg";
import { checkKey, type KeyCheck } from "./checkKey";
import styles from "./KeyDialog.module.css";
import { signIn } from "./key";

/** Asks for a key. It cannot be dismissed: without a valid key there is nothing to show. */
export function KeyDialog() {
  const text = useText().session;
  const ids = { heading: useId(), help: useId(), field: useId(), fault: useId() };
  const dialog = useRef<HTMLDialogElement>(null);
  const [key, setKey] = useState("");
  const [check, setCheck] = useState<KeyCheck | "PENDING">();
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);

  const submit = async (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    setCheck("PENDING");
    const outcome = await checkKey(key.trim());
    if (outcome === "VALID") signIn(key.trim());
    else setCheck(outcome);
  };
  const faults = {
    UNKNOWN: text.notKnown,
    INGEST_ONLY: text.onlySends,
    UNREACHABLE: text.noAnswer,
  };
  const fault = check && check !== "PENDING" && check !== "VALID" ? faults[check] : undefined;
  return (
    <dialog
      ref={dialog}
      className={styles.dialog}
      aria-labelledby={ids.heading}
      onCancel={(event) => event.preventDefault()}
    >
      <form onSubmit={submit} className={styles.form}>
        <img src={mark} alt="" width={28} height={28} />
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
        <button type="submit" className="button primary" disabled={check === "PENDING"}>
          {text.signIn}
        </button>
      </form>
    </dialog>
  );
}
