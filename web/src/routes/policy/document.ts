import type { KindRule, OrderIds, PolicyDocument, Rule } from "../../rules/preview";

export const rules: Rule[] = [
  "latest",
  "earliest",
  "most_frequent",
  "max",
  "min",
  "source_priority",
  "union",
];

/** A difference between two documents. `key` is the same in every language. */
export type Change = { key: string; what: string; from: string; to: string };
type Named = {
  kind: (kind: string) => string;
  attribute: (attribute: string) => string;
  rule: (rule: Rule) => string;
  orderIds: (value: OrderIds) => string;
  currency: (code: string) => string;
  added: (values: string) => string;
  removed: (values: string) => string;
  words: Words;
};
type Words = {
  limit: (kind: string) => string;
  priority: (kind: string) => string;
  form: (kind: string) => string;
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
type Line = { key: string; what: string; value: string | string[] };

/** How many values of a list a change names. */
const shownValues = 3;

/** The differences between two documents, one entry each, in words. */
export function changesOf(before: PolicyDocument, after: PolicyDocument, named: Named): Change[] {
  const [old, now] = [linesOf(before, named), linesOf(after, named)];
  const lines = new Map([...old, ...now].map((line) => [line.key, line]));
  const find = (of: Line[], key: string) => of.find((line) => line.key === key)?.value ?? "";
  return [...lines.values()].flatMap(({ key, what }) => {
    const [from, to] = [find(old, key), find(now, key)];
    if (String(from) === String(to)) return [];
    if (Array.isArray(from) && Array.isArray(to))
      return [{ key, what, from: "", to: listChange(from, to, named) }];
    return [{ key, what, from: String(from) || "–", to: String(to) || "–" }];
  });
}

function linesOf(
  document: PolicyDocument,
  { kind, attribute, rule, orderIds, currency, words }: Named,
): Line[] {
  const { survivorship } = document;
  const number = (value: number) => (Number.isNaN(value) ? "" : String(value));
  const form = (value: KindRule["form"]) => (typeof value === "string" ? value : value.pattern);
  return [
    ...document.kinds.flatMap(({ name, limit, priority, form: own }): Line[] => [
      { key: `limit ${name}`, what: words.limit(kind(name)), value: number(limit) },
      { key: `priority ${name}`, what: words.priority(kind(name)), value: number(priority) },
      { key: `form ${name}`, what: words.form(kind(name)), value: form(own) },
    ]),
    { key: "max_links", what: words.maxLinks, value: number(document.max_links) },
    { key: "max_users_a_month", what: words.maxUsers, value: number(document.max_users_a_month) },
    { key: "blocked_values", what: words.blockedValues, value: document.blocked_values },
    { key: "blocked_patterns", what: words.blockedPatterns, value: document.blocked_patterns },
    { key: "default", what: words.defaultRule, value: rule(survivorship.default) },
    ...Object.entries(survivorship.attributes).map(
      ([name, own]): Line => ({ key: `rule ${name}`, what: words.rule(attribute(name)), value: rule(own) }),
    ),
    { key: "sources", what: words.sources, value: survivorship.sources.join(", ") },
    { key: "time_zone", what: words.timeZone, value: document.time_zone },
    { key: "currency", what: words.currency, value: currency(document.currency) },
    { key: "order_ids", what: words.orderIds, value: orderIds(document.order_ids ?? "global") },
  ];
}

function listChange(from: string[], to: string[], { added, removed }: Named): string {
  const name = (values: string[]) =>
    values.slice(0, shownValues).join(", ") +
    (values.length > shownValues ? ` +${values.length - shownValues}` : "");
  const gained = to.filter((value) => !from.includes(value));
  const lost = from.filter((value) => !to.includes(value));
  const parts = [gained.length > 0 && added(name(gained)), lost.length > 0 && removed(name(lost))];
  return parts.filter(Boolean).join("; ") || name(to);
}

/** The values of a document that a person changes on their own, by the keys of `changesOf`. */
function partsOf(document: PolicyDocument): Map<string, unknown> {
  const { kinds, survivorship } = document;
  return new Map<string, unknown>([
    ...kinds.flatMap(({ name, limit, priority, form }): [string, unknown][] => [
      [`limit ${name}`, limit],
      [`priority ${name}`, priority],
      [`form ${name}`, form],
    ]),
    ["max_links", document.max_links],
    ["max_users_a_month", document.max_users_a_month],
    ["blocked_values", document.blocked_values],
    ["blocked_patterns", document.blocked_patterns],
    ["default", survivorship.default],
    ...Object.entries(survivorship.attributes).map(([name, rule]): [string, unknown] => [
      `rule ${name}`,
      rule,
    ]),
    ["sources", survivorship.sources],
    ["time_zone", document.time_zone],
    ["currency", document.currency],
    ["order_ids", document.order_ids ?? "global"],
  ]);
}

/**
 * Applies the changes from `base` to `draft` to another document. Where both changed the same value, the draft's is kept and its
 * key is returned. Priorities are one value, because no two kinds share one.
 */
export function rebase(
  base: PolicyDocument,
  draft: PolicyDocument,
  onto: PolicyDocument,
): { document: PolicyDocument; conflicts: string[] } {
  const [old, mine, theirs] = [partsOf(base), partsOf(draft), partsOf(onto)];
  const differs = (a: Map<string, unknown>, b: Map<string, unknown>, key: string) =>
    JSON.stringify(a.get(key)) !== JSON.stringify(b.get(key));
  const priorities = (parts: Map<string, unknown>) =>
    [...parts].filter(([key]) => key.startsWith("priority "));
  const changedPriorities = (parts: Map<string, unknown>) =>
    priorities(parts).some(([key]) => differs(old, parts, key));
  const isMine = (key: string) =>
    key.startsWith("priority ") ? changedPriorities(mine) : differs(old, mine, key);
  const pick = <T>(key: string, own: T, other: T): T => (isMine(key) ? own : other);
  const kindOf = (name: string) => draft.kinds.find((kind) => kind.name === name);
  const attributes = new Set([
    ...Object.keys(draft.survivorship.attributes),
    ...Object.keys(onto.survivorship.attributes),
  ]);
  const ruled = [...attributes].flatMap((name): [string, Rule][] => {
    const rule = pick(
      `rule ${name}`,
      draft.survivorship.attributes[name],
      onto.survivorship.attributes[name],
    );
    return rule === undefined ? [] : [[name, rule]];
  });
  const order_ids = pick("order_ids", draft.order_ids, onto.order_ids);
  const { order_ids: _, ...rest } = onto;
  const document: PolicyDocument = {
    ...rest,
    kinds: onto.kinds.map((kind) => {
      const own = kindOf(kind.name);
      if (!own) return kind;
      return {
        name: kind.name,
        form: pick(`form ${kind.name}`, own.form, kind.form),
        limit: pick(`limit ${kind.name}`, own.limit, kind.limit),
        priority: pick(`priority ${kind.name}`, own.priority, kind.priority),
      };
    }),
    blocked_values: merged(base.blocked_values, draft.blocked_values, onto.blocked_values),
    blocked_patterns: merged(base.blocked_patterns, draft.blocked_patterns, onto.blocked_patterns),
    max_links: pick("max_links", draft.max_links, onto.max_links),
    max_users_a_month: pick("max_users_a_month", draft.max_users_a_month, onto.max_users_a_month),
    survivorship: {
      default: pick("default", draft.survivorship.default, onto.survivorship.default),
      attributes: Object.fromEntries(ruled),
      sources: pick("sources", draft.survivorship.sources, onto.survivorship.sources),
    },
    time_zone: pick("time_zone", draft.time_zone, onto.time_zone),
    currency: pick("currency", draft.currency, onto.currency),
    ...(order_ids && { order_ids }),
  };
  const isList = (key: string) => key.startsWith("blocked_");
  const conflicts = [...new Set([...mine.keys(), ...theirs.keys()])].filter(
    (key) => !isList(key) && isMine(key) && differs(old, theirs, key) && differs(mine, theirs, key),
  );
  return { document, conflicts };
}

/** Adds to a list what one person added and removes what they removed; the rest is as the other left it. */
function merged(base: string[], mine: string[], theirs: string[]): string[] {
  const removed = new Set(base.filter((value) => !mine.includes(value)));
  const added = mine.filter((value) => !base.includes(value) && !theirs.includes(value));
  return [...theirs.filter((value) => !removed.has(value)), ...added];
}

/** What is edited: a whole document, and the version that it was made from. A number that was emptied is NaN. */
export type Draft = { base: number; document: PolicyDocument };

/** Reads a stored draft; nothing unless every part of it has its type. Whether the values are sound, the module says. */
export function readDraft(stored: string | null): Draft | undefined {
  if (!stored) return undefined;
  let read: unknown;
  try {
    read = JSON.parse(stored);
  } catch {
    return undefined;
  }
  if (!isRecord(read) || !Number.isInteger(read.base)) return undefined;
  const document = readDocument(read.document);
  return document && { base: read.base as number, document };
}

export const writeDraft = (draft: Draft) => JSON.stringify(draft);

function readDocument(read: unknown): PolicyDocument | undefined {
  if (!isRecord(read) || !Array.isArray(read.kinds) || !isRecord(read.survivorship)) return undefined;
  const { survivorship, order_ids } = read;
  const kinds = read.kinds.map(readKind);
  const isSound =
    kinds.every((kind) => kind !== undefined) &&
    isTexts(read.blocked_values) &&
    isTexts(read.blocked_patterns) &&
    isNumber(read.max_links) &&
    isNumber(read.max_users_a_month) &&
    isRule(survivorship.default) &&
    isRecord(survivorship.attributes) &&
    Object.values(survivorship.attributes).every(isRule) &&
    isTexts(survivorship.sources) &&
    typeof read.time_zone === "string" &&
    typeof read.currency === "string" &&
    (order_ids === undefined || order_ids === "global" || order_ids === "source");
  if (!isSound) return undefined;
  const document = read as unknown as PolicyDocument;
  return {
    kinds: kinds.filter((kind) => kind !== undefined),
    blocked_values: document.blocked_values,
    blocked_patterns: document.blocked_patterns,
    max_links: document.max_links ?? Number.NaN,
    max_users_a_month: document.max_users_a_month ?? Number.NaN,
    survivorship: {
      default: document.survivorship.default,
      attributes: document.survivorship.attributes,
      sources: document.survivorship.sources,
    },
    time_zone: document.time_zone,
    currency: document.currency,
    ...(document.order_ids && { order_ids: document.order_ids }),
  };
}

function readKind(read: unknown): KindRule | undefined {
  if (!isRecord(read)) return undefined;
  const { name, form, limit, priority } = read;
  const isForm =
    form === "external_id" ||
    form === "phone" ||
    form === "email" ||
    form === "trimmed" ||
    (isRecord(form) && typeof form.pattern === "string");
  if (typeof name !== "string" || !isForm || !isNumber(limit) || !isNumber(priority)) return undefined;
  return {
    name,
    form: form as KindRule["form"],
    limit: (limit ?? Number.NaN) as number,
    priority: (priority ?? Number.NaN) as number,
  };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isTexts = (value: unknown) => Array.isArray(value) && value.every((text) => typeof text === "string");
const isRule = (value: unknown) => rules.some((rule) => rule === value);
/** JSON has no NaN, so a number that was emptied is stored as null. */
const isNumber = (value: unknown) => typeof value === "number" || value === null;
