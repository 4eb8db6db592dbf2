import { useMemo } from "react";
import { useLocation, useSearch } from "wouter";
import { useHistoryState } from "wouter/use-browser-location";
import type {
  Gender,
  OrderDirection,
  Platform,
  ProfileFilter,
  ProfileOrderField,
} from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { isNumberRange, isTimeRange, type NumberRange, shiftDay, type TimeRange } from "./ranges";

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

/** A condition on one attribute: its name, and the value in JSON. */
export type AttributeCondition = { name: string; value: unknown };

export type CustomersFilter = {
  platform: Platform[];
  gender: Gender[];
  ageGroup: string[];
  membershipLevel: string[];
  country: string[];
  recentArea: string[];
  hasIdentifier: string[];
  lastActivity: TimeRange | null;
  firstAccess: TimeRange | null;
  purchaseCount12m: NumberRange | null;
  purchaseAmount12m: NumberRange | null;
  attribute: AttributeCondition[];
};
export type FilterField = keyof CustomersFilter;
export type ChoiceField =
  | "platform"
  | "gender"
  | "ageGroup"
  | "membershipLevel"
  | "country"
  | "recentArea"
  | "hasIdentifier";
export type TimeField = "lastActivity" | "firstAccess";
export type NumberField = "purchaseCount12m" | "purchaseAmount12m";

/** The names of the fields in addresses and saved views, which the server knows, too. */
const addressNames: Record<FilterField, string> = {
  platform: "platform",
  gender: "gender",
  ageGroup: "age",
  membershipLevel: "membership",
  country: "country",
  recentArea: "area",
  hasIdentifier: "identifier",
  lastActivity: "activity",
  firstAccess: "access",
  purchaseCount12m: "orders",
  purchaseAmount12m: "amount",
  attribute: "attribute",
};

/** All fields, in the order in which they are offered. */
export const filterFields = Object.keys(addressNames) as FilterField[];
export const isTimeField = (field: FilterField): field is TimeField =>
  field === "lastActivity" || field === "firstAccess";
export const isNumberField = (field: FilterField): field is NumberField =>
  field === "purchaseCount12m" || field === "purchaseAmount12m";
export const isChoiceField = (field: FilterField): field is ChoiceField =>
  !isTimeField(field) && !isNumberField(field) && field !== "attribute";
/** The fields that keys which see masked data cannot filter by. */
export const isPersonalField = (field: FilterField) => field === "recentArea" || field === "attribute";

export type CustomersOrder = { field: ProfileOrderField; direction: OrderDirection };
export type CustomersQuery = {
  filter: CustomersFilter;
  orderBy: CustomersOrder;
  search: string;
  /** Enter was pressed: a single result opens automatically. */
  entered: boolean;
};

export const noFilter: CustomersFilter = {
  platform: [],
  gender: [],
  ageGroup: [],
  membershipLevel: [],
  country: [],
  recentArea: [],
  hasIdentifier: [],
  lastActivity: null,
  firstAccess: null,
  purchaseCount12m: null,
  purchaseAmount12m: null,
  attribute: [],
};
export const firstOrder: CustomersOrder = { field: "LAST_ACTIVITY", direction: "DESC" };

export type HistoryState = { search?: string; entered?: boolean; view?: string | undefined } | null;

/**
 * What the list shows. Filters and order are in the address. The search is not: it is often a phone number, so it is in the
 * state of the history entry, where the back button finds it and no log does.
 */
export function useCustomersQuery(): CustomersQuery {
  const [path] = useLocation();
  const address = useSearch();
  const state = useHistoryState<HistoryState>();
  return useMemo(() => {
    if (path !== "/" && path !== "/customers") {
      return { filter: noFilter, orderBy: firstOrder, search: "", entered: false };
    }
    return readQuery(address, state);
  }, [path, address, state]);
}

/** The query in an address and the state of its history entry. What the list does not know is left out. */
export function readQuery(address: string, state: HistoryState): CustomersQuery {
  const parameters = new URLSearchParams(address);
  const [field, direction] = (parameters.get("sort") ?? "").split(".");
  const all = (name: FilterField) => [...new Set(parameters.getAll(addressNames[name]))];
  const known = <Value extends string>(name: FilterField, values: Value[]) =>
    values.filter((value) => all(name).includes(value));
  const filled = (name: FilterField) => all(name).filter((value) => value !== "");
  const one = (name: FilterField) => parameters.get(addressNames[name]) ?? "";
  return {
    filter: {
      platform: known("platform", platforms),
      gender: known("gender", genders),
      ageGroup: known("ageGroup", ageGroups),
      membershipLevel: filled("membershipLevel"),
      country: filled("country"),
      recentArea: filled("recentArea"),
      hasIdentifier: filled("hasIdentifier"),
      lastActivity: readTimeRange(one("lastActivity")),
      firstAccess: readTimeRange(one("firstAccess")),
      purchaseCount12m: readNumberRange(one("purchaseCount12m"), /^\d{1,9}$/),
      purchaseAmount12m: readNumberRange(one("purchaseAmount12m"), /^-?\d{1,18}(\.\d{1,6})?$/),
      attribute: all("attribute").flatMap(readAttribute),
    },
    orderBy: {
      field: orderFields.find((known) => known === field) ?? firstOrder.field,
      direction: direction === "ASC" ? "ASC" : "DESC",
    },
    search: state?.search ?? "",
    entered: state?.entered ?? false,
  };
}

/** `<30d`: in the last 30 days; `>60d`: more than 60 days ago; `2026-01-01..2026-01-31`: these days, with either end open. */
function readTimeRange(text: string): TimeRange | null {
  const [, sign, days] = /^([<>])(\d{1,5})d$/.exec(text) ?? [];
  if (days !== undefined && Number(days) > 0)
    return { kind: sign === "<" ? "within" : "before", days: Number(days) };
  const [from, to, ...rest] = text.split("..");
  const range = { kind: "dates" as const, from: from || undefined, to: to || undefined };
  return rest.length === 0 && isTimeRange(range) ? range : null;
}

function writeTimeRange(range: TimeRange): string {
  if (range.kind === "dates") return `${range.from ?? ""}..${range.to ?? ""}`;
  return `${range.kind === "within" ? "<" : ">"}${range.days}d`;
}

function readNumberRange(text: string, form: RegExp): NumberRange | null {
  const [min, max, ...rest] = text.split("..");
  const bound = (value: string | undefined) => (value && form.test(value) ? value : undefined);
  const range = { min: bound(min), max: bound(max) };
  return rest.length === 0 && isNumberRange(range) ? range : null;
}

/** `name:value`, with the name encoded and the value in JSON. */
function readAttribute(text: string): AttributeCondition[] {
  const end = text.indexOf(":");
  if (end <= 0) return [];
  try {
    return [{ name: decodeURIComponent(text.slice(0, end)), value: JSON.parse(text.slice(end + 1)) }];
  } catch {
    return [];
  }
}

const writeAttribute = ({ name, value }: AttributeCondition) =>
  `${encodeURIComponent(name)}:${JSON.stringify(value)}`;

/** Shows another list; what `change` leaves out stays. `view` is the saved view that the list was opened from. */
export function useShowCustomers() {
  const current = useCustomersQuery();
  const state = useHistoryState<HistoryState>();
  const [, navigate] = useLocation();
  return (
    change: Partial<CustomersQuery> & { view?: string | undefined },
    options: { replace?: boolean } = {},
  ) => {
    const query = { ...current, entered: false, ...change };
    const view = "view" in change ? change.view : state?.view;
    navigate(customersAddress(query), {
      ...options,
      state: { search: query.search, entered: query.entered, view },
    });
  };
}

/** The address of a list, with what differs from the first one. */
export function customersAddress(query: Pick<CustomersQuery, "filter" | "orderBy">): string {
  const parameters = writeQuery(query);
  return parameters ? `/customers?${parameters}` : "/customers";
}

/** The query part of the address, as saved views keep it. */
export function writeQuery({ filter, orderBy }: Pick<CustomersQuery, "filter" | "orderBy">): string {
  const parameters = new URLSearchParams();
  for (const field of filterFields) {
    const name = addressNames[field];
    if (isTimeField(field)) {
      const range = filter[field];
      if (range) parameters.append(name, writeTimeRange(range));
    } else if (isNumberField(field)) {
      const range = filter[field];
      if (range) parameters.append(name, `${range.min ?? ""}..${range.max ?? ""}`);
    } else if (field === "attribute") {
      for (const condition of filter.attribute) parameters.append(name, writeAttribute(condition));
    } else {
      for (const value of filter[field]) parameters.append(name, value);
    }
  }
  if (orderBy.field !== firstOrder.field || orderBy.direction !== firstOrder.direction) {
    parameters.set("sort", `${orderBy.field}.${orderBy.direction}`);
  }
  return parameters.toString();
}

/** A second press on a head reverses its order. Names start at A, everything else with the most. */
export function nextOrder(field: ProfileOrderField, current: CustomersOrder): CustomersOrder {
  if (field === current.field) return { field, direction: current.direction === "ASC" ? "DESC" : "ASC" };
  return { field, direction: field === "NAME" ? "ASC" : "DESC" };
}

export const isFieldSet = (filter: CustomersFilter, field: FilterField) => {
  const value = filter[field];
  return Array.isArray(value) ? value.length > 0 : value !== null;
};
export const isFiltered = (filter: CustomersFilter) =>
  filterFields.some((field) => isFieldSet(filter, field));

/** The days of the business: today, and the first instant of a day. */
export type BusinessDays = { today: string; startOf: (date: string) => string };

/** The filter as the API expects it: only what is set, with days counted from today. */
export function filterInput(filter: CustomersFilter, days: BusinessDays): ProfileFilter | null {
  const input: ProfileFilter = {};
  for (const field of filterFields) {
    if (!isFieldSet(filter, field)) continue;
    if (isTimeField(field)) input[field] = instants(filter[field], days);
    else if (field === "purchaseCount12m") {
      const { min, max } = filter.purchaseCount12m ?? {};
      input.purchaseCount12m = {
        ...(min === undefined ? {} : { min: Number(min) }),
        ...(max === undefined ? {} : { max: Number(max) }),
      };
    } else if (field === "purchaseAmount12m") {
      const { min, max } = filter.purchaseAmount12m ?? {};
      input.purchaseAmount12m = {
        ...(min === undefined ? {} : { min }),
        ...(max === undefined ? {} : { max }),
      };
    } else if (field === "attribute") {
      input.attribute = filter.attribute.map(({ name, value }) => ({ name, equals: value }));
    } else Object.assign(input, { [field]: filter[field] });
  }
  return Object.keys(input).length ? input : null;
}

function instants(range: TimeRange | null, { today, startOf }: BusinessDays) {
  switch (range?.kind) {
    case "within":
      return { from: startOf(shiftDay(today, -range.days)) };
    case "before":
      return { before: startOf(shiftDay(today, -range.days)) };
    case "dates":
      return {
        ...(range.from ? { from: startOf(range.from) } : {}),
        ...(range.to ? { before: startOf(shiftDay(range.to, 1)) } : {}),
      };
    default:
      return {};
  }
}

/** The filter as the API expects it, by the days of the business. */
export function useFilterInput(filter: CustomersFilter): ProfileFilter | null {
  const { today, startOf } = useFormat();
  const day = today();
  return useMemo(() => filterInput(filter, { today: day, startOf }), [filter, day, startOf]);
}
