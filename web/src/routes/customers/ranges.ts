/** Times by days that pass, or by fixed days, both included. */
export type TimeRange =
  | { kind: "within"; days: number }
  | { kind: "before"; days: number }
  | { kind: "dates"; from: string | undefined; to: string | undefined };
/** Bounds, both included, as decimals. */
export type NumberRange = { min: string | undefined; max: string | undefined };

const isDay = (day: string | undefined) =>
  day === undefined || (/^\d{4}-\d{2}-\d{2}$/.test(day) && !Number.isNaN(Date.parse(day)));

/** Whether fixed days are valid, in order and bounded on one side at least. */
export function isTimeRange({ from, to }: { from: string | undefined; to: string | undefined }): boolean {
  if (from === undefined && to === undefined) return false;
  return isDay(from) && isDay(to) && (from === undefined || to === undefined || from <= to);
}

/** Whether bounds are in order, and there is one at least. */
export function isNumberRange({ min, max }: NumberRange): boolean {
  if (min === undefined && max === undefined) return false;
  return min === undefined || max === undefined || Number(min) <= Number(max);
}

/** A day so many days later, as yyyy-MM-dd. */
export function shiftDay(day: string, days: number): string {
  const at = new Date(day);
  at.setUTCDate(at.getUTCDate() + days);
  return at.toISOString().slice(0, 10);
}
