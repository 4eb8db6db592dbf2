import { useClient } from "urql";
import { useToast } from "../components/Toasts";
import {
  DecideDocument,
  type DecidedFragment,
  type Relation,
  RevokeDocument,
} from "../graphql/generated/graphql";
import { useText } from "../language/language";
import { asInput } from "./key";

type End = { kind: string; value: string };
export type Pairing = { relation: Relation; a: End; b: End; reason: string; expectedRevision?: string };

/** Decisions and their taking back: each says what came of it, and offers the way back. */
export function useDecisions() {
  const text = useText();
  const client = useClient();
  const toast = useToast();

  const revoke = async (id: string, reason: string): Promise<boolean> => {
    const { data, error } = await client.mutation(RevokeDocument, { id, reason });
    const decided = data?.revokeDecision;
    if (!decided || error) {
      toast({ kind: "failed", message: text.decisions.failed(error?.graphQLErrors[0]?.message ?? "") });
      return false;
    }
    toast(
      decided.status === "APPLIED"
        ? { message: text.decisions.revoked }
        : { message: text.decisions.refused(decided.status, decided.detail ?? ""), kind: "failed" },
    );
    return decided.status === "APPLIED";
  };

  /** Says how a decision ended; true where it holds now. */
  const tell = (decided: DecidedFragment, done: string): boolean => {
    const { status, decision, detail } = decided;
    if (status !== "APPLIED" && status !== "NO_CHANGE") {
      toast({ kind: "failed", message: text.decisions.refused(status, detail ?? "") });
      return false;
    }
    toast({
      message: status === "APPLIED" ? done : text.decisions.noChange,
      action:
        status === "APPLIED" && decision
          ? { label: text.decisions.undo, run: () => revoke(decision.id, text.decisions.undoReason) }
          : undefined,
    });
    return true;
  };

  const decide = async ({ relation, a, b, reason, expectedRevision }: Pairing): Promise<boolean> => {
    const variables = { relation, a: asInput(a), b: asInput(b), reason };
    const { data, error } = await client.mutation(DecideDocument, {
      ...variables,
      expectedRevision: expectedRevision ?? null,
    });
    if (!data || error) {
      toast({ kind: "failed", message: text.decisions.failed(error?.graphQLErrors[0]?.message ?? "") });
      return false;
    }
    return tell(data.decide, relation === "SAME" ? text.decisions.joined : text.decisions.parted);
  };

  return { decide, revoke, tell };
}
