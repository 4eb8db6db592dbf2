import { useQuery } from "urql";
import { asInput } from "../../decisions/linkKey";
import { SightingsDocument } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import styles from "./SightingChart.module.css";

type Props = { identifier: { kind: string; value: string }; day: string; onChoose: (day: string) => void };

const shownMonths = 24;

/** How often a value was seen in each month: the gap is where it changed hands, and can be selected. */
export function SightingChart({ identifier, day, onChoose }: Props) {
  const text = useText();
  const format = useFormat();
  const [{ data }] = useQuery({
    query: SightingsDocument,
    variables: { identifier: asInput(identifier), months: shownMonths },
    requestPolicy: "cache-and-network",
  });
  // It helps to find the day; without it the day can be typed.
  if (!data) return <div className={styles.bars} aria-hidden="true" />;
  const { months, complete } = data.sightings;
  const most = Math.max(1, ...months.map(({ count }) => count));
  return (
    <fieldset className={styles.chart}>
      <legend className="soft small">{text.identity.sightings}</legend>
      {/* Where months do not fit in a row, the newest ones are in sight. */}
      <div className={styles.scroll} ref={(box) => box?.scrollTo({ left: box.scrollWidth })}>
        <div className={styles.bars} data-sightings>
          {months.map(({ month, count }) => {
            const label = text.identity.sightingsIn(format.month(month), count);
            return (
              <button
                key={month}
                type="button"
                className={styles.month}
                aria-label={label}
                aria-pressed={day.slice(0, 7) === month.slice(0, 7)}
                title={label}
                data-month={month}
                data-count={count}
                onClick={() => onChoose(month)}
              >
                <span style={{ blockSize: count === 0 ? 0 : `${Math.max(8, (count / most) * 100)}%` }} />
              </button>
            );
          })}
        </div>
        <p className={`soft small ${styles.ends}`}>
          <span>{months[0] && format.shortMonth(months[0].month)}</span>
          <span>{months.at(-1) && format.shortMonth(months.at(-1)?.month ?? "")}</span>
        </p>
      </div>
      <p className="soft small">
        {text.identity.sightingsHelp} {!complete && text.identity.sightingsPartial}
      </p>
    </fieldset>
  );
}
