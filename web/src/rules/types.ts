import type { QuestionName } from "./preview";

/** What the module answers, in the form that it answers in. */

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
  | { as: "IDENTIFIER"; hasForm: boolean; candidates: KindAndValue[] }
  /** Or an identifier of a kind that takes any text. */
  | { as: "NAME"; value: string; candidates: KindAndValue[] };

/** The facts of some customers, read once; every question is answered from them. */
export type FactsInModule = Record<QuestionName, (question: string) => string> & {
  contents: () => string;
  free: () => void;
};

/** The exports of the module: JSON out. */
export type RulesModule = {
  default: () => Promise<unknown>;
  normaliseIdentifier: (kind: string, value: string, policy?: string) => string;
  recogniseSearch: (text: string, policy?: string) => string;
  Facts: new (facts: string) => FactsInModule;
};

/** What the worker and the page say to one another. Facts stay in the worker, under a number. */
export type Call = { id: number } & (
  | { name: "normaliseIdentifier"; arguments: [kind: string, value: string, policy?: string] }
  | { name: "recogniseSearch"; arguments: [text: string, policy?: string] }
  | { name: "readFacts"; arguments: [facts: number, json: string] }
  | { name: "askFacts"; arguments: [facts: number, question: QuestionName, json: string] }
  | { name: "freeFacts"; arguments: [facts: number] }
);
export type Reply = { id: number; json: string } | { id: number; error: string };
