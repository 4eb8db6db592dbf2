import type { CustomerQuery, RankBy, Weekday, WithheldReason } from "../graphql/generated/graphql";

/** Questions to the facts of some customers, and their answers, in core's own JSON. Names are those of the API. */

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

/** A customer as the server's `profile` shows it; what is only previewed has no revision yet. */
export type ShownProfile = {
  unifiedId: string;
  supersededIds: string[];
  revision?: string;
  asOf: string;
  basic: NonNullable<CustomerQuery["profile"]>["basic"];
  identifiers: ShownIdentifier[];
  recentDevice: Record<string, string | null> | null;
  devices: Record<string, string | null>[];
  attributes: {
    name: string;
    standard: boolean;
    value: unknown;
    rule: string;
    observedAt: string;
    source: string;
    identifier: ShownIdentifier;
    others: { value: unknown; observedAt: string; source: string; identifier: ShownIdentifier }[];
  }[];
  consents: { channel: string; granted: boolean; observedAt: string; source: string }[];
  activity: {
    firstAccessAt: string;
    lastActivityAt: string;
    eventCount: number;
    sessionCount: number;
    lastUpdatedAt: string;
  };
  purchases: ShownPurchases;
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
/** Links that are followed only after the change, or only before it. */
export type LinkChanges = {
  followed: ShownLink[];
  withheld: { link: ShownLink; reason: WithheldReason; detail: string }[];
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
  /** The two identifiers of each SAME that would be made. */
  decisions: { a: { kind: string; value: string }; b: { kind: string; value: string } }[];
  before: ShownProfile[];
  after: ShownProfile | null;
  othersBefore: ShownProfile[];
  othersAfter: ShownProfile[];
  fields: MergedField[];
  limits: BrokenLimit[];
  links: LinkChanges;
  contradictions: ShownDecision[];
};

type End = { kind: string; value: string };
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

export type Fault = { path: string; detail: string };

/** What can be asked of facts, and what is answered. */
export type Questions = {
  profile: { question: ProfileQuestion; answer: ShownProfile };
  mergePreview: { question: MergeQuestion; answer: MergePreview };
  unmergePreview: { question: UnmergeQuestion; answer: UnmergePreview };
  rankingPreview: { question: RankingQuestion; answer: RankingPreview };
  policyPreview: { question: PolicyQuestion; answer: PolicyPreview };
};
export type QuestionName = keyof Questions;

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
