import type { ReactNode } from "react";
import { useText } from "../language/language";
import { ReasonForm } from "./ReasonForm";
import { useDecisions } from "./useDecisions";

type Props = {
  /** The global ID of a decision or a retirement. */
  id: string;
  onDone: () => void;
  primary?: boolean;
  className?: string | undefined;
  children?: ReactNode;
};

/** Revokes a decision or a retirement, with a reason. */
export function RevokeForm({ id, onDone, primary = false, className, children }: Props) {
  const text = useText();
  const { revoke } = useDecisions();
  const confirm = async (reason: string) => {
    const gone = await revoke(id, reason);
    if (gone) onDone();
    return gone;
  };
  return (
    <ReasonForm confirm={text.decisions.revoke} onConfirm={confirm} primary={primary} className={className}>
      {children}
    </ReasonForm>
  );
}
