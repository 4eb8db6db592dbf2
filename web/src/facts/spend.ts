import type { RawFacts, RawOrder } from "./raw";

export type Month = { month: string; amount: number; count: number };
export type Spend = {
  /** The months that lead to the reporting date, the oldest first. */
  months: Month[];
  /** How many purchases fell on each hour of each weekday, Monday first. */
  week: number[][];
};

const shownMonths = 24;

/** A purchase by the clocks where the business is. */
export type Paid = { date: string; day: number; hour: number; currency: string; amount: number };

/** What a customer has bought: the orders of the customer's identifiers. */
export function paidBy(raw: RawFacts, identifiers: { unifiedId: string }[]): Paid[] {
  const own = new Set(identifiers.map(({ unifiedId }) => unifiedId));
  return raw.identifiers.flatMap(({ unifiedId, orders }) => {
    if (!orders || !own.has(unifiedId)) return [];
    return orders.map((order): Paid => {
      const at = clockOf(raw, order);
      return {
        date: at.toISOString().slice(0, 10),
        day: (at.getUTCDay() + 6) % 7,
        hour: at.getUTCHours(),
        currency: order.currency,
        amount: Number(order.amount),
      };
    });
  });
}

/** Purchases up to the day before the reporting date, counted for drawing. */
export function spendOf(orders: Paid[], asOf: string, currency: string): Spend {
  const months = new Map(monthsBefore(asOf).map((month) => [month, { month, amount: 0, count: 0 }]));
  const week = Array.from({ length: 7 }, () => Array.from({ length: 24 }, () => 0));
  for (const order of orders) {
    if (order.currency !== currency || order.date >= asOf) continue;
    const month = months.get(order.date.slice(0, 7));
    if (month) {
      month.amount += order.amount;
      month.count += 1;
    }
    const day = week[order.day];
    if (day) day[order.hour] = (day[order.hour] ?? 0) + 1;
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
