import { expect, test } from "vitest";
import type { PreviewFactsFragment } from "../../graphql/generated/graphql";
import { resultOf } from "./retirement";

const phone = { kind: "phone", value: "+821011112222" };
const past = {
  ...phone,
  unifiedId: "1",
  retiredAt: "2026-10-15T00:00:00Z",
  lastSeenAt: "2026-09-01T00:00:00Z",
};
const next = { ...phone, unifiedId: "2", retiredAt: null, lastSeenAt: "2026-11-29T00:00:00Z" };
const account = {
  kind: "external_id",
  value: "a1",
  unifiedId: "3",
  retiredAt: null,
  lastSeenAt: "2026-11-29T00:00:00Z",
};
const preview = (...after: object[][]) =>
  ({ before: [{}], after: after.map((identifiers) => ({ identifiers })) }) as unknown as PreviewFactsFragment;

test("later activity leaves, stays because of a later sighting, or is not there", () => {
  expect(resultOf(phone, preview([account, past], [next]))).toEqual({ result: "split" });
  expect(resultOf(phone, preview([account, past, next]))).toEqual({
    result: "stays",
    seenAt: "2026-11-29T00:00:00Z",
    owner: next,
    other: account,
  });
  expect(resultOf(phone, preview([account, past]))).toEqual({ result: "nothing" });
  // The new owner was a customer before, so there are no more customers than now.
  const known = preview([account, past], [next]);
  expect(resultOf(phone, { ...known, before: known.after })).toEqual({ result: "split" });
  expect(resultOf(phone, preview([account, next])).result).toBe("stays");
});
