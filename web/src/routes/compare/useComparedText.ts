import type { CompareQuery, Gender, Platform, Weekday } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";

type Field = Pick<CompareQuery["compareProfiles"]["fields"][number], "group" | "name">;
type Money = { amount: `${number}`; currency: string };

/** Texts for the fields of a comparison and their values. */
export function useComparedText() {
  const text = useText();
  const format = useFormat();
  const words = text.compare;

  const name = ({ group, name }: Field): string => {
    if (group === "CONSENTS") return format.consent(name);
    if (group === "ATTRIBUTES") return format.attribute(name);
    const [, figure, months] = /^(count|amount|average)(\d+)$/.exec(name) ?? [];
    if (group === "PURCHASES" && figure && isFigure(figure)) return words.windows[figure](Number(months));
    return words.fields[name] ?? format.kind(name);
  };

  const value = ({ group, name }: Field, value: unknown): string => {
    if (value === null || value === undefined) return "–";
    if (group === "CONSENTS") return value === true ? text.granted : text.denied;
    if (group === "ATTRIBUTES") return format.attributeValue(name, value);
    if (isMoney(value)) return format.money(value.amount, value.currency);
    if (name === "recentDevice" && isRecord(value)) return device(value);
    if (Array.isArray(value)) return value.map((each) => one(name, each)).join(", ");
    return one(name, value);
  };

  const one = (name: string, value: unknown): string => {
    if (typeof value === "number") return name === "peakHour" ? format.hour(value) : format.number(value);
    if (typeof value !== "string") return format.value(value);
    if (name === "gender") return format.gender(value as Gender);
    if (name === "platforms") return format.platform(value as Platform);
    if (name === "peakWeekday") return format.weekday(value as Weekday);
    if (name === "phone") return format.phone(value);
    if (/(Date)$/.test(name)) return format.date(value);
    if (/At$/.test(name)) return format.exact(value);
    return value;
  };
  return { name, value };
}

/** "Galaxy S24 · Android 15 · Chrome 142 · SKT". */
function device({ model, os, osVersion, browser, browserVersion, carrier }: Record<string, unknown>): string {
  const pair = (name: unknown, version: unknown) => [name, version].filter(Boolean).join(" ");
  return [model, pair(os, osVersion), pair(browser, browserVersion), carrier].filter(Boolean).join(" · ");
}

const isFigure = (name: string): name is "count" | "amount" | "average" =>
  name === "count" || name === "amount" || name === "average";
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isMoney = (value: unknown): value is Money =>
  isRecord(value) && typeof value.amount === "string" && typeof value.currency === "string";
