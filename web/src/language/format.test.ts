import { expect, test } from "vitest";
import { en } from "./en";
import { formats } from "./format";
import { ko } from "./ko";

const now = Date.parse("2026-03-15T12:00:00Z");
const of = (language: "en" | "ko", timeZone = "Asia/Seoul") =>
  formats(language, language === "en" ? en : ko, timeZone, "KRW", now);

test.each([
  ["en", "12900", undefined, "₩12,900"],
  ["ko", "12900", undefined, "₩12,900"],
  ["en", "12.5", "USD", "$12.50"],
  ["en", "-3", "USD", "-$3.00"],
  // More digits than a floating point number holds.
  ["en", "12345678901234567.89", "USD", "$12,345,678,901,234,567.89"],
] as const)("money: %s %s %s is %s", (language, amount, currency, expected) => {
  expect(of(language).money(amount, currency)).toBe(expected);
});

test.each([
  [0, "now"],
  [59_999, "now"],
  [60_000, "1 minute ago"],
  [59 * 60_000, "59 minutes ago"],
  [23 * 3_600_000, "23 hours ago"],
  [24 * 3_600_000, "yesterday"],
  [29 * 24 * 3_600_000, "29 days ago"],
  [30 * 24 * 3_600_000, "Feb 13, 2026"],
  [365 * 24 * 3_600_000, "Mar 15, 2025"],
  [-60_000, "in 1 minute"],
  [-29 * 24 * 3_600_000, "in 29 days"],
  [-30 * 24 * 3_600_000, "Apr 14, 2026"],
])("%i ms before now is %s", (distance, expected) => {
  expect(of("en").relative(new Date(now - distance).toISOString())).toBe(expected);
});

test("dates and times are those of the policy's time zone", () => {
  const at = "2026-01-01T15:30:00Z";
  expect(of("en").dateOf(at)).toBe("Jan 2, 2026");
  expect(of("en", "America/New_York").dateOf(at)).toBe("Jan 1, 2026");
  expect(of("en").timeOf(at)).toBe("00:30");
  // A calendar date is the same everywhere.
  expect(of("en", "America/New_York").date("2026-01-01")).toBe("Jan 1, 2026");
});

test("Korean dates have one form", () => {
  const format = of("ko");
  const at = "2026-08-31T07:04:00Z";
  expect(format.dateOf(at)).toBe("2026. 8. 31.");
  expect(format.date("2026-08-31")).toBe("2026. 8. 31.");
  expect(format.relative(new Date(now - 40 * 24 * 3_600_000).toISOString())).toBe("2026. 2. 3.");
  expect(format.exact(at)).toBe("2026. 8. 31. 16:04");
  expect(format.dayOf(at)).toBe("2026. 8. 31. (월)");
  expect(format.attributeValue("df_birth", "1995-04-01")).toBe("1995. 4. 1.");
  // A month without a day.
  expect(format.month("2026-12-01")).toBe("2026년 12월");
  expect(format.shortMonth("2026-12-01")).toBe("2026년 12월");
  expect(format.months("2025-11-01", "2026-10-31")).toBe("2025년 11월 ~ 2026년 10월");
});

test("the scale of a chart is short", () => {
  expect(of("en").shortMoney(2_500_000)).toBe("₩2.5M");
  expect(of("ko").shortMoney(2_500_000)).toBe("₩250만");
  expect(of("en").shortMoney(50, "USD")).toBe("$50");
});

test.each([
  ["Asia/Seoul", "2026-03-15", "2026-03-14T15:00:00.000Z"],
  ["UTC", "2026-03-15", "2026-03-15T00:00:00.000Z"],
  ["America/New_York", "2026-03-08", "2026-03-08T05:00:00.000Z"],
  ["America/New_York", "2026-03-09", "2026-03-09T04:00:00.000Z"],
  ["America/New_York", "2026-11-01", "2026-11-01T04:00:00.000Z"],
  ["Pacific/Kiritimati", "2026-03-15", "2026-03-14T10:00:00.000Z"],
  // Clocks skip midnight: the day starts at one o'clock.
  ["America/Havana", "2024-03-10", "2024-03-10T05:00:00.000Z"],
  ["Asia/Beirut", "2023-03-26", "2023-03-25T22:00:00.000Z"],
  // Clocks show midnight twice: the day starts with the first.
  ["America/Havana", "2024-11-03", "2024-11-03T04:00:00.000Z"],
])("in %s, %s starts at %s", (timeZone, date, expected) => {
  expect(new Date(of("en", timeZone).startOf(date)).toISOString()).toBe(expected);
});

test("the days of the week are named by the language", () => {
  expect(of("en").weekday("MONDAY")).toBe("Monday");
  expect(of("ko").weekday("SUNDAY")).toBe("일요일");
  expect(of("ko").weekdayLetter("WEDNESDAY")).toBe("수");
});

test.each([
  ["+821012345678", "010-1234-5678"],
  ["+82111234567", "011-123-4567"],
  ["+8221234567", "02-123-4567"],
  ["+82212345678", "02-1234-5678"],
  ["+82311234567", "031-123-4567"],
  ["+82511234567", "051-123-4567"],
  ["+827012345678", "070-1234-5678"],
  ["+825051234567", "0505-123-4567"],
  ["+8215881234", "1588-1234"],
  ["+8200000", "+8200000"],
  ["+12025550123", "+12025550123"],
  ["010-****-5678", "010-****-5678"],
  ["+82******5678", "+82******5678"],
])("the phone number %s is shown as %s", (value, expected) => {
  expect(of("en").identifier("phone", value)).toBe(expected);
});

test.each([
  ["df_birth", "1990-02-03", "Feb 3, 1990"],
  ["df_gender", "NonBinary", en.genders.NON_BINARY],
  ["score", 12345.5, "12,345.5"],
  ["tags", ["a", true], `a, ${en.yes}`],
  ["address", { df_unheard_of: "Seoul", floor: 3 }, "unheard_of Seoul, floor 3"],
  ["nothing", null, ""],
  ["not_a_date", "2026-99-99", "2026-99-99"],
])("the value of %s is readable", (name, value, expected) => {
  expect(of("en").attributeValue(name, value)).toBe(expected);
});

test("both languages have the same texts", () => {
  const shape = (text: object): unknown =>
    Object.fromEntries(
      Object.entries(text)
        .map(
          ([key, value]) =>
            [key, typeof value === "object" && value !== null ? shape(value) : typeof value] as const,
        )
        .sort(([a], [b]) => a.localeCompare(b)),
    );
  expect(shape(ko)).toEqual(shape(en));
});
