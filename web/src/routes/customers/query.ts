import { useLocation, useSearch } from "wouter";
import { useHistoryState } from "wouter/use-browser-location";
import type {
  Gender,
  OrderDirection,
  Platform,
  ProfileFilter,
  ProfileOrderField,
} from "../../graphql/generated/graphql";

export const platforms: Platform[] = ["ANDROID", "IOS", "WEB", "API"];
export const genders: Gender[] = ["FEMALE", "MALE", "NON_BINARY", "OTHER"];
export const ageGroups = ["0s", "10s", "20s", "30s", "40s", "50s", "60s", "70s+"];
const orderFields: ProfileOrderField[] = [
  "LAST_ACTIVITY",
  "FIRST_ACCESS",
  "LAST_UPDATED",
  "NAME",
  "PURCHASE_AMOUNT_12M",
  "PURCHASE_COUNT_12M",
];

export type CustomersFilter = {
  platform: Platform[];
  gender: Gender[];
  ageGroup: string[];
  membershipLevel: string[];
};
export type CustomersOrder = { field: ProfileOrderField; direction: OrderDirection };
export type CustomersQuery = {
  filter: CustomersFilter;
  orderBy: CustomersOrder;
  search: string;
  /** Enter was pressed: a single result opens automatically. */
  entered: boolean;
};

export const noFilter: CustomersFilter = { platform: [], gender: [], ageGroup: [], membershipLevel: [] };
export const firstOrder: CustomersOrder = { field: "LAST_ACTIVITY", direction: "DESC" };

type HistoryState = { search?: string; entered?: boolean } | null;

/**
 * What the list shows. Filters and order are in the address. The search is not: it is often a phone number, so it is in the
 * state of the history entry, where the back button finds it and no log does.
 */
export function useCustomersQuery(): CustomersQuery {
  const [path] = useLocation();
  const address = useSearch();
  const state = useHistoryState<HistoryState>();
  if (path !== "/" && path !== "/customers") {
    return { filter: noFilter, orderBy: firstOrder, search: "", entered: false };
  }
  return readQuery(address, state);
}

/** The query in an address and the state of its history entry. What the list does not know is left out. */
export function readQuery(address: string, state: HistoryState): CustomersQuery {
  const parameters = new URLSearchParams(address);
  const [field, direction] = (parameters.get("sort") ?? "").split(".");
  return {
    filter: {
      platform: platforms.filter((value) => parameters.getAll("platform").includes(value)),
      gender: genders.filter((value) => parameters.getAll("gender").includes(value)),
      ageGroup: ageGroups.filter((value) => parameters.getAll("age").includes(value)),
      membershipLevel: parameters.getAll("membership"),
    },
    orderBy: {
      field: orderFields.find((known) => known === field) ?? firstOrder.field,
      direction: direction === "ASC" ? "ASC" : "DESC",
    },
    search: state?.search ?? "",
    entered: state?.entered ?? false,
  };
}

/** Shows another list; what `change` leaves out stays. */
export function useShowCustomers() {
  const current = useCustomersQuery();
  const [, navigate] = useLocation();
  return (change: Partial<CustomersQuery>, options: { replace?: boolean } = {}) => {
    const query = { ...current, entered: false, ...change };
    navigate(customersAddress(query), {
      ...options,
      state: { search: query.search, entered: query.entered },
    });
  };
}

/** The address of a list, with what differs from the first one. */
export function customersAddress({ filter, orderBy }: Pick<CustomersQuery, "filter" | "orderBy">): string {
  const parameters = new URLSearchParams();
  for (const value of filter.platform) parameters.append("platform", value);
  for (const value of filter.gender) parameters.append("gender", value);
  for (const value of filter.ageGroup) parameters.append("age", value);
  for (const value of filter.membershipLevel) parameters.append("membership", value);
  if (orderBy.field !== firstOrder.field || orderBy.direction !== firstOrder.direction) {
    parameters.set("sort", `${orderBy.field}.${orderBy.direction}`);
  }
  return parameters.size ? `/customers?${parameters}` : "/customers";
}

/** A second press on a head reverses its order. Names start at A, everything else with the most. */
export function nextOrder(field: ProfileOrderField, current: CustomersOrder): CustomersOrder {
  if (field === current.field) return { field, direction: current.direction === "ASC" ? "DESC" : "ASC" };
  return { field, direction: field === "NAME" ? "ASC" : "DESC" };
}

export const isFiltered = (filter: CustomersFilter) =>
  Object.values(filter).some((values) => values.length > 0);

/** The filter as the API expects it: only what is set. */
export function filterInput(filter: CustomersFilter): ProfileFilter | null {
  const set = Object.entries(filter).filter(([, values]) => values.length > 0);
  return set.length ? Object.fromEntries(set) : null;
}
