import { useEffect, useEffectEvent, useState } from "react";
import { onConnectionBack } from "../../graphql/connection";
import type { CustomerRowFragment } from "../../graphql/generated/graphql";
import type { Paged } from "../../graphql/pages";
import { useRowChanges } from "../../graphql/subscriptions";
import type { RowVariables } from "./useColumns";

/**
 * Updates visible rows in place. Customers that changed and are not visible are only counted: inserting them would move
 * the rows under the reader.
 */
export function useLiveRows(list: Paged<CustomerRowFragment>, key: string, asks: RowVariables) {
  const { pages } = list;
  const [unseen, setUnseen] = useState<ReadonlySet<string>>(new Set());
  useRowChanges(asks, (rows) => {
    const changed = new Map(rows.map((row) => [row.unifiedId, row]));
    const visible = new Set(pages?.nodes.map(({ unifiedId }) => unifiedId));
    list.amend((nodes) => nodes.map((node) => changed.get(node.unifiedId) ?? node));
    const added = [...changed.keys()].filter((id) => !visible.has(id));
    if (added.length > 0) setUnseen((known) => new Set([...known, ...added]));
  });
  // What changed while the connection was lost is unknown.
  const refresh = useEffectEvent(() => list.refresh());
  useEffect(() => onConnectionBack(() => refresh()), []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another list starts with no changes.
  useEffect(() => setUnseen(new Set()), [key]);

  const showUnseen = () => {
    setUnseen(new Set());
    document.getElementById("customer-list")?.scrollTo(0, 0);
    list.refresh();
  };
  return { unseen: unseen.size, showUnseen };
}
