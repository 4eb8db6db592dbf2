import { type RefObject, useEffect, useEffectEvent, useRef, useState } from "react";
import { useClient } from "urql";
import { type CustomerRowFragment, CustomersDocument } from "../../graphql/generated/graphql";
import { type Paged, type Pages, usePages } from "../../graphql/pages";
import { rememberList } from "../../search/openList";
import { type CustomersQuery, filterInput } from "./query";

const pageSize = 50;
const restorableFor = 60_000;

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

/** The customers that a query finds, page by page. */
export function useCustomerList({ filter, orderBy, search }: CustomersQuery): CustomerList {
  const client = useClient();
  const key = JSON.stringify([filter, orderBy, search.trim()]);
  const [restored] = useState(() =>
    leftList?.pages.key === key && Date.now() - leftList.at < restorableFor ? leftList : undefined,
  );
  const position = useRef({ ...top });
  const list = usePages<CustomerRowFragment>(
    key,
    async (after, atLeast) => {
      const variables = {
        search: search.trim() || null,
        filter: filterInput(filter),
        orderBy,
        first: Math.max(pageSize, atLeast),
        after,
        withCount: after === null,
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
