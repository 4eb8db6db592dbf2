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
    if (!next) continue;
    // Where every message is of the new owner, the customer is all that is left.
    if (owners.length === 1 && preview.after.length > 1) return { result: "split" };
    const other = identifiers.find((identifier) => !isSameEnd(identifier, value));
    return { result: "stays", seenAt: next.lastSeenAt, owner: next, other };
  }
  return { result: "nothing" };
}

export const partOf = ({ activity, ...rest }: PreviewedFactsFragment): Part => ({
  ...rest,
  eventCount: activity.eventCount,
});
