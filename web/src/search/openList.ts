/** The customers of the list that the reader saw last, in its order, as far as they were loaded. */
let unifiedIds: string[] = [];

export function rememberList(customers: readonly { unifiedId: string }[]) {
  unifiedIds = customers.map(({ unifiedId }) => unifiedId);
}

/** The customer before (-1) or after (1) another one in that list. */
export function neighbor(unifiedId: string, step: 1 | -1): string | undefined {
  const place = unifiedIds.indexOf(unifiedId);
  return place === -1 ? undefined : unifiedIds[place + step];
}
