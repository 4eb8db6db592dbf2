import { useEffect, useEffectEvent } from "react";
import { useLocation } from "wouter";
import type { CustomerRowFragment } from "../../graphql/generated/graphql";
import type { Paged } from "../../graphql/pages";
import { customerPath } from "../views";
import { focusCustomers } from "./CustomerTable";
import { useCustomersQuery, useShowCustomers } from "./query";

/** Enter in the search field opens the only customer found, or moves the focus to the list. */
export function useSingleResult({ pages, stale }: Paged<CustomerRowFragment>) {
  const [, navigate] = useLocation();
  const { entered } = useCustomersQuery();
  const show = useShowCustomers();
  const open = useEffectEvent(() => {
    show({ entered: false }, { replace: true });
    const [only] = pages?.nodes ?? [];
    if (only && pages?.total === 1) navigate(customerPath(only.unifiedId));
    else focusCustomers();
  });
  const answered = entered && pages !== undefined && !stale;
  useEffect(() => {
    if (answered) open();
  }, [answered]);
}
