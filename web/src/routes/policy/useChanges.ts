import { useFormat } from "../../language/format";
import { useLanguage, useText } from "../../language/language";
import type { PolicyDocument } from "../../rules/preview";
import { type Change, changesOf } from "./document";

/** The differences between two documents in words. */
export function useChanges(): (before: PolicyDocument, after: PolicyDocument) => Change[] {
  const text = useText();
  const format = useFormat();
  const { language } = useLanguage();
  const currencies = new Intl.DisplayNames(language, { type: "currency" });
  return (before, after) =>
    changesOf(before, after, {
      kind: format.kind,
      attribute: format.attribute,
      rule: (rule) => text.ruleNames[rule] ?? rule,
      orderIds: (value) => text.policy.orderIdsNames[value],
      currency: (code) => currencyName(currencies, code),
      added: text.policy.added,
      removed: text.policy.removedValues,
      words: text.policy.changed,
    });
}

/** `KRW · South Korean won`; the code alone where it has no name or is no code. */
export function currencyName(names: Intl.DisplayNames, code: string): string {
  try {
    const name = names.of(code);
    return name && name !== code ? `${code} · ${name}` : code;
  } catch {
    return code;
  }
}
