import { type ReactNode, type Ref, type SubmitEvent, useState } from "react";
import { ReasonField } from "./ReasonField";

type Props = {
  /** The label of the button. */
  confirm: string;
  /** Returns whether it succeeded; then the reason is cleared. */
  onConfirm: (reason: string) => Promise<boolean>;
  often?: readonly string[];
  /** Disabled, even with a reason. */
  disabled?: boolean;
  /** Names a question that is asked often: its field begins with the last reason that was given. */
  remember?: string;
  /** Whether this is the main action of its view. */
  primary?: boolean;
  className?: string | undefined;
  ref?: Ref<HTMLInputElement>;
  children?: ReactNode;
};

/** The last reasons by question, until the page is closed: a reason may name a person. */
const lastReasons = new Map<string, string>();

/** Every change of identities needs a reason: its field, and a button that submits once. */
export function ReasonForm({
  confirm,
  onConfirm,
  often = [],
  disabled = false,
  remember = "",
  primary = true,
  className,
  ref,
  children,
}: Props) {
  const [reason, setReason] = useState(lastReasons.get(remember) ?? "");
  const [busy, setBusy] = useState(false);
  const given = reason.trim();
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (busy || disabled || given === "") return;
    setBusy(true);
    const done = await onConfirm(given);
    setBusy(false);
    if (!done) return;
    if (remember) lastReasons.set(remember, given);
    else setReason("");
  };
  return (
    <form className={className} onSubmit={submit}>
      {children}
      <ReasonField value={reason} onChange={setReason} often={often} {...(ref && { ref })} />
      <button
        type="submit"
        className={primary ? "button primary" : "button"}
        disabled={busy || disabled || given === ""}
      >
        {confirm}
      </button>
    </form>
  );
}
