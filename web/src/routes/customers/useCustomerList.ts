import { type RefObject, useEffect, useEffectEvent, useRef, useState } from "react";
import { useClient } from "urql";
import { type CustomerRowFragment, CustomersDocument } from "../../graphql/generated/graphql";
import { type Paged, type Pages, usePages } from "../../graphql/pages";
import { rememberList } from "../../search/openList";
import { type CustomersQuery, useFilterInput } from "./query";
import type { RowVariables } from "./useColumns";

const pageSize = 40;
const restorableFor = 10 * 60_000;
/** From this age on, and while one request can read them all, restored rows are read again. */
const freshFor = 30_000;
const readAtOnce = 200;

/** How far the list is scrolled, and the row that had the focus last. */
export type ListPosition = { offset: number; row: number | undefined };
export const top: ListPosition = { offset: 0, row: undefined };

/** The list as it was when the reader left it: the back button finds the same rows at the same position. */
let leftList: { pages: Pages<CustomerRowFragment>; position: ListPosition; at: number } | undefined;

type CustomerList = Paged<CustomerRowFragment> & {
  /** Changes whenever the list shows other customers or another order. */
  key: string;
  /** Where the table starts: at the top, or where the reader left it. */
  initialPosition: ListPosition;
  /** The table writes the current position here, without rendering. */
  position: RefObject<ListPosition>;
};

/** The customers that a query finds, page by page, with what the columns show of them. */
export function useCustomerList(
  { filter, orderBy, search }: CustomersQuery,
  asks: RowVariables,
): CustomerList {
  const client = useClient();
  const input = useFilterInput(filter);
  const key = JSON.stringify([input, orderBy, search.trim(), asks]);
  const [restored] = useState(() =>
    leftList?.pages.key === key && Date.now() - leftList.at < restorableFor ? leftList : undefined,
  );
  const position = useRef({ ...top });
  const list = usePages<CustomerRowFragment>(
    key,
    async (after, atLeast) => {
      const variables = {
        search: search.trim() || null,
        filter: input,
        orderBy,
        first: Math.max(pageSize, atLeast),
        after,
        withCount: after === null,
        ...asks,
      };
      const { data, error } = await client.query(CustomersDocument, variables, {
        requestPolicy: "network-only",
      });
      if (!data) throw error;
      const { totalCount, ...page } = data.profiles;
      return totalCount === undefined ? page : { ...page, totalCount };
    },
    restored?.pages,
  );

  const refreshOld = useEffectEvent(() => {
    if (!restored || restored.pages.nodes.length > readAtOnce) return;
    if (Date.now() - restored.at > freshFor) list.refresh();
  });
  useEffect(() => refreshOld(), []);

  const { pages } = list;
  const remember = useEffectEvent(() => {
    leftList = pages && { pages, position: position.current, at: Date.now() };
  });
  useEffect(() => () => remember(), []);
  useEffect(() => {
    if (pages) rememberList(pages.nodes);
  }, [pages]);

  const initialPosition = restored && restored.pages.key === pages?.key ? restored.position : top;
  return { ...list, key, initialPosition, position };
}
