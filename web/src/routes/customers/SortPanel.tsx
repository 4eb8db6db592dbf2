import { ArrowDown, ArrowUp } from "lucide-react";
import { Panel } from "../../components/Panel";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import styles from "./Customers.module.css";
import { standardColumns } from "./columns";
import { type CustomersOrder, nextOrder } from "./query";

type Props = { orderBy: CustomersOrder; onOrder: (orderBy: CustomersOrder) => void };

/** Sets the order on a narrow page, where the table has no column heads. */
export function SortPanel({ orderBy, onOrder }: Props) {
  const text = useText();
  const format = useFormat();
  const options = [
    { field: "NAME" as const, label: text.columnCustomer },
    ...standardColumns.flatMap(({ orderBy: field, label }) =>
      field ? [{ field, label: label(text, format) }] : [],
    ),
  ];
  const ascending = orderBy.direction === "ASC";
  return (
    <Panel label={text.sort} value={options.find(({ field }) => field === orderBy.field)?.label}>
      <ul>
        {options.map(({ field, label }) => (
          <li key={field}>
            <button
              type="button"
              className={styles.order}
              aria-pressed={field === orderBy.field}
              onClick={() => onOrder(nextOrder(field, orderBy))}
            >
              <span>{label}</span>
              {field === orderBy.field && (
                <>
                  <span className="hidden">{ascending ? text.ascending : text.descending}</span>
                  {ascending ? <ArrowUp size={14} aria-hidden /> : <ArrowDown size={14} aria-hidden />}
                </>
              )}
            </button>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
