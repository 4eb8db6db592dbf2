import { useAnswer } from "../../facts/useAnswer";
import type { LoadedFacts } from "../../facts/useFacts";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import type { Spend as SpendFigures } from "../../rules/preview";
import type { Profile } from "./Customer";
import styles from "./Spend.module.css";

const shownMonths = 24;

/** Spend by month, and when purchases are made. */
export function Spend({ loaded, profile }: { loaded: LoadedFacts; profile: Profile }) {
  const { unifiedId, asOf, purchases } = profile;
  const figures = { asOf, currency: purchases.currency };
  const { answer } = useAnswer(loaded, "spend", { unifiedId, figures, months: shownMonths });
  if (!answer) return null;
  return (
    <div className={styles.spend}>
      <Months spend={answer} />
      <Week spend={answer} purchases={purchases} />
    </div>
  );
}

function Months({ spend: { months, largestAmount, currency } }: { spend: SpendFigures }) {
  const text = useText();
  const format = useFormat();
  const money = (amount: `${number}`) => format.money(amount, currency);
  const height = (amount: `${number}`) => (Number(amount) > 0 ? Number(amount) / Number(largestAmount) : 0);
  return (
    <figure>
      <figcaption className={styles.caption}>
        <h3>{text.spend.byMonth}</h3>
        <span className="soft small">{text.spend.most(money(largestAmount))}</span>
      </figcaption>
      <ol className={styles.months} data-months-chart>
        {months.map(({ month, amount, count }) => {
          const said = text.spend.month(format.month(month), money(amount), count);
          return (
            <li key={month} title={said} data-month={month} data-amount={amount}>
              <span className="hidden">{said}</span>
              <span className={styles.bar} style={{ height: `${height(amount) * 100}%` }} />
            </li>
          );
        })}
      </ol>
      <p className={styles.scale} aria-hidden="true">
        {[months[0], months[months.length / 2], months.at(-1)].map(
          (each) => each && <span key={each.month}>{format.shortMonth(each.month)}</span>,
        )}
      </p>
    </figure>
  );
}

type WeekProps = { spend: SpendFigures; purchases: Profile["purchases"] };

function Week({ spend: { weekdays, largestCount }, purchases }: WeekProps) {
  const text = useText();
  const format = useFormat();
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
          {weekdays.map(({ weekday, hours }) => (
            <tr key={weekday}>
              <th scope="row" className={weekday === peakWeekday ? styles.peak : undefined}>
                <span aria-hidden="true">{format.weekdayLetter(weekday)}</span>
                <span className="hidden">{format.weekday(weekday)}</span>
              </th>
              {hours.map((count, hour) => {
                const said = text.spend.hour(format.weekday(weekday), format.hour(hour), count);
                return (
                  // biome-ignore lint/suspicious/noArrayIndexKey: the hours of a day.
                  <td key={hour} title={said} data-count={count}>
                    {count > 0 && <span className="hidden">{said}</span>}
                    <span
                      className={styles.cell}
                      style={{ opacity: count === 0 ? 0 : 0.18 + 0.82 * (count / largestCount) }}
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
