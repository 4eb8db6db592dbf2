// The module is built, not committed; its own declarations win where they are there.
declare module "*/pkg/rules.js" {
  export default function init(): Promise<unknown>;
  export function normaliseIdentifier(kind: string, value: string, policy?: string | null): string;
  export function recogniseSearch(text: string, policy?: string | null): string;
  export class Facts {
    constructor(facts: string);
    free(): void;
    contents(): string;
    profile(question: string): string;
    profileAsOf(question: string): string;
    mergePreview(question: string): string;
    unmergePreview(question: string): string;
    rankingPreview(question: string): string;
    spend(question: string): string;
    policyPreview(question: string): string;
    explain(question: string): string;
  }
}
