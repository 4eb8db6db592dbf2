import type { ReviewRowFragment } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";

const spoken = new Set(["phone", "email"]);
const shownNames = 2;

/** Letters of scripts that are written from right to left, and marks of direction. */
const rightToLeft = /[\u0590-\u08ff\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufefc]/;

/** A name in a sentence: one of another direction must not turn the words around it. */
export const isolated = (name: string) => (rightToLeft.test(name) ? `\u2068${name}\u2069` : name);

/** Texts about cases: what is asked, which customers it is about, and why the score is what it is. */
export function useCaseText() {
  const text = useText();
  const format = useFormat();

  /** A phone number and an email address are known by their form; other values are said with their kind. */
  const value = ({ value: { kind, value } }: ReviewRowFragment) =>
    spoken.has(kind)
      ? format.identifier(kind, value)
      : `${format.kind(kind)} ${format.identifier(kind, value)}`;

  const names = ({ people }: ReviewRowFragment) =>
    people.map(({ profile }) => isolated(profile.basic.name ?? text.unnamed));

  return {
    value,
    title: (row: ReviewRowFragment) => text.inbox.titles[row.kind](value(row), row.customerCount),
    /** The customers of a case, the first by name. */
    who: (row: ReviewRowFragment) => {
      const all = names(row);
      if (all.length === 0) return value(row);
      const shown = all.length <= shownNames + 1 ? all : all.slice(0, shownNames);
      return text.inbox.who(shown, Math.max(0, row.customerCount - shown.length));
    },
    reasons: ({ reasons, value: { kind } }: ReviewRowFragment) =>
      reasons.map(({ signal, points, years }) => ({
        signal,
        points,
        words: text.inbox.signals[signal](format.kind(kind), years ?? 0),
      })),
  };
}
