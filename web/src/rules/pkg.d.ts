// The module is built and not committed. Once it is built, its own declarations take precedence.
declare module "*/pkg/rules.js" {
  export default function init(): Promise<unknown>;
  export function normalizeIdentifier(kind: string, value: string, policy?: string | null): string;
  export function checkPolicy(document: string): string;
  export function alwaysBlocked(): string;
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
