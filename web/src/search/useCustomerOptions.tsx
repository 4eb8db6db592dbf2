import { useLocation } from "wouter";
import { useText } from "../language/language";
import { useCustomersQuery, useShowCustomers } from "../routes/customers/query";
import { customerPath } from "../routes/views";
import { CustomerOption, FilterOption } from "./CustomerOption";
import { controlKey } from "./keys";
import styles from "./Search.module.css";
import type { Option } from "./useCombobox";
import type { FilterSuggestion, Suggestions } from "./useSuggestions";

/** The fields of the list's filter that a text can name. */
const filterFields: Record<FilterSuggestion["field"], string> = {
  MEMBERSHIP_LEVEL: "membershipLevel",
  RECENT_AREA: "recentArea",
};

/**
 * The options of a search: the customers that it finds, the filters that its text names, and all customers in the list. `onLeave`
 * is called with the text that is searched for afterwards.
 */
export function useCustomerOptions(
  typed: string,
  suggestions: Suggestions | undefined,
  onLeave: (search: string) => void,
): Option[] {
  const text = useText();
  const [, navigate] = useLocation();
  const { filter } = useCustomersQuery();
  const show = useShowCustomers();
  if (!suggestions) return [];
  const { customers, filters, totalCount } = suggestions;
  const options: Option[] = customers.map(({ profile, matches }) => ({
    key: profile.unifiedId,
    content: <CustomerOption customer={profile} matches={matches} />,
    onPick: () => {
      onLeave("");
      navigate(customerPath(profile.unifiedId));
    },
  }));
  for (const suggestion of filters) {
    const { field, values, rest } = suggestion;
    if (!(filterFields[field] in filter)) continue;
    options.push({
      key: `${field}-${rest}`,
      content: <FilterOption filter={suggestion} />,
      onPick: () => {
        onLeave(rest);
        show({ search: rest, filter: { ...filter, [filterFields[field]]: values } });
      },
    });
  }
  if (totalCount > 0) {
    options.push({
      key: "all",
      content: (
        <>
          <span className={styles.all}>{text.search.all(totalCount)}</span>
          <kbd className={styles.keys}>{controlKey} ↵</kbd>
        </>
      ),
      onPick: () => {
        onLeave(typed);
        show({ search: typed });
      },
    });
  }
  return options;
}
