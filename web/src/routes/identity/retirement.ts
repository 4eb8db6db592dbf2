import { isSameEnd } from "../../decisions/linkKey";
import type {
  LinkEndFragment,
  PreviewedFactsFragment,
  PreviewFactsFragment,
} from "../../graphql/generated/graphql";
import type { Part } from "./Parts";

type Value = { kind: string; value: string };

/** What becomes of a value with a new owner. */
export type RetirementResult =
  /** Later activity leaves the customer. */
  | { result: "split" }
  /** It was seen with the customer again, so both owners are one customer. */
  | { result: "stays"; seenAt: string; owner: LinkEndFragment; other: LinkEndFragment | undefined }
  /** It was not seen since. */
  | { result: "nothing" };

/** Reads the result of a retirement from what it would make of the customers. */
export function resultOf(value: Value, preview: PreviewFactsFragment): RetirementResult {
  for (const { identifiers } of preview.after) {
    const owners = identifiers.filter((identifier) => isSameEnd(identifier, value));
    const next = owners.find(({ retiredAt }) => !retiredAt);
    if (owners.length < 2 || !next) continue;
    const other = identifiers.find((identifier) => !isSameEnd(identifier, value));
    return { result: "stays", seenAt: next.lastSeenAt, owner: next, other };
  }
  return { result: preview.after.length > preview.before.length ? "split" : "nothing" };
}

export const partOf = ({ activity, ...rest }: PreviewedFactsFragment): Part => ({
  ...rest,
  eventCount: activity.eventCount,
});
