import type { ShownProfile } from "../rules/preview";
import type { RawFacts, RawOrder } from "./raw";

export type Month = { month: string; amount: number; count: number };
export type Spend = {
  /** The months that lead to the reporting date, the oldest first. */
  months: Month[];
  /** How many purchases fell on each hour of each weekday, Monday first. */
  week: number[][];
};

const shownMonths = 24;

/** A customer's purchases up to the day before the reporting date, counted for drawing. */
export function spendOf(raw: RawFacts, profile: ShownProfile): Spend {
  const own = new Set(profile.identifiers.map(({ unifiedId }) => unifiedId));
  const orders = raw.identifiers.flatMap((identifier) =>
    own.has(identifier.unifiedId) ? (identifier.orders ?? []) : [],
  );
  const months = new Map(monthsBefore(profile.asOf).map((month) => [month, { month, amount: 0, count: 0 }]));
  const week = Array.from({ length: 7 }, () => Array.from({ length: 24 }, () => 0));
  for (const order of orders) {
    const at = clockOf(raw, order);
    const date = at.toISOString().slice(0, 10);
    if (order.currency !== profile.purchases.currency || date >= profile.asOf) continue;
    const month = months.get(date.slice(0, 7));
    if (month) {
      month.amount += Number(order.amount);
      month.count += 1;
    }
    const day = week[(at.getUTCDay() + 6) % 7];
    if (day) day[at.getUTCHours()] = (day[at.getUTCHours()] ?? 0) + 1;
  }
  return { months: [...months.values()], week };
}

/** The months that purchases before a date can fall in; on the first of a month, that month has none yet. */
function monthsBefore(asOf: string): string[] {
  const last = new Date(Date.parse(asOf) - 86_400_000);
  return Array.from({ length: shownMonths }, (_, index) =>
    new Date(Date.UTC(last.getUTCFullYear(), last.getUTCMonth() + 1 - shownMonths + index, 1))
      .toISOString()
      .slice(0, 7),
  );
}

/** What clocks showed where the business is, as if it were UTC. */
function clockOf({ policy, zones }: RawFacts, { at }: RawOrder): Date {
  const offsets = zones.find(({ zone }) => zone === policy.time_zone)?.offsets ?? [];
  const [, seconds] = offsets.findLast(([from]) => from <= at) ?? offsets[0] ?? [0, 0];
  return new Date(at / 1000 + seconds * 1000);
}
