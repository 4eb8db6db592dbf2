import type { Questions } from "./preview";

export type QuestionName = keyof Questions;

/** The facts of some customers, parsed once; every question is answered from them. */
export type FactsInModule = Record<QuestionName, (question: string) => string> & {
  contents: () => string;
  free: () => void;
};

/** The exports of the module. Answers are JSON. */
export type RulesModule = {
  default: () => Promise<unknown>;
  normalizeIdentifier: (kind: string, value: string, policy?: string) => string;
  checkPolicy: (document: string) => string;
  alwaysBlocked: () => string;
  Facts: new (facts: string) => FactsInModule;
};

/** A request to the worker. Facts stay in the worker, under a number. */
export type Call = { id: number } & (
  | { name: "normalizeIdentifier"; arguments: [kind: string, value: string, policy?: string] }
  | { name: "checkPolicy"; arguments: [document: string] }
  | { name: "alwaysBlocked"; arguments: [] }
  | { name: "readFacts"; arguments: [facts: number, json: string] }
  | { name: "askFacts"; arguments: [facts: number, question: QuestionName, json: string] }
  | { name: "freeFacts"; arguments: [facts: number] }
);
export type Reply =
  | { id: number; json: string }
  | { id: number; error: string /** Whether the module did not load. */; unavailable: boolean };
