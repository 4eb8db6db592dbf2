/** What the module answers, in the form that it answers in. */

export type KindAndValue = { kind: string; value: string };
export type Warning = { code: string; detail: string };

/** `normaliseIdentifier(kind, value)` */
export type Normalised =
  | { status: "ok"; kind: string; value: string; warnings: Warning[] }
  | { status: "blocked"; detail: string }
  | { status: "refused"; code: string; detail: string };

/** `recogniseSearch(text)` */
export type Recognised =
  | { as: "EMPTY" }
  | { as: "UNIFIED_ID"; value: string }
  /** The kind that it looks most like first. */
  | { as: "IDENTIFIER"; candidates: KindAndValue[] }
  /** Or an identifier of a kind that takes any text. */
  | { as: "NAME"; value: string; candidates: KindAndValue[] };

/** The exports of the module: JSON out. */
export type RulesModule = {
  default: () => Promise<unknown>;
  normaliseIdentifier: (kind: string, value: string) => string;
  recogniseSearch: (text: string) => string;
};

/** What the worker and the page say to one another. */
export type Call =
  | { id: number; name: "normaliseIdentifier"; arguments: [kind: string, value: string] }
  | { id: number; name: "recogniseSearch"; arguments: [text: string] };
export type Reply = { id: number; json: string } | { id: number; error: string };
