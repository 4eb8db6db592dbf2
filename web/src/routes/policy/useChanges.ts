import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import type { PolicyDocument } from "../../rules/preview";
import { type Change, changesOf } from "./document";

/** The differences between two documents as texts. */
export function useChanges(): (before: PolicyDocument, after: PolicyDocument) => Change[] {
  const text = useText();
  const format = useFormat();
  return (before, after) => changesOf(before, after, { kind: format.kind, words: text.policy.changed });
}
