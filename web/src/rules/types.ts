/**
 * What the module takes and answers, in the form that it does: JSON with the names of the API's schema. `samples.ts` holds
 * these types to answers of the module.
 */

export type KindAndValue = { kind: string; value: string };
export type Warning = { code: string; detail: string };

/** `normaliseIdentifier(kind, value, policy?)` */
export type Normalised =
  | { status: "ok"; kind: string; value: string; warnings: Warning[] }
  | { status: "blocked"; detail: string }
  | { status: "refused"; code: string; detail: string };

/** `recogniseSearch(text, policy?)` */
export type Recognised =
  | { as: "EMPTY" }
  | { as: "UNIFIED_ID"; value: string }
  /** The kind that it looks most like first. */
  | { as: "IDENTIFIER"; candidates: KindAndValue[] }
  /** Or an identifier of a kind that takes any text. */
  | { as: "NAME"; value: string; candidates: KindAndValue[] };

/** Why there is no answer. */
export type Refusal = {
  code:
    | "FACTS_UNREADABLE"
    | "QUESTION_UNREADABLE"
    | "UNKNOWN_PROFILE"
    | "UNKNOWN_IDENTIFIER"
    | "UNKNOWN_LINK"
    | "UNKNOWN_DECISION"
    | "ONE_IDENTIFIER"
    | "POLICY_FAULTS"
    /** The facts were made of messages that would be read differently then; only the server can tell. */
    | "NEEDS_MESSAGES"
    /** The facts do not hold the offsets of the policy's time zone. */
    | "UNKNOWN_ZONE"
    /** The change reaches further than the facts that were loaded. */
    | "INCOMPLETE_FACTS";
  detail: string;
  /** Of a policy document, all of them. */
  faults: { path: string; detail: string }[];
};
export type Answer<T> = T | { error: Refusal };

/** What facts are about. */
export type Contents = {
  policyVersion: number;
  /** Of all their profiles together. */
  revision: string;
  unifiedIds: string[];
};

export type RankBy = "UNITS" | "ORDERS" | "AMOUNT";
export type RankTarget = "CATEGORIES" | "PRODUCTS";

/** An identifier, as facts or profiles name it, or in any form that its kind is written in. */
export type IdentifierRef = { kind: string; value: string; generation?: number };

/** As of when profiles are shown, and which figures of their purchases. */
export type Figures = {
  /** yyyy-MM-dd */
  asOf: string;
  currency?: string | null;
  netOfRefunds?: boolean;
  by?: RankBy;
};
export type ProfileQuestion = { unifiedId: string; figures: Figures };
export type MergeQuestion = { unifiedIds: string[]; figures: Figures };
export type Change =
  | { cut: { a: IdentifierRef; b: IdentifierRef } }
  | { different: { a: IdentifierRef; b: IdentifierRef } }
  /** By its key. */
  | { revoke: { decision: string } }
  /** RFC 3339 */
  | { retire: { identifier: IdentifierRef; from: string } };
export type UnmergeQuestion = { change: Change; figures: Figures };
export type RankingQuestion = {
  unifiedId: string;
  figures: Figures;
  what: RankTarget;
  /** 1 to 120 */
  months: number;
  /** 1 to 100; 3 unless said otherwise. */
  first?: number;
};
export type PolicyQuestion = { document: unknown; figures: Figures };
export type ExplainQuestion = { a: IdentifierRef; b: IdentifierRef };

export type ShownIdentifier = {
  kind: string;
  value: string;
  unifiedId: string;
  firstSeenAt: string;
  lastSeenAt: string;
  sources: string[];
  shared: boolean;
  retiredAt: string | null;
};
export type Basic = {
  avatar: { letter: string; color: string };
  name: string | null;
  platforms: ("ANDROID" | "IOS" | "WEB" | "API")[];
  deviceCount: number;
  phone: string | null;
  email: string | null;
  gender: "MALE" | "FEMALE" | "NON_BINARY" | "OTHER" | null;
  birthDate: string | null;
  age: number | null;
  ageGroup: string | null;
  membershipLevel: string | null;
  recentArea: string | null;
};
export type Device = {
  deviceId: string;
  model: string | null;
  os: string | null;
  osVersion: string | null;
  browser: string | null;
  browserVersion: string | null;
  carrier: string | null;
  language: string | null;
  timeZone: string | null;
  country: string | null;
  region: string | null;
  city: string | null;
  area: string | null;
  libraryPlatform: string | null;
  libraryVersion: string | null;
  lastUsedAt: string;
};
export type AttributeValue = string | number | boolean | (string | number | boolean)[];
export type AttributeObservation = {
  value: AttributeValue;
  observedAt: string;
  source: string;
  identifier: ShownIdentifier;
};
export type Attribute = AttributeObservation & {
  name: string;
  standard: boolean;
  rule: string;
  others: AttributeObservation[];
};
export type Consent = { channel: string; granted: boolean; observedAt: string; source: string };
export type Activity = {
  firstAccessAt: string;
  lastActivityAt: string;
  eventCount: number;
  sessionCount: number;
  lastUpdatedAt: string;
};
export type PurchaseWindow = {
  months: number;
  from: string;
  to: string;
  count: number;
  /** An exact decimal number, as are all amounts. */
  amount: string;
  average: string | null;
};
export type RankedItem = {
  rank: number;
  key: string;
  name: string;
  units: number;
  orders: number;
  amount: string;
  lastPurchasedAt: string;
};
export type Purchases = {
  currency: string;
  currencies: string[];
  windows: PurchaseWindow[];
  peakWeekday: "MONDAY" | "TUESDAY" | "WEDNESDAY" | "THURSDAY" | "FRIDAY" | "SATURDAY" | "SUNDAY" | null;
  peakHour: number | null;
  firstPurchaseDate: string | null;
  lastPurchaseDate: string | null;
  topCategories3: RankedItem[];
  topCategories6: RankedItem[];
  topCategories12: RankedItem[];
  topProducts3: RankedItem[];
  topProducts6: RankedItem[];
  topProducts12: RankedItem[];
  refundCount: number;
  refundAmount: string;
};
/** `profileAsOf(question)`: the parts of a profile that another date changes. */
export type ProfileAsOf = { asOf: string; basic: Basic; purchases: Purchases };
/** `profile(question)` */
export type Profile = ProfileAsOf & {
  unifiedId: string;
  supersededIds: string[];
  /** A profile that is only previewed has none. */
  revision?: string;
  identifiers: ShownIdentifier[];
  recentDevice: Device | null;
  devices: Device[];
  attributes: Attribute[];
  consents: Consent[];
  activity: Activity;
};

export type ShownDecision = {
  /** What the server's `id` is made of. */
  key: string;
  relation: "SAME" | "DIFFERENT";
  a: ShownIdentifier;
  b: ShownIdentifier;
  reason: string;
  actor: string;
  at: string;
  revokedAt: string | null;
  revokedBy: string | null;
};
export type ShownLink = {
  a: ShownIdentifier;
  b: ShownIdentifier;
  firstSeenAt: string;
  lastSeenAt: string;
  count: number;
  sources: string[];
  decision: ShownDecision | null;
};
export type WithheldLink = {
  link: ShownLink;
  reason: "LIMIT" | "DIFFERENT" | "BLOCKED" | "SHARED";
  detail: string;
};
export type LinkChanges = { followed: ShownLink[]; withheld: WithheldLink[] };
export type PreviewStatus = "APPLIED" | "NO_CHANGE" | "CONTRADICTED";

export type Claim = { value: AttributeValue; unifiedIds: string[] };
/** One field of the merged profile, and who had which value before. */
export type MergedField = {
  group: "BASIC" | "ATTRIBUTE" | "CONSENT" | "DEVICE" | "ACTIVITY";
  name: string;
  rule: string | null;
  winner: Claim | null;
  losers: Claim[];
};
/** `mergePreview(question)` */
export type MergePreview = {
  status: PreviewStatus;
  expectedRevision: string;
  /** The unified ID that stays; none where it is contradicted. */
  unifiedId: string | null;
  /** The two identifiers of each SAME decision that would be made. */
  decisions: { a: IdentifierRef; b: IdentifierRef }[];
  before: Profile[];
  after: Profile | null;
  /** Other profiles that would change with them. */
  othersBefore: Profile[];
  othersAfter: Profile[];
  fields: MergedField[];
  /** Limits that the merged profile would be above. */
  limits: { kind: string; limit: number; count: number }[];
  links: LinkChanges;
  contradictions: ShownDecision[];
};
/** `unmergePreview(question)` */
export type UnmergePreview = {
  status: PreviewStatus;
  expectedRevision: string;
  before: Profile[];
  after: Profile[];
  links: LinkChanges;
  contradictions: ShownDecision[];
};
/** `rankingPreview(question)` */
export type RankingPreview = {
  currency: string;
  from: string;
  to: string;
  /** With what decides that an item stands before the next one; null where none comes next. */
  items: (RankedItem & {
    beforeNext: "MEASURE" | "AMOUNT" | "UNITS" | "RECENCY" | "NAME" | "KEY" | null;
  })[];
};
/** `policyPreview(question)` */
export type PolicyPreview = {
  /** The whole document that would be in force. */
  policy: PolicyDocument;
  /** Profiles that would part or join, by their unified IDs. */
  changes: { before: string[]; after: string[] }[];
  before: Profile[];
  after: Profile[];
  links: LinkChanges;
};
export type PolicyDocument = {
  kinds: {
    name: string;
    form: "external_id" | "phone" | "email" | "trimmed" | { pattern: string };
    limit: number;
    priority: number;
  }[];
  blocked_values: string[];
  blocked_patterns: string[];
  max_links: number;
  survivorship: { default: string; attributes: Record<string, string>; sources: string[] };
  time_zone: string;
  currency: string;
};
/** `explain(question)` */
export type Explanation = { together: boolean; path: ShownLink[]; blockedBy: WithheldLink[] };

/** Every question about facts, and its answer. */
export type Questions = {
  profile: [ProfileQuestion, Profile];
  profileAsOf: [ProfileQuestion, ProfileAsOf];
  mergePreview: [MergeQuestion, MergePreview];
  unmergePreview: [UnmergeQuestion, UnmergePreview];
  rankingPreview: [RankingQuestion, RankingPreview];
  policyPreview: [PolicyQuestion, PolicyPreview];
  explain: [ExplainQuestion, Explanation];
};

/** Facts that were read, in the module: JSON in and out. `free` gives their memory back. */
export type FactsHandle = { contents: () => string; free: () => void } & {
  [Name in keyof Questions]: (question: string) => string;
};

/** The exports of the module: JSON out. */
export type RulesModule = {
  default: () => Promise<unknown>;
  normaliseIdentifier: (kind: string, value: string, policy?: string) => string;
  recogniseSearch: (text: string, policy?: string) => string;
  Facts: new (facts: string) => FactsHandle;
};

/** What the worker and the page say to one another. Facts are known by a number that the page chooses. */
export type Call =
  | { id: number; name: "normaliseIdentifier"; arguments: [kind: string, value: string, policy?: string] }
  | { id: number; name: "recogniseSearch"; arguments: [text: string, policy?: string] }
  | { id: number; name: "open"; arguments: [facts: number, text: string] }
  | { id: number; name: "ask"; arguments: [facts: number, what: keyof Questions, question: string] }
  | { id: number; name: "close"; arguments: [facts: number] };
export type Reply = { id: number; json: string } | { id: number; error: string };
