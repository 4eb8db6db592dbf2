const day = 86_400_000;

/** Days since 1970-01-01. */
export const dayNumber = (date: string) => Math.round(Date.parse(date) / day);
export const dateOfDay = (days: number) => new Date(days * day).toISOString().slice(0, 10);
export const dayAfter = (date: string) => dateOfDay(dayNumber(date) + 1);

type Range = { first: string; last: string };

/** The date itself, or the end of the range that it is beyond. */
export function within({ first, last }: Range, date: string): string {
  if (date < first) return first;
  return date > last ? last : date;
}

/** The same day of another month, or that month's last day. */
export function monthsFrom(date: string, months: number): string {
  const from = new Date(date);
  const to = new Date(Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + months + 1, 0));
  to.setUTCDate(Math.min(from.getUTCDate(), to.getUTCDate()));
  return to.toISOString().slice(0, 10);
}
