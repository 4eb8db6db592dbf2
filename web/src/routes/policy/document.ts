import type { PolicyDocument } from "../../rules/preview";

export type Change = { what: string; from: string; to: string };
type Named = { kind: (kind: string) => string; words: Words };
type Words = {
  limit: (kind: string) => string;
  priority: (kind: string) => string;
  maxLinks: string;
  maxUsers: string;
  blockedValues: string;
  blockedPatterns: string;
  defaultRule: string;
  rule: (attribute: string) => string;
  sources: string;
  timeZone: string;
  currency: string;
  orderIds: string;
};

/** The differences between two documents, one entry each. */
export function changesOf(before: PolicyDocument, after: PolicyDocument, { kind, words }: Named): Change[] {
  const lines = (document: PolicyDocument): Map<string, string> => {
    const { survivorship } = document;
    return new Map([
      ...document.kinds.flatMap(({ name, limit, priority }): [string, string][] => [
        [words.limit(kind(name)), String(limit)],
        [words.priority(kind(name)), String(priority)],
      ]),
      [words.maxLinks, String(document.max_links)],
      [words.maxUsers, String(document.max_users_a_month)],
      [words.blockedValues, document.blocked_values.join(", ")],
      [words.blockedPatterns, document.blocked_patterns.join(", ")],
      [words.defaultRule, survivorship.default],
      ...Object.entries(survivorship.attributes).map(([name, rule]): [string, string] => [
        words.rule(name),
        rule,
      ]),
      [words.sources, survivorship.sources.join(", ")],
      [words.timeZone, document.time_zone],
      [words.currency, document.currency],
      [words.orderIds, document.order_ids ?? "global"],
    ]);
  };
  const [old, now] = [lines(before), lines(after)];
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((what) => {
    const [from, to] = [old.get(what) ?? "", now.get(what) ?? ""];
    return from === to ? [] : [{ what, from: from || "–", to: to || "–" }];
  });
}
