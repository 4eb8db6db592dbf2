import { expect, test } from "vitest";
import type { PolicyDocument } from "../../rules/preview";
import { changesOf, readDraft, rebase, writeDraft } from "./document";

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
  form: (kind: string) => `form of ${kind}`,
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
  changesOf(policy, after, {
    kind: (name) => name,
    attribute: (name) => name,
    rule: (rule) => rule.replace("_", " "),
    orderIds: (value) => value,
    currency: (code) => code,
    added: (values) => `added ${values}`,
    removed: (values) => `removed ${values}`,
    words,
  }).map(({ what, from, to }) => (from ? `${what}: ${from} → ${to}` : `${what}: ${to}`));

test("two equal documents have no changes", () => {
  expect(changes(structuredClone(policy))).toEqual([]);
  // Left out means global.
  expect(changes({ ...policy, order_ids: "global" })).toEqual([]);
});

const [externalId, email] = policy.kinds as [PolicyDocument["kinds"][0], PolicyDocument["kinds"][0]];
const { survivorship } = policy;
test.each<[string[], Partial<PolicyDocument>]>([
  [["limit of email: 5 → 2"], { kinds: [externalId, { ...email, limit: 2 }] }],
  [["limit of email: 5 → –"], { kinds: [externalId, { ...email, limit: Number.NaN }] }],
  [
    ["limit of email: 5 → –", "priority of email: 2 → –", "form of email: email → –"],
    { kinds: [externalId] },
  ],
  [["blocked values: removed unknown"], { blocked_values: [] }],
  [["blocked values: added a, b, c +1; removed unknown"], { blocked_values: ["a", "b", "c", "d"] }],
  [["blocked patterns: added a+, b+"], { blocked_patterns: ["a+", "b+"] }],
  [["most links: 50 → 9"], { max_links: 9 }],
  [["most users: 3 → 4"], { max_users_a_month: 4 }],
  [["default rule: latest → most frequent"], { survivorship: { ...survivorship, default: "most_frequent" } }],
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

test("changes are applied to a colleague's version, and what both changed is named", () => {
  const mine: PolicyDocument = {
    ...policy,
    kinds: [externalId, { ...email, limit: 2 }],
    blocked_values: ["mine"],
    max_links: 9,
    survivorship: { ...survivorship, attributes: { score: "max" } },
  };
  const theirs: PolicyDocument = {
    ...policy,
    kinds: [
      { ...externalId, priority: 2 },
      { ...email, priority: 1 },
    ],
    blocked_values: ["unknown", "theirs"],
    max_links: 20,
    survivorship: { ...survivorship, attributes: { df_name: "earliest", df_gender: "latest" } },
    order_ids: "source",
  };
  const { document, conflicts } = rebase(policy, mine, theirs);
  expect(conflicts).toEqual(["max_links"]);
  expect(document).toEqual({
    ...theirs,
    kinds: [
      { ...externalId, priority: 2 },
      { ...email, priority: 1, limit: 2 },
    ],
    blocked_values: ["theirs", "mine"],
    max_links: 9,
    survivorship: { ...survivorship, attributes: { score: "max", df_gender: "latest" } },
  });
  expect(rebase(policy, policy, theirs)).toEqual({ document: theirs, conflicts: [] });
  expect(rebase(policy, mine, policy).document).toEqual(mine);
});

test("a stored draft is read back whole, or not at all", () => {
  const draft = {
    base: 3,
    document: { ...policy, max_links: Number.NaN, kinds: [{ ...email, limit: Number.NaN }, externalId] },
  };
  expect(readDraft(writeDraft(draft))).toEqual(draft);
  const damaged: [string, unknown][] = [
    ["no JSON", "{"],
    ["a version", { base: "3", document: policy }],
    ["a list", { base: 3, document: [] }],
    ["a limit", { base: 3, document: { ...policy, kinds: [{ ...email, limit: "5" }] } }],
    ["a form", { base: 3, document: { ...policy, kinds: [{ ...email, form: { pattern: 1 } }] } }],
    ["a rule", { base: 3, document: { ...policy, survivorship: { ...survivorship, default: "best" } } }],
    ["values", { base: 3, document: { ...policy, blocked_values: [1] } }],
    ["a zone", { base: 3, document: { ...policy, time_zone: null } }],
    ["order IDs", { base: 3, document: { ...policy, order_ids: "shop" } }],
  ];
  for (const [what, stored] of damaged)
    expect(readDraft(typeof stored === "string" ? stored : JSON.stringify(stored)), what).toBeUndefined();
  expect(readDraft(null)).toBeUndefined();
});
