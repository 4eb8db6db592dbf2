// Written by `make types` from the types of core; a test compares them.
import type { Platform, WithheldReason } from "../graphql/generated/graphql";

/** An exact decimal number. */
export type Decimal = `${number}`;

/** What can be asked of facts, by the name of the module's export. */
export type Questions = {
  profile: { question: ProfileParams; answer: ProfileView };
  profileAsOf: { question: ProfileParams; answer: AsOfView };
  mergePreview: { question: MergeParams; answer: MergePreview };
  unmergePreview: { question: UnmergeParams; answer: UnmergePreview };
  rankingPreview: { question: RankingParams; answer: RankingPreview };
  spend: { question: SpendParams; answer: Spend };
  policyPreview: { question: PolicyParams; answer: PolicyPreview };
  explain: { question: ExplainParams; answer: ExplanationView };
};

export type Activity = { firstAccessAt: string, lastActivityAt: string, eventCount: number, sessionCount: number, lastUpdatedAt: string, };

export type AsOfView = { asOf: string, basic: BasicInfo, purchases: PurchaseInfo, };

export type Attribute = { name: string, standard: boolean, value: unknown, rule: string, observedAt: string, source: string, identifier: ProfileIdentifier, others: Array<AttributeObservation>, };

export type AttributeObservation = { value: unknown, observedAt: string, source: string, identifier: ProfileIdentifier, };

export type Avatar = { letter: string, color: string, };

export type BasicInfo = { avatar: Avatar, name: string | null, platforms: Platform[], deviceCount: number, phone: string | null, email: string | null, gender: Gender | null, birthDate: string | null, age: number | null, ageGroup: string | null, membershipLevel: string | null, recentArea: string | null, };

export type BrokenLimit = { kind: string, limit: number, count: number, };

export type Change = { "cut": { a: Identifier, b: Identifier, } } | { "different": { a: Identifier, b: Identifier, } } | { "revoke": { decision: string, } } | { "retire": { identifier: Identifier, from: string, } };

export type Claim = { value: unknown, unifiedIds: Array<string>, };

export type Compared = { what: "phone" | "email" | "name" | "birthDate" | "gender", result: Comparison, };

export type Comparison = "MATCH" | "DIFFER" | "UNKNOWN";

export type Consent = { channel: string, granted: boolean, observedAt: string, source: string, };

export type Contents = { policyVersion: number, revision: string, unifiedIds: Array<string>, };

export type DecisionView = { key: string, relation: Relation, a: ProfileIdentifier, b: ProfileIdentifier, reason: string, actor: string, at: string, revokedAt: string | null, revokedBy: string | null, };

export type Device = { deviceId: string, model: string | null, os: string | null, osVersion: string | null, browser: string | null, browserVersion: string | null, carrier: string | null, language: string | null, timeZone: string | null, country: string | null, region: string | null, city: string | null, area: string | null, libraryPlatform: string | null, libraryVersion: string | null, shared: boolean, lastUsedAt: string, };

export type ErrorAnswer = { error: ErrorFields, };

export type ErrorFields = { code: string, detail: string, faults: Array<PolicyFault>, };

export type ExplainParams = { a: Identifier, b: Identifier, };

export type ExplainedRank = { beforeNext: TieBreak | null, previousRank: number | null, rank: number, key: string, name: string, units: number, orders: number, amount: Decimal, lastPurchasedAt: string, };

export type ExplanationView = { together: boolean, path: Array<LinkView>, blockedBy: Array<WithheldLinkView>, };

export type FieldGroup = "BASIC" | "ATTRIBUTE" | "CONSENT" | "DEVICE" | "ACTIVITY";

export type Figures = { asOf: string, currency?: string | null, netOfRefunds?: boolean, by?: RankBy, };

export type Form = "external_id" | "phone" | "email" | "trimmed" | { "pattern": string };

export type Gender = "MALE" | "FEMALE" | "NON_BINARY" | "OTHER";

export type Identifier = { kind: string, value: string, generation?: number, };

export type KindRule = { name: string, form: Form, limit: number, priority: number, };

export type LinkChanges = { followed: Array<LinkView>, withheld: Array<WithheldLinkView>, };

export type LinkView = { a: ProfileIdentifier, b: ProfileIdentifier, firstSeenAt: string, lastSeenAt: string, count: number, sources: Array<string>, decision: DecisionView | null, };

export type MergeEvidence = { compared: Array<Compared>, seenTogether: number, contradictory: boolean, };

export type MergeParams = { unifiedIds: Array<string>, figures: Figures, };

export type MergePreview = { status: PreviewStatus, expectedRevision: string, unifiedId: string | null, decisions: Array<Pair>, before: Array<ProfileView>, after: ProfileView | null, othersBefore: Array<ProfileView>, othersAfter: Array<ProfileView>, evidence: MergeEvidence, fields: Array<MergedField>, limits: Array<BrokenLimit>, links: LinkChanges, contradictions: Array<DecisionView>, };

export type MergedField = { group: FieldGroup, name: string, rule: string | null, differs: boolean, winner: Claim | null, losers: Array<Claim>, };

export type MonthlySpend = { month: string, count: number, amount: Decimal, };

export type NormalForm = { "status": "ok", kind: string, value: string, warnings: Array<NormalFormWarning>, } | { "status": "blocked", detail: string, } | { "status": "refused", code: string, detail: string, };

export type NormalFormWarning = { code: string, detail: string, };

export type OrderIds = "global" | "source";

export type Pair = { a: Identifier, b: Identifier, };

export type PolicyCheck = { faults: Array<PolicyFault>, };

export type PolicyDocument = { kinds: Array<KindRule>, blocked_values: Array<string>, blocked_patterns: Array<string>, max_links: number, max_users_a_month: number, survivorship: Survivorship, time_zone: string, currency: string, order_ids?: OrderIds, };

export type PolicyFault = { code: PolicyFaultCode, path: string, detail: string, };

export type PolicyFaultCode = "UNKNOWN_FIELD" | "MISSING_FIELD" | "WRONG_TYPE" | "NO_KINDS" | "MALFORMED_NAME" | "DUPLICATE_NAME" | "DUPLICATE_PRIORITY" | "BELOW_ONE" | "MALFORMED_PATTERN" | "PATTERNS_TOO_LARGE" | "TOO_MANY" | "TOO_LONG" | "UNKNOWN_TIME_ZONE" | "MALFORMED_CURRENCY";

export type PolicyParams = { document: unknown, figures: Figures, };

export type PolicyPreview = { policy: PolicyDocument, changes: Array<Regrouped>, before: Array<ProfileView>, after: Array<ProfileView>, links: LinkChanges, };

export type PreviewStatus = "APPLIED" | "NO_CHANGE" | "CONTRADICTED";

export type ProfileIdentifier = { kind: string, value: string, unifiedId: string, firstSeenAt: string, lastSeenAt: string, sources: Array<string>, shared: boolean, retiredAt: string | null, };

export type ProfileParams = { unifiedId: string, figures: Figures, };

export type ProfileView = { unifiedId: string, supersededIds: Array<string>, revision?: string, asOf: string, basic: BasicInfo, identifiers: Array<ProfileIdentifier>, recentDevice: Device | null, devices: Array<Device>, attributes: Array<Attribute>, consents: Array<Consent>, activity: Activity, purchases: PurchasesView, };

export type PurchaseInfo = { currency: string, currencies: Array<string>, windows: Array<PurchaseWindow>, peakWeekday: Weekday | null, peakHour: number | null, firstPurchaseDate: string | null, lastPurchaseDate: string | null, refundCount: number, refundAmount: Decimal, };

export type PurchaseWindow = { months: number, from: string, to: string, count: number, amount: Decimal, average: Decimal | null, };

export type PurchasesView = { currency: string, currencies: Array<string>, windows: Array<PurchaseWindow>, peakWeekday: Weekday | null, peakHour: number | null, firstPurchaseDate: string | null, lastPurchaseDate: string | null, topCategories3: Array<RankedItem>, topCategories6: Array<RankedItem>, topCategories12: Array<RankedItem>, topProducts3: Array<RankedItem>, topProducts6: Array<RankedItem>, topProducts12: Array<RankedItem>, refundCount: number, refundAmount: Decimal, };

export type RankBy = "UNITS" | "ORDERS" | "AMOUNT";

export type RankedItem = { rank: number, key: string, name: string, units: number, orders: number, amount: Decimal, lastPurchasedAt: string, };

export type Ranking = { months: number, from: string, to: string, categories: Array<ExplainedRank>, products: Array<ExplainedRank>, };

export type RankingParams = { unifiedId: string, figures: Figures, first?: number, };

export type RankingPreview = { currency: string, rankings: Array<Ranking>, };

export type Regrouped = { before: Array<string>, after: Array<string>, };

export type Relation = "SAME" | "DIFFERENT";

export type Rule = "latest" | "earliest" | "most_frequent" | "max" | "min" | "source_priority" | "union";

export type Spend = { currency: string, months: Array<MonthlySpend>, largestAmount: Decimal, weekdays: Array<WeekdayPurchases>, largestCount: number, };

export type SpendParams = { unifiedId: string, figures: Figures, months: number, };

export type Survivorship = { default: Rule, attributes: { [key in string]: Rule }, sources: Array<string>, };

export type TieBreak = "MEASURE" | "AMOUNT" | "UNITS" | "RECENCY" | "NAME" | "KEY";

export type UnmergeParams = { change: Change, figures: Figures, };

export type UnmergePreview = { status: PreviewStatus, expectedRevision: string, before: Array<ProfileView>, after: Array<ProfileView>, links: LinkChanges, contradictions: Array<DecisionView>, };

export type Weekday = "MONDAY" | "TUESDAY" | "WEDNESDAY" | "THURSDAY" | "FRIDAY" | "SATURDAY" | "SUNDAY";

export type WeekdayPurchases = { weekday: Weekday, count: number, hours: Array<number>, };

export type WithheldLinkView = { link: LinkView, reason: WithheldReason, detail: string, kind: string | null, };
