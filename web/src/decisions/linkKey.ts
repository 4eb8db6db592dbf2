import type { LinkFactsFragment } from "../graphql/generated/graphql";

/** The name of a link in an address: the IDs of its ends, which reveal no values. */
export const linkKey = ({ a, b }: { a: { unifiedId: string }; b: { unifiedId: string } }) =>
  `${a.unifiedId}.${b.unifiedId}`;

export const asInput = ({ kind, value }: { kind: string; value: string }) => ({ kind, value });

export const isSameEnd = (a: { kind: string; value: string }, b: { kind: string; value: string }) =>
  a.kind === b.kind && a.value === b.value;

export const otherEnd = (link: LinkFactsFragment, end: { kind: string; value: string }) =>
  isSameEnd(link.a, end) ? link.b : link.a;
