import { createContext, type ReactNode, use, useEffect, useMemo, useState } from "react";
import { useQuery } from "urql";
import type { Gender, Platform, Weekday } from "../graphql/generated/graphql";
import { SessionDocument } from "../graphql/generated/graphql";
import type { Text } from "./en";
import { type Language, useLanguage, useText } from "./language";

const minute = 60_000;
/** From this distance on, a date says more than a relative time. */
const far = 30 * 24 * 60 * minute;
const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 24 * 60 * minute],
  ["hour", 60 * minute],
  ["minute", minute],
];
const weekdays: Weekday[] = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"];

/** Formats for figures, times and names. */
export function formats(language: Language, text: Text, timeZone: string, ownCurrency: string, now: number) {
  const numbers = new Intl.NumberFormat(language);
  const near = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  // In Korean all dates are written with figures: a month's name would be another form.
  const month = language === "ko" ? "numeric" : "short";
  const exact = new Intl.DateTimeFormat(language, {
    timeZone,
    year: "numeric",
    month,
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  const dateOf = new Intl.DateTimeFormat(language, { timeZone, dateStyle: "medium" });
  const dayOf = new Intl.DateTimeFormat(language, {
    timeZone,
    year: "numeric",
    month,
    day: "numeric",
    weekday: "short",
  });
  const timeOf = new Intl.DateTimeFormat(language, {
    timeZone,
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  const calendarDate = new Intl.DateTimeFormat(language, { timeZone: "UTC", dateStyle: "medium" });
  const calendarMonth = new Intl.DateTimeFormat(language, {
    timeZone: "UTC",
    year: "numeric",
    month: "long",
  });
  const shortMonth = new Intl.DateTimeFormat(language, { timeZone: "UTC", year: "numeric", month: "short" });
  const calendarYear = new Intl.DateTimeFormat(language, { timeZone: "UTC", year: "numeric" });
  const monthAlone = new Intl.DateTimeFormat(language, { timeZone: "UTC", month: "short" });
  const isoDate = new Intl.DateTimeFormat("en-CA", { timeZone, dateStyle: "short" });
  const weekday = new Intl.DateTimeFormat(language, { timeZone: "UTC", weekday: "long" });
  const weekdayLetter = new Intl.DateTimeFormat(language, { timeZone: "UTC", weekday: "narrow" });
  const hour = new Intl.DateTimeFormat(language, {
    timeZone: "UTC",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  const list = new Intl.ListFormat(language, { type: "conjunction" });
  const regions = new Intl.DisplayNames(language, { type: "region" });
  const tongues = new Intl.DisplayNames(language, { type: "language" });
  const money = new Map<string, Intl.NumberFormat>();
  const shortMoney = new Map<string, Intl.NumberFormat>();
  const moneyOf = (amount: `${number}`, currency = ownCurrency) => {
    let format = money.get(currency);
    if (!format) {
      format = new Intl.NumberFormat(language, {
        style: "currency",
        currency,
        currencyDisplay: "narrowSymbol",
      });
      money.set(currency, format);
    }
    return format.format(amount);
  };
  // 5 January 1970 was a Monday.
  const dayOfWeek = (value: Weekday) => new Date(Date.UTC(1970, 0, 5 + weekdays.indexOf(value)));

  return {
    number: (value: number) => numbers.format(value),
    list: (words: string[]) => (language === "ko" ? words.join(", ") : list.format(words)),
    money: moneyOf,
    /** A round amount in few letters, for the scale of a chart. */
    shortMoney: (amount: number, currency = ownCurrency) => {
      let format = shortMoney.get(currency);
      if (!format) {
        format = new Intl.NumberFormat(language, {
          style: "currency",
          currency,
          currencyDisplay: "narrowSymbol",
          notation: "compact",
          maximumFractionDigits: 1,
          minimumFractionDigits: 0,
        });
        shortMoney.set(currency, format);
      }
      return format.format(amount);
    },
    /** How long ago or how soon; the date where that is a month or more. */
    relative: (at: string) => {
      const distance = Date.parse(at) - now;
      if (Math.abs(distance) >= far) return dateOf.format(new Date(at));
      for (const [unit, length] of steps) {
        if (Math.abs(distance) >= length) return near.format(Math.trunc(distance / length), unit);
      }
      return near.format(0, "second");
    },
    exact: (at: string) => exact.format(new Date(at)),
    dateOf: (at: string) => dateOf.format(new Date(at)),
    dayOf: (at: string) => dayOf.format(new Date(at)),
    timeOf: (at: string) => timeOf.format(new Date(at)),
    date: (date: string) => calendarDate.format(new Date(date)),
    dates: (from: string, to: string) => calendarDate.formatRange(new Date(from), new Date(to)),
    month: (date: string) => calendarMonth.format(new Date(date)),
    shortMonth: (date: string) => shortMonth.format(new Date(date)),
    /** A month on the axis of a chart: January is its year. */
    axisMonth: (date: string) =>
      (date.slice(5, 7) === "01" ? calendarYear : monthAlone).format(new Date(date)),
    // Korean ranges within a year have blanks around their sign, and those of two years have none.
    months: (from: string, to: string) =>
      shortMonth.formatRange(new Date(from), new Date(to)).replace(/\s*~\s*/, " ~ "),
    /** The first instant of a day where the business is. */
    startOf: (date: string) => startOf(date, timeZone),
    /** Today where the business is, as yyyy-MM-dd. */
    today: () => isoDate.format(new Date()),
    /** The day of an instant where the business is, as yyyy-MM-dd. */
    isoDay: (at: string) => isoDate.format(new Date(at)),
    weekday: (value: Weekday) => weekday.format(dayOfWeek(value)),
    weekdayLetter: (value: Weekday) => weekdayLetter.format(dayOfWeek(value)),
    hour: (value: number) => hour.format(new Date(Date.UTC(1970, 0, 1, value % 24))),
    region: (code: string) => nameOf(regions, code),
    tongue: (code: string) => nameOf(tongues, code),
    kind: (kind: string) => text.kinds[kind] ?? kind,
    platform: (platform: Platform) => text.platformNames[platform],
    gender: (gender: Gender) => text.genders[gender],
    ageGroup: (group: string) => {
      const parts = /^(\d+)s(\+)?$/.exec(group);
      return parts?.[1] ? text.ageGroupOf(parts[1], parts[2] === "+") : group;
    },
    event: (name: string) => text.eventNames[name] ?? name,
    property: (name: string) => propertyName(name, text),
    attribute: (name: string) => {
      const channel = /^df_(\w+)_optin$/.exec(name)?.[1] ?? "";
      return text.attributeNames[name] ?? text.consentNames[channel] ?? name;
    },
    consent: (channel: string) => text.consentNames[channel] ?? channel,
    identifier: (kind: string, value: string) => (kind === "phone" ? phone(value) : value),
    phone,
    value: (value: unknown) => inWords(value, text, numbers),
    /** The value of an event's property: an amount with its currency. */
    propertyValue: (name: string, value: unknown, currency = ownCurrency): string => {
      const isAmount =
        typeof value === "number" || (typeof value === "string" && /^-?\d+(\.\d+)?$/.test(value));
      if (amountProperties.has(name) && isAmount) return moneyOf(`${Number(value)}`, currency);
      return inWords(value, text, numbers);
    },
    /** An attribute's value: what the product knows of is said in its words. */
    attributeValue: (name: string, value: unknown): string => {
      const gender = name === "df_gender" && typeof value === "string" ? genderOf[value] : undefined;
      if (gender) return text.genders[gender];
      if (typeof value === "string" && /^\d{4}-\d{2}-\d{2}$/.test(value) && !Number.isNaN(Date.parse(value)))
        return calendarDate.format(new Date(value));
      return inWords(value, text, numbers);
    },
  };
}

/** The first instant of a calendar day in a time zone, as RFC 3339. */
function startOf(date: string, timeZone: string): string {
  const zone = new Intl.DateTimeFormat("en", { timeZone, timeZoneName: "longOffset" });
  const offsetAt = (at: Date) => {
    const named = zone.formatToParts(at).find(({ type }) => type === "timeZoneName")?.value;
    return named?.slice("GMT".length) || "Z";
  };
  const midnight = (offset: string) => `${date}T00:00:00${offset}`;
  const near = midnight(offsetAt(new Date(date)));
  const exact = midnight(offsetAt(new Date(near)));
  // Where clocks skip midnight, the day starts later: at midnight by the offset before.
  const day = new Intl.DateTimeFormat("en-CA", { timeZone, dateStyle: "short" });
  return day.format(new Date(exact)) === date ? exact : near;
}

const amountProperties = new Set([
  "df_total_purchase_amount",
  "df_total_refund_amount",
  "df_refund_amount",
  "df_delivery_charge",
  "df_discount",
  "df_price",
  "df_line_amount",
]);

const genderOf: Record<string, Gender> = {
  Male: "MALE",
  Female: "FEMALE",
  NonBinary: "NON_BINARY",
  Other: "OTHER",
};

const propertyName = (name: string, text: Text) => text.propertyNames[name] ?? name.replace(/^df_/, "");

/** Any JSON value in words. */
function inWords(value: unknown, text: Text, numbers: Intl.NumberFormat): string {
  if (value === true) return text.yes;
  if (value === false) return text.no;
  if (typeof value === "number") return numbers.format(value);
  if (typeof value === "string") return text.valueNames[value] ?? value;
  if (Array.isArray(value))
    return value.map((each) => inWords(each, text, numbers)).join(value.some(isObject) ? "; " : ", ");
  if (isObject(value)) {
    return Object.entries(value)
      .map(([key, each]) => `${propertyName(key, text)} ${inWords(each, text, numbers)}`)
      .join(", ");
  }
  return String(value ?? "");
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

/**
 * A number as it is dialed in Korea: 010-1234-5678, 02-123-4567, 0505-123-4567, 1588-1234. A masked number, and one of another country,
 * stays as it is.
 */
export function phone(value: string): string {
  return value
    .replace(/^\+82(1[5-9]\d\d)(\d{4})$/, "$1-$2")
    .replace(/^\+82(2|50\d|[13-9]\d)(\d{3,4})(\d{4})$/, "0$1-$2-$3");
}

function nameOf(names: Intl.DisplayNames, code: string): string {
  try {
    return names.of(code) ?? code;
  } catch {
    return code;
  }
}

export type Formats = ReturnType<typeof formats>;
const FormatContext = createContext<Formats | undefined>(undefined);

export function FormatProvider({ children }: { children: ReactNode }) {
  const { language } = useLanguage();
  const text = useText();
  const [session] = useQuery({ query: SessionDocument });
  const timeZone = session.data?.policy.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  const currency = session.data?.policy.currency ?? "KRW";
  const now = useMinute();
  const value = useMemo(
    () => formats(language, text, timeZone, currency, now),
    [language, text, timeZone, currency, now],
  );
  return <FormatContext value={value}>{children}</FormatContext>;
}

function useMinute(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), minute);
    return () => clearInterval(timer);
  }, []);
  return now;
}

export function useFormat(): Formats {
  const value = use(FormatContext);
  if (!value) throw new Error("useFormat outside FormatProvider");
  return value;
}
