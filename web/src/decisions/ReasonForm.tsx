import { type ReactNode, type Ref, type SubmitEvent, useState } from "react";
import { ReasonField } from "./ReasonField";

type Props = {
  /** What the button says. */
  confirm: string;
  /** Does it; true where it is done and the reason is used up. */
  onConfirm: (reason: string) => Promise<boolean>;
  often?: readonly string[];
  /** Not yet, whatever the reason. */
  disabled?: boolean;
  /** Whether this is what the reader came for. */
  primary?: boolean;
  className?: string | undefined;
  ref?: Ref<HTMLInputElement>;
  children?: ReactNode;
};

/** Whatever changes who is whom needs a reason: the field, and the button that does it once. */
export function ReasonForm({
  confirm,
  onConfirm,
  often = [],
  disabled = false,
  primary = true,
  className,
  ref,
  children,
}: Props) {
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const given = reason.trim();
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (busy || disabled || given === "") return;
    setBusy(true);
    const done = await onConfirm(given);
    setBusy(false);
    if (done) setReason("");
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
