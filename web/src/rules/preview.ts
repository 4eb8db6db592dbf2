import type { CustomerQuery, RankBy, Weekday, WithheldReason } from "../graphql/generated/graphql";

/**
 * Questions to the facts of some customers, and their answers, in core's own JSON. Names are those of the API. `samples.ts`
 * holds these types to answers of the module.
 */

export type Decimal = `${number}`;

/** As of when customers are shown, and which figures of their purchases. */
export type Figures = { asOf: string; currency?: string | null; netOfRefunds?: boolean; by?: RankBy };

export type RankTarget = "CATEGORIES" | "PRODUCTS";
export type RankedItem = {
  rank: number;
  key: string;
  name: string;
  units: number;
  orders: number;
  amount: Decimal;
  lastPurchasedAt: string;
};
/** What decides between two neighbours of a ranking. */
export type TieBreak = "MEASURE" | "AMOUNT" | "UNITS" | "RECENCY" | "NAME" | "KEY";
export type ExplainedRank = RankedItem & { beforeNext: TieBreak | null };

export type RankingQuestion = {
  unifiedId: string;
  figures: Figures;
  what: RankTarget;
  months: number;
  first?: number;
};
export type RankingPreview = { currency: string; from: string; to: string; items: ExplainedRank[] };

export type SpendQuestion = { unifiedId: string; figures: Figures; months: number };
export type MonthlySpend = { month: string; count: number; amount: Decimal };
export type WeekdayPurchases = { weekday: Weekday; count: number; hours: number[] };
export type Spend = {
  currency: string;
  months: MonthlySpend[];
  largestAmount: Decimal;
  weekdays: WeekdayPurchases[];
  largestCount: number;
};

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

export type ShownWindow = {
  months: number;
  from: string;
  to: string;
  count: number;
  amount: Decimal;
  average: Decimal | null;
};

export type ShownPurchases = {
  currency: string;
  currencies: string[];
  windows: ShownWindow[];
  peakWeekday: Weekday | null;
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
  refundAmount: Decimal;
};

export type ShownDevice = {
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

export type ShownObservation = {
  value: unknown;
  observedAt: string;
  source: string;
  identifier: ShownIdentifier;
};
export type ShownAttribute = ShownObservation & {
  name: string;
  standard: boolean;
  rule: string;
  others: ShownObservation[];
};
export type ShownConsent = { channel: string; granted: boolean; observedAt: string; source: string };

/** The parts of a customer that another date changes: a step of a slider asks for these. */
export type ShownAsOf = {
  asOf: string;
  basic: NonNullable<CustomerQuery["profile"]>["basic"];
  purchases: ShownPurchases;
};

/** A customer as the server's `profile` shows it; what is only previewed has no revision yet. */
export type ShownProfile = ShownAsOf & {
  unifiedId: string;
  supersededIds: string[];
  revision?: string;
  identifiers: ShownIdentifier[];
  recentDevice: ShownDevice | null;
  devices: ShownDevice[];
  attributes: ShownAttribute[];
  consents: ShownConsent[];
  activity: {
    firstAccessAt: string;
    lastActivityAt: string;
    eventCount: number;
    sessionCount: number;
    lastUpdatedAt: string;
  };
};
export type ProfileQuestion = { unifiedId: string; figures: Figures };

export type PreviewStatus = "APPLIED" | "NO_CHANGE" | "CONTRADICTED";

export type ShownDecision = {
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
export type ShownWithheldLink = { link: ShownLink; reason: WithheldReason; detail: string };
/** Links that are followed only after the change, or only before it. */
export type LinkChanges = {
  followed: ShownLink[];
  withheld: ShownWithheldLink[];
};

/** A value, and which of the customers show it; none where it comes of several values together. */
export type Claim = { value: unknown; unifiedIds: string[] };
export type FieldGroup = "BASIC" | "ATTRIBUTE" | "CONSENT" | "DEVICE" | "ACTIVITY";
export type MergedField = {
  group: FieldGroup;
  name: string;
  rule: string | null;
  winner: Claim | null;
  losers: Claim[];
};
export type BrokenLimit = { kind: string; limit: number; count: number };

export type MergeQuestion = { unifiedIds: string[]; figures: Figures };
export type MergePreview = {
  status: PreviewStatus;
  expectedRevision: string;
  unifiedId: string | null;
  /** The two identifiers of each SAME decision that would be made. */
  decisions: { a: End; b: End }[];
  before: ShownProfile[];
  after: ShownProfile | null;
  othersBefore: ShownProfile[];
  othersAfter: ShownProfile[];
  fields: MergedField[];
  limits: BrokenLimit[];
  links: LinkChanges;
  contradictions: ShownDecision[];
};

/** Of a value that was retired, the generation tells its owners apart. */
type End = { kind: string; value: string; generation?: number };
export type Change =
  | { cut: { a: End; b: End } }
  | { different: { a: End; b: End } }
  | { revoke: { decision: string } }
  | { retire: { identifier: End; from: string } };
export type UnmergeQuestion = { change: Change; figures: Figures };
export type UnmergePreview = {
  status: PreviewStatus;
  expectedRevision: string;
  before: ShownProfile[];
  after: ShownProfile[];
  links: LinkChanges;
  contradictions: ShownDecision[];
};

export type PolicyQuestion = { document: unknown; figures: Figures };
export type PolicyPreview = {
  policy: unknown;
  changes: { before: string[]; after: string[] }[];
  before: ShownProfile[];
  after: ShownProfile[];
  links: LinkChanges;
};

export type ExplainQuestion = { a: End; b: End };
export type ShownExplanation = { together: boolean; path: ShownLink[]; blockedBy: ShownWithheldLink[] };

/** What facts are about, and the revision of all their customers together. */
export type Contents = { policyVersion: number; revision: string; unifiedIds: string[] };

export type Fault = { path: string; detail: string };

/** What can be asked of facts, and what is answered. */
export type Questions = {
  profile: { question: ProfileQuestion; answer: ShownProfile };
  profileAsOf: { question: ProfileQuestion; answer: ShownAsOf };
  mergePreview: { question: MergeQuestion; answer: MergePreview };
  unmergePreview: { question: UnmergeQuestion; answer: UnmergePreview };
  rankingPreview: { question: RankingQuestion; answer: RankingPreview };
  spend: { question: SpendQuestion; answer: Spend };
  policyPreview: { question: PolicyQuestion; answer: PolicyPreview };
  explain: { question: ExplainQuestion; answer: ShownExplanation };
};
export type QuestionName = keyof Questions;

/** Why a question has no answer, as the module says it. */
export type Refusal = { error: { code: string; detail: string; faults: Fault[] } };

/** Why a question has no answer. */
export class Unanswered extends Error {
  readonly code: string;
  readonly faults: Fault[];

  constructor({ code, detail, faults = [] }: { code: string; detail: string; faults?: Fault[] }) {
    super(detail);
    this.code = code;
    this.faults = faults;
  }
}
