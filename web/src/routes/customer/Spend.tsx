import { useMemo } from "react";
import { paidBy, type Spend as SpendFigures, spendOf } from "../../facts/spend";
import type { LoadedFacts } from "../../facts/useFacts";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import type { Profile } from "./Customer";
import styles from "./Spend.module.css";

/** Spend by month, and when purchases are made: figures that people would rather look at. */
export function Spend({ loaded, profile }: { loaded: LoadedFacts; profile: Profile }) {
  const { identifiers, asOf, purchases } = profile;
  const paid = useMemo(() => paidBy(loaded.raw, identifiers), [loaded, identifiers]);
  const spend = useMemo(() => spendOf(paid, asOf, purchases.currency), [paid, asOf, purchases.currency]);
  return (
    <div className={styles.spend}>
      <Months months={spend.months} currency={purchases.currency} />
      <Week week={spend.week} purchases={purchases} />
    </div>
  );
}

function Months({ months, currency }: { months: SpendFigures["months"]; currency: string }) {
  const text = useText();
  const format = useFormat();
  const most = Math.max(1, ...months.map(({ amount }) => amount));
  const sum = (amount: number) => format.money(`${amount}`, currency);
  return (
    <figure>
      <figcaption className={styles.caption}>
        <h3>{text.spend.byMonth}</h3>
        <span className="soft small">{text.spend.most(sum(most))}</span>
      </figcaption>
      <ol className={styles.months} data-months-chart>
        {months.map(({ month, amount, count }) => {
          const said = text.spend.month(format.month(`${month}-01`), sum(amount), count);
          return (
            <li key={month} title={said} data-month={month} data-amount={amount}>
              <span className="hidden">{said}</span>
              <span className={styles.bar} style={{ height: `${(amount / most) * 100}%` }} />
            </li>
          );
        })}
      </ol>
      <p className={styles.scale} aria-hidden="true">
        {[0, months.length / 2, months.length - 1].map((index) => (
          <span key={index}>{format.shortMonth(`${months[index]?.month}-01`)}</span>
        ))}
      </p>
    </figure>
  );
}

function Week({ week, purchases }: { week: number[][]; purchases: Profile["purchases"] }) {
  const text = useText();
  const format = useFormat();
  const most = Math.max(1, ...week.flat());
  const { peakWeekday, peakHour } = purchases;
  return (
    <figure>
      <figcaption className={styles.caption}>
        <h3>{text.spend.byHour}</h3>
        {peakWeekday && typeof peakHour === "number" && (
          <span className="soft small">
            {text.spend.peak(format.weekday(peakWeekday), format.hour(peakHour))}
          </span>
        )}
      </figcaption>
      <table className={styles.week}>
        <tbody>
          {format.week.map(({ value, letter }, day) => (
            <tr key={value}>
              <th scope="row" className={value === peakWeekday ? styles.peak : undefined}>
                <span aria-hidden="true">{letter}</span>
                <span className="hidden">{format.weekday(value)}</span>
              </th>
              {week[day]?.map((count, hour) => {
                const said = text.spend.hour(format.weekday(value), format.hour(hour), count);
                return (
                  // biome-ignore lint/suspicious/noArrayIndexKey: the hours of a day.
                  <td key={hour} title={said} data-count={count}>
                    {count > 0 && <span className="hidden">{said}</span>}
                    <span
                      className={styles.cell}
                      style={{ opacity: count === 0 ? 0 : 0.18 + 0.82 * (count / most) }}
                    />
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
      <p className={styles.hours} aria-hidden="true">
        {[0, 6, 12, 18, 24].map((hour) => (
          <span key={hour}>{hour}</span>
        ))}
      </p>
    </figure>
  );
}
