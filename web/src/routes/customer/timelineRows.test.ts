import { expect, test } from "vitest";
import type { LineageFactsFragment, TimelineEventFragment } from "../../graphql/generated/graphql";
import { readTimelineQuery } from "./timelineQuery";
import { timelineRows } from "./timelineRows";

const event = (at: string, session: string | null): TimelineEventFragment => ({
  messageId: at,
  name: "df_login",
  at,
  source: "web",
  platform: "WEB",
  session,
  identifier: { kind: "device_id", value: "d" },
  properties: null,
  purchase: null,
});

const lineage = (at: string): LineageFactsFragment => ({
  at,
  kind: "MERGED",
  kept: "a",
  others: ["b"],
  customers: [],
  cause: "MESSAGE",
  messageId: null,
  decision: null,
  retirement: null,
  policyVersion: null,
});

const shown = (events: TimelineEventFragment[], merges: LineageFactsFragment[] = [], folded: string[] = []) =>
  timelineRows(
    events,
    merges,
    (session) => folded.includes(session),
    (at) => at.slice(0, 10),
  ).map((row) => {
    const what = row.kind === "session" ? `session of ${row.events.length}` : row.key;
    return `${row.day ? `${row.day}: ` : ""}${what}`;
  });

test("events of a session that follow each other have a heading, of one day", () => {
  const events = [
    event("2026-03-02T00:10", "s1"),
    event("2026-03-01T23:50", "s1"),
    event("2026-03-01T23:40", "s1"),
    event("2026-03-01T12:00", null),
    event("2026-03-01T11:00", null),
  ];
  expect(shown(events)).toEqual([
    "2026-03-02: 2026-03-02T00:10",
    "2026-03-01: session of 2",
    "2026-03-01T23:50",
    "2026-03-01T23:40",
    "2026-03-01T12:00",
    "2026-03-01T11:00",
  ]);
  expect(shown(events, [], ["s1"])).toEqual([
    "2026-03-02: 2026-03-02T00:10",
    "2026-03-01: session of 2",
    "2026-03-01T12:00",
    "2026-03-01T11:00",
  ]);
});

test("merges are where they happened", () => {
  const merges = [lineage("2026-03-03T00:00"), lineage("2026-03-01T12:30"), lineage("2026-02-01T00:00")];
  expect(shown([event("2026-03-01T13:00", "s"), event("2026-03-01T12:00", "s")], merges)).toEqual([
    "2026-03-03: lineage 2026-03-03T00:00 a b",
    "2026-03-01: 2026-03-01T13:00",
    "lineage 2026-03-01T12:30 a b",
    "2026-03-01T12:00",
    "2026-02-01: lineage 2026-02-01T00:00 a b",
  ]);
});

test("the address says what is shown, and nothing else counts", () => {
  const read = (address: string) => readTimelineQuery(new URLSearchParams(address));
  expect(read("")).toEqual({ until: undefined, events: [] });
  expect(read("until=2026-06-30&event=a&event=b&event=a&asOf=x")).toEqual({
    until: "2026-06-30",
    events: ["a", "b"],
  });
  expect(read("until=2026-13-01").until).toBeUndefined();
});
