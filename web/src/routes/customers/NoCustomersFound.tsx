import { useEffect, useState } from "react";
import { Notice } from "../../components/Notice";
import { useText } from "../../language/language";
import { rules } from "../../rules/rules";
import { useViewer } from "../../session/useViewer";
import styles from "./Customers.module.css";

type Props = {
  search: string | null;
  filtered: boolean;
  onClearSearch: () => void;
  onClearFilters: () => void;
};

/** Says why the list is empty, and offers to widen it. */
export function NoCustomersFound({ search, filtered, onClearSearch, onClearFilters }: Props) {
  const text = useText();
  const blocked = useBlocked(search);
  const masked = useViewer()?.seesPersonalData === false;
  const searchHelp = masked ? text.search.masked : text.noneFoundSearch;
  return (
    <Notice title={text.noneFound}>
      {search !== null && <p>{blocked ? text.noneFoundBlocked : searchHelp}</p>}
      {filtered && <p>{text.noneFoundFilter}</p>}
      <div className={styles.ways}>
        {search !== null && (
          <button type="button" className="button" onClick={onClearSearch}>
            {text.clearSearch}
          </button>
        )}
        {filtered && (
          <button type="button" className="button" onClick={onClearFilters}>
            {text.clearFilters}
          </button>
        )}
      </div>
    </Notice>
  );
}

/** Whether the identity rules block the words as an identifier: `unknown`, `0`, `test@test.com`. */
function useBlocked(search: string | null): boolean {
  const [blocked, setBlocked] = useState(false);
  useEffect(() => {
    let overtaken = false;
    const set = (value: boolean) => {
      if (!overtaken) setBlocked(value);
    };
    if (search === null) set(false);
    else
      rules.normalizeIdentifier("external_id", search).then(
        ({ status }) => set(status === "blocked"),
        () => set(false),
      );
    return () => {
      overtaken = true;
    };
  }, [search]);
  return blocked;
}
