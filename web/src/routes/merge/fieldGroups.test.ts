import { expect, test } from "vitest";
import type { MergedField } from "../../rules/preview";
import { groupOf, sorted } from "./fieldGroups";

const field = (group: MergedField["group"], name: string) => ({ group, name }) as MergedField;

test.each([
  ["identity", field("BASIC", "name")],
  ["identity", field("BASIC", "gender")],
  ["contact", field("BASIC", "phone")],
  ["attributes", field("BASIC", "membershipLevel")],
  ["attributes", field("ATTRIBUTE", "name")],
  ["consents", field("CONSENT", "push")],
  ["activity", field("BASIC", "recentArea")],
  ["activity", field("DEVICE", "recentDevice")],
  ["activity", field("ACTIVITY", "lastActivityAt")],
])("%s", (group, of) => {
  expect(groupOf(of)).toBe(group);
});

test("names come before birth dates and genders, and attributes keep their order", () => {
  const names = (fields: MergedField[]) => fields.map(({ name }) => name);
  const basic = ["gender", "name", "birthDate"].map((name) => field("BASIC", name));
  expect(names(sorted(basic))).toEqual(["name", "birthDate", "gender"]);
  const attributes = ["z", "a"].map((name) => field("ATTRIBUTE", name));
  expect(names(sorted(attributes))).toEqual(["z", "a"]);
});
