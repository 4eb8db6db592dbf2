import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import type { Claim, MergedField } from "../../rules/preview";

/** Texts for the fields of a merge preview and their values. */
export function useFieldText() {
  const text = useText();
  const format = useFormat();
  const written = ({ group, name }: MergedField, value: unknown): string => {
    if (group === "CONSENT") return value ? text.granted : text.denied;
    if (typeof value !== "string") return format.value(value);
    if (group === "ACTIVITY") return format.exact(value);
    if (name === "gender" && isGender(value)) return format.gender(value);
    if (name === "birthDate") return format.date(value);
    if (name === "phone") return format.phone(value);
    return value;
  };
  return {
    name: ({ group, name }: MergedField) => {
      if (group === "CONSENT") return format.consent(name);
      if (group === "ATTRIBUTE") return format.attribute(name);
      return text.merge.basicNames[name] ?? name;
    },
    value: (field: MergedField, claim: Claim | null) => (claim ? written(field, claim.value) : "–"),
    why: ({ rule, winner, losers }: MergedField): string => {
      if (winner && winner.unifiedIds.length === 0) return text.merge.combined;
      if (!rule || losers.length === 0) return "";
      return text.merge.rules[rule] ?? text.ruleNames[rule] ?? rule;
    },
  };
}

const isGender = (value: string) =>
  value === "MALE" || value === "FEMALE" || value === "NON_BINARY" || value === "OTHER";
