import { expect, test } from "vitest";
import {
  type CustomersQuery,
  customersAddress,
  filterInput,
  firstOrder,
  isFiltered,
  nextOrder,
  noFilter,
  readQuery,
} from "./query";

const first: CustomersQuery = { filter: noFilter, orderBy: firstOrder, search: "", entered: false };
const search = (address: string) => address.split("?")[1] ?? "";
const filtered = (filter: Partial<typeof noFilter>) => ({ filter: { ...noFilter, ...filter } });

test.each<[string, Partial<CustomersQuery>]>([
  ["/customers", {}],
  ["/customers?platform=IOS&platform=WEB", filtered({ platform: ["IOS", "WEB"] })],
  [
    "/customers?gender=OTHER&age=70s%2B&membership=Gold+%26+more",
    filtered({ gender: ["OTHER"], ageGroup: ["70s+"], membershipLevel: ["Gold & more"] }),
  ],
  [
    "/customers?country=KR&area=%EC%84%9C%EC%9A%B8&identifier=phone",
    filtered({ country: ["KR"], recentArea: ["서울"], hasIdentifier: ["phone"] }),
  ],
  ["/customers?activity=%3E60d", filtered({ lastActivity: { kind: "before", days: 60 } })],
  ["/customers?access=%3C7d", filtered({ firstAccess: { kind: "within", days: 7 } })],
  [
    "/customers?activity=2026-01-01..2026-01-31",
    filtered({ lastActivity: { kind: "dates", from: "2026-01-01", to: "2026-01-31" } }),
  ],
  [
    "/customers?activity=..2026-01-31",
    filtered({ lastActivity: { kind: "dates", from: undefined, to: "2026-01-31" } }),
  ],
  [
    "/customers?orders=1..5&amount=500000..",
    filtered({
      purchaseCount12m: { min: "1", max: "5" },
      purchaseAmount12m: { min: "500000", max: undefined },
    }),
  ],
  [
    "/customers?attribute=df_sms_ads_optin%3Atrue&attribute=a%253A%253D%3A%22x%3Ay%22",
    filtered({
      attribute: [
        { name: "df_sms_ads_optin", value: true },
        { name: "a:=", value: "x:y" },
      ],
    }),
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

test.each([
  "platform=FAX&gender=&age=900s&sort=PASSWORD.UP&x=y",
  "activity=60d&access=%3C0d&membership=&country=",
  "activity=2026-13-01..&access=2026-02-01..2026-01-01",
  "activity=..&orders=..&amount=a..b",
  "orders=5..1&amount=1..2..3",
  "attribute=&attribute=%3Atrue&attribute=a%3Anope&attribute=%25%3A1",
])("what an address says that the list does not know is left out: %s", (address) => {
  expect(readQuery(address, null)).toEqual(first);
});

const days = { today: "2026-11-30", startOf: (date: string) => `${date}T00:00:00+09:00` };

test("only filters that are set are sent, with days counted from today", () => {
  expect(filterInput(noFilter, days)).toBeNull();
  expect(isFiltered(noFilter)).toBe(false);
  const filter = {
    ...noFilter,
    ageGroup: ["20s"],
    lastActivity: { kind: "before" as const, days: 60 },
    firstAccess: { kind: "dates" as const, from: "2026-01-01", to: "2026-01-31" },
    purchaseCount12m: { min: "2", max: undefined },
    purchaseAmount12m: { min: undefined, max: "0.50" },
    attribute: [{ name: "n", value: [1] }],
  };
  expect(isFiltered(filter)).toBe(true);
  expect(filterInput(filter, days)).toEqual({
    ageGroup: ["20s"],
    lastActivity: { before: "2026-10-01T00:00:00+09:00" },
    firstAccess: { from: "2026-01-01T00:00:00+09:00", before: "2026-02-01T00:00:00+09:00" },
    purchaseCount12m: { min: 2 },
    purchaseAmount12m: { max: "0.50" },
    attribute: [{ name: "n", equals: [1] }],
  });
  const within = filterInput({ ...noFilter, lastActivity: { kind: "within", days: 30 } }, days);
  expect(within).toEqual({ lastActivity: { from: "2026-10-31T00:00:00+09:00" } });
});

test("a second press on a head reverses its order", () => {
  const byName = nextOrder("NAME", firstOrder);
  expect(byName).toEqual({ field: "NAME", direction: "ASC" });
  expect(nextOrder("NAME", byName)).toEqual({ field: "NAME", direction: "DESC" });
  expect(nextOrder("LAST_ACTIVITY", byName)).toEqual(firstOrder);
});
