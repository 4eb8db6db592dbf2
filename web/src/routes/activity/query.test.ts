import { expect, test } from "vitest";
import { activityPath, readFilter } from "./query";

const all = {
  view: "reads" as const,
  kind: "READ",
  actor: "mina lee",
  from: "2026-10-01",
  to: "2026-10-31",
  customer: "906aabf9-7edb-8a01-9c2d-0123456789ab",
};

test("a filter survives its address", () => {
  const [path, search] = activityPath(all).split("?");
  expect(path).toBe("/activity");
  expect(readFilter(search ?? "")).toEqual(all);
});

test("what is no date is left out", () => {
  expect(readFilter("from=yesterday&to=2026-13-40&view=x")).toEqual({
    view: "actions",
    kind: "",
    actor: "",
    from: "",
    to: "",
    customer: "",
  });
  expect(activityPath({ view: "actions", kind: "" })).toBe("/activity");
});
