// The module is built, not committed; its own declarations win where they are there.
declare module "*/pkg/rules.js" {
  export default function init(): Promise<unknown>;
  export function normaliseIdentifier(kind: string, value: string): string;
  export function recogniseSearch(text: string): string;
}
