import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import {
  type ChoiceField,
  type CustomersFilter,
  type FilterField,
  isChoiceField,
  isNumberField,
  isTimeField,
} from "./query";
import type { NumberRange, TimeRange } from "./ranges";

/** The words of filters: names of fields, and conditions as chips show them. */
export function useFilterText() {
  const text = useText();
  const format = useFormat();

  const choice = (field: ChoiceField, value: string): string => {
    const filter = { [field]: value } as { [Field in ChoiceField]?: CustomersFilter[Field][number] };
    if (filter.platform) return format.platform(filter.platform);
    if (filter.gender) return format.gender(filter.gender);
    if (filter.ageGroup) return format.ageGroup(filter.ageGroup);
    if (filter.country) return format.region(filter.country);
    if (filter.hasIdentifier) return format.kind(filter.hasIdentifier);
    return value;
  };
  const time = (range: TimeRange): string => {
    if (range.kind === "within") return text.list.withinDays(range.days);
    if (range.kind === "before") return text.list.beforeDays(range.days);
    const [from, to] = [range.from && format.date(range.from), range.to && format.date(range.to)];
    if (from && to) return between(from, to);
    return from ? text.list.since(from) : text.list.until(to ?? "");
  };
  const between = (least: string | undefined, most: string | undefined): string => {
    if (least !== undefined && most !== undefined)
      return least === most ? least : text.list.between(least, most);
    return least === undefined ? text.list.atMost(most ?? "") : text.list.atLeast(least);
  };
  const numbers = (field: FilterField, { min, max }: NumberRange): string => {
    const figure = (value: string | undefined) => {
      if (value === undefined) return undefined;
      return field === "purchaseAmount12m"
        ? format.money(value as `${number}`)
        : format.number(Number(value));
    };
    return between(figure(min), figure(max));
  };
  /** Consents are attributes whose values have words of their own. */
  const attributeValue = (name: string, value: unknown): string => {
    if (/^df_\w+_optin$/.test(name) && typeof value === "boolean")
      return value ? text.list.optedIn : text.list.optedOut;
    return format.attributeValue(name, value);
  };
  const values = (field: ChoiceField, chosen: string[]): string => {
    const [first, ...others] = chosen.map((value) => choice(field, value));
    if (field === "hasIdentifier") return [first, ...others].join(" + ");
    return first === undefined ? "" : text.filterSelected(first, others.length);
  };
  return {
    name: (field: FilterField): string => text.list.fields[field],
    choice,
    attributeValue,
    /** A condition in words; empty where the field has none. */
    condition: (filter: CustomersFilter, field: Exclude<FilterField, "attribute">): string => {
      if (isTimeField(field)) return filter[field] ? time(filter[field]) : "";
      if (isNumberField(field)) return filter[field] ? numbers(field, filter[field]) : "";
      return isChoiceField(field) ? values(field, filter[field]) : "";
    },
  };
}
