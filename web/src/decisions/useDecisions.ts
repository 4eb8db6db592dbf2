import { useClient } from "urql";
import { useToast } from "../components/Toasts";
import {
  DecideDocument,
  type DecidedFragment,
  MergeDocument,
  type Relation,
  ResolveCasesDocument,
  RetireDocument,
  RevokeDocument,
} from "../graphql/generated/graphql";
import { errorText } from "../language/errorText";
import { useFormat } from "../language/format";
import { useText } from "../language/language";
import { asInput } from "./linkKey";

type End = { kind: string; value: string };
export type DecisionInput = { relation: Relation; a: End; b: End; reason: string; expectedRevision?: string };

/** The answer to a case: the customers who are one person; the others are kept separate. */
export type CaseAnswer = { caseId: string; same: string[]; expectedRevision: string | null };

export type RetirementInput = { identifier: End; from: string; reason: string; expectedRevision: string };

/** Sends decisions and revocations. Each shows its outcome in a toast, with undo. */
export function useDecisions() {
  const text = useText();
  const format = useFormat();
  const client = useClient();
  const toast = useToast();

  const revoke = async (id: string, reason: string): Promise<boolean> => {
    const { data, error } = await client.mutation(RevokeDocument, { id, reason });
    const decided = data?.revokeDecision;
    if (!decided || error) {
      toast({ kind: "failed", message: text.decisions.failed(error ? errorText(error, text) : "") });
      return false;
    }
    toast(
      decided.status === "APPLIED"
        ? { message: text.decisions.revoked }
        : { message: text.decisions.refused(decided.status, decided.detail ?? ""), kind: "failed" },
    );
    return decided.status === "APPLIED";
  };

  /** Shows the outcome of a decision; true if it is in force now. */
  const report = (decided: DecidedFragment, done: string): boolean => {
    const { status, decision, retirement, detail } = decided;
    const made = decision ?? retirement;
    if (status !== "APPLIED" && status !== "NO_CHANGE") {
      toast({ kind: "failed", message: text.decisions.refused(status, detail ?? "") });
      return false;
    }
    toast({
      message: status === "APPLIED" ? done : text.decisions.noChange,
      action:
        status === "APPLIED" && made
          ? { label: text.decisions.undo, run: () => revoke(made.id, text.decisions.undoReason) }
          : undefined,
    });
    return true;
  };

  const decide = async ({ relation, a, b, reason, expectedRevision }: DecisionInput): Promise<boolean> => {
    const variables = { relation, a: asInput(a), b: asInput(b), reason };
    const { data, error } = await client.mutation(DecideDocument, {
      ...variables,
      expectedRevision: expectedRevision ?? null,
    });
    if (!data || error) {
      toast({ kind: "failed", message: text.decisions.failed(error ? errorText(error, text) : "") });
      return false;
    }
    return report(data.decide, relation === "SAME" ? text.decisions.joined : text.decisions.split);
  };

  /** Answers cases by one request, with one undo. `done` says what was decided. */
  const resolve = async (answers: CaseAnswer[], reason: string, done: string): Promise<boolean> => {
    const { data, error } = await client.mutation(ResolveCasesDocument, { answers, reason });
    if (!data || error) {
      toast({ kind: "failed", message: text.decisions.failed(error ? errorText(error, text) : "") });
      return false;
    }
    return report(data.resolveCases, done);
  };

  /** Marks a value as reassigned. If the facts have changed since the dry run, the caller has to preview again. */
  const retire = async ({ identifier, ...rest }: RetirementInput): Promise<"done" | "stale" | "refused"> => {
    const { data, error } = await client.mutation(RetireDocument, {
      identifier: asInput(identifier),
      ...rest,
    });
    if (!data || error) {
      toast({ kind: "failed", message: text.decisions.failed(error ? errorText(error, text) : "") });
      return "refused";
    }
    if (data.retireIdentifier.status === "STALE_PREVIEW") return "stale";
    return report(data.retireIdentifier, text.identity.retiredDone) ? "done" : "refused";
  };

  /** Merges customers. If the facts have changed since the preview, the caller has to preview again. */
  const merge = async (
    unifiedIds: string[],
    reason: string,
    /** The revision of the preview; null to merge without one. */
    expectedRevision: string | null,
    /** The names of the customers, for the toast; none if they are unknown. */
    names: string[],
  ): Promise<{ status: "merged"; unifiedId: string } | { status: "stale" } | { status: "refused" }> => {
    const { data, error } = await client.mutation(MergeDocument, { unifiedIds, reason, expectedRevision });
    const decided = data?.mergeProfiles;
    if (!decided || error) {
      toast({ kind: "failed", message: text.decisions.failed(error ? errorText(error, text) : "") });
      return { status: "refused" };
    }
    if (decided.status === "STALE_PREVIEW") return { status: "stale" };
    const made = decided.decision;
    if (decided.status !== "APPLIED" || !made) {
      report(decided, "");
      return { status: "refused" };
    }
    const undo = () => revoke(made.id, text.decisions.undoReason);
    toast({
      message: names.length > 0 ? text.merge.done(format.list(names)) : text.decisions.joined,
      action: { label: text.decisions.undo, run: undo },
    });
    return { status: "merged", unifiedId: decided.profiles[0]?.unifiedId ?? unifiedIds[0] ?? "" };
  };

  return { decide, resolve, revoke, retire, merge };
}
