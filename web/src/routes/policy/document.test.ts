import { expect, test } from "vitest";
import type { PolicyDocument } from "../../rules/preview";
import { changesOf } from "./document";

const policy: PolicyDocument = {
  kinds: [
    { name: "external_id", form: "external_id", limit: 1, priority: 1 },
    { name: "email", form: "email", limit: 5, priority: 2 },
  ],
  blocked_values: ["unknown"],
  blocked_patterns: [],
  max_links: 50,
  max_users_a_month: 3,
  survivorship: { default: "latest", attributes: { df_name: "earliest" }, sources: [] },
  time_zone: "Asia/Seoul",
  currency: "KRW",
};
const words = {
  limit: (kind: string) => `limit of ${kind}`,
  priority: (kind: string) => `priority of ${kind}`,
  maxLinks: "most links",
  maxUsers: "most users",
  blockedValues: "blocked values",
  blockedPatterns: "blocked patterns",
  defaultRule: "default rule",
  rule: (attribute: string) => `rule of ${attribute}`,
  sources: "sources",
  timeZone: "time zone",
  currency: "currency",
  orderIds: "order IDs",
};
const changes = (after: PolicyDocument) =>
  changesOf(policy, after, { kind: (name) => name, words }).map(
    ({ what, from, to }) => `${what}: ${from} → ${to}`,
  );

test("two equal documents have no changes", () => {
  expect(changes(structuredClone(policy))).toEqual([]);
  // Left out means global.
  expect(changes({ ...policy, order_ids: "global" })).toEqual([]);
});

const [externalId, email] = policy.kinds as [PolicyDocument["kinds"][0], PolicyDocument["kinds"][0]];
const { survivorship } = policy;
test.each<[string[], Partial<PolicyDocument>]>([
  [["limit of email: 5 → 2"], { kinds: [externalId, { ...email, limit: 2 }] }],
  [["limit of email: 5 → –", "priority of email: 2 → –"], { kinds: [externalId] }],
  [["blocked values: unknown → –"], { blocked_values: [] }],
  [["blocked patterns: – → a+, b+"], { blocked_patterns: ["a+", "b+"] }],
  [["most links: 50 → 9"], { max_links: 9 }],
  [["most users: 3 → 4"], { max_users_a_month: 4 }],
  [["default rule: latest → union"], { survivorship: { ...survivorship, default: "union" } }],
  [["rule of df_name: earliest → –"], { survivorship: { ...survivorship, attributes: {} } }],
  [
    ["rule of score: – → max"],
    { survivorship: { ...survivorship, attributes: { ...survivorship.attributes, score: "max" } } },
  ],
  [["sources: – → crm, app"], { survivorship: { ...survivorship, sources: ["crm", "app"] } }],
  [["time zone: Asia/Seoul → UTC", "currency: KRW → USD"], { time_zone: "UTC", currency: "USD" }],
  [["order IDs: global → source"], { order_ids: "source" }],
])("%j", (expected, change) => {
  expect(changes({ ...policy, ...change })).toEqual(expected);
});
