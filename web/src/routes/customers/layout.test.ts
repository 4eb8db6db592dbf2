import { expect, test } from "vitest";
import { chooseWidth, fitting, name, widths } from "./layout";

const columns = [
  { id: "phone", width: 100 },
  { id: "email", width: 100, most: 150 },
  { id: "area", width: 100 },
];
const least = chooseWidth + name.width;

test("names grow first, within their bounds, and the rest stays empty", () => {
  expect(widths(columns, 0)).toEqual({ name: name.width, columns: [100, 100, 100] });
  expect(widths(columns, least + 300 + 20)).toEqual({
    name: name.width + 20,
    columns: [100, 100, 100],
  });
  expect(widths(columns, least + 300 + 60)).toEqual({ name: 280, columns: [100, 120, 100] });
  expect(widths(columns, least + 300 + 100)).toEqual({ name: 290, columns: [100, 150, 100] });
  expect(widths(columns, least + 300 + 1000)).toEqual({
    name: name.most,
    columns: [100, 150, 100],
  });
});

test("what is least important is left out first, and the order stays", () => {
  const ids = (available: number) =>
    fitting(columns, ["area", "phone", "email"], available).map(({ id }) => id);
  expect(ids(least + 300)).toEqual(["phone", "email", "area"]);
  expect(ids(least + 299)).toEqual(["phone", "area"]);
  expect(ids(least + 199)).toEqual(["area"]);
  expect(ids(0)).toEqual([]);
});
