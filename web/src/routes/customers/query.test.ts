import { expect, test } from "vitest";
import {
  type CustomersQuery,
  customersAddress,
  filterInput,
  firstOrder,
  nextOrder,
  noFilter,
  readQuery,
} from "./query";

const first: CustomersQuery = { filter: noFilter, orderBy: firstOrder, search: "", entered: false };
const search = (address: string) => address.split("?")[1] ?? "";

test.each<[string, Partial<CustomersQuery>]>([
  ["/customers", {}],
  ["/customers?platform=IOS&platform=WEB", { filter: { ...noFilter, platform: ["IOS", "WEB"] } }],
  [
    "/customers?gender=OTHER&age=70s%2B&membership=Gold+%26+more",
    { filter: { ...noFilter, gender: ["OTHER"], ageGroup: ["70s+"], membershipLevel: ["Gold & more"] } },
  ],
  ["/customers?sort=NAME.ASC", { orderBy: { field: "NAME", direction: "ASC" } }],
  ["/customers?sort=LAST_ACTIVITY.ASC", { orderBy: { field: "LAST_ACTIVITY", direction: "ASC" } }],
])("%s is written and read", (address, change) => {
  const query = { ...first, ...change };
  expect(customersAddress(query)).toBe(address);
  expect(readQuery(search(address), null)).toEqual(query);
});

test("the search is in the history entry only", () => {
  const query = { ...first, search: "010-1234-5678", entered: true };
  expect(customersAddress(query)).toBe("/customers");
  expect(readQuery("", { search: query.search, entered: true })).toEqual(query);
});

test("what an address says that the list does not know is left out", () => {
  expect(readQuery("platform=FAX&gender=&age=900s&sort=PASSWORD.UP&x=y", null)).toEqual(first);
});

test("only filters that are set are sent", () => {
  expect(filterInput(noFilter)).toBeNull();
  expect(filterInput({ ...noFilter, ageGroup: ["20s"] })).toEqual({ ageGroup: ["20s"] });
});

test("a second press on a head reverses its order", () => {
  const byName = nextOrder("NAME", firstOrder);
  expect(byName).toEqual({ field: "NAME", direction: "ASC" });
  expect(nextOrder("NAME", byName)).toEqual({ field: "NAME", direction: "DESC" });
  expect(nextOrder("LAST_ACTIVITY", byName)).toEqual(firstOrder);
});
