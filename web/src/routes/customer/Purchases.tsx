import type { ReactNode } from "react";
import { Bar } from "../../components/Bar";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import { AsOf } from "./AsOf";
import type { Profile, Today } from "./Customer";
import styles from "./Purchases.module.css";
import { Rankings } from "./Rankings";
import { Spend } from "./Spend";
import { useProfileAsOf } from "./useProfileAsOf";

type Props = { profile: Profile; today: Today; onAnswered: (answered: boolean) => void };

/** What was bought, as of a date. Nothing else of the card depends on that date, and the heading says so. */
export function Purchases({ profile: read, today: current, onAnswered }: Props) {
  const text = useText();
  const format = useFormat();
  const view = useProfileAsOf(read, onAnswered);
  const { profile, asOf, today, range, setAsOf } = view;
  const onDate = current?.purchases.onDate;
  const { purchases } = profile;
  const isToday = asOf === today;
  const until = purchases.windows.at(0)?.to;
  const hasSome = Boolean(purchases.firstPurchaseDate);
  return (
    <section
      id="purchases"
      aria-labelledby="purchases-title"
      className={styles.section}
      data-figures={view.inPage ? "module" : "server"}
    >
      <header className={styles.head}>
        <div className={styles.control}>
          <h2 id="purchases-title">{text.purchases}</h2>
          <AsOf asOf={asOf} today={today} range={range} onChange={setAsOf} />
        </div>
        {isToday ? (
          <p className={`${styles.strip} soft`}>{until && text.purchasesUntil(format.date(until))}</p>
        ) : (
          <p className={`${styles.strip} ${styles.past}`}>
            <span>{text.card.asOfOf(format.date(asOf))}</span>
            <button type="button" className={styles.back} onClick={() => setAsOf(undefined, true)}>
              {text.card.backToToday}
            </button>
          </p>
        )}
      </header>
      {isToday && onDate && onDate.count > 0 && (
        <p className={styles.now} data-testid="today">
          {text.card.onDate(onDate.count, format.money(onDate.amount, purchases.currency))}
        </p>
      )}
      {hasSome ? (
        <div className={styles.content} data-waiting={profile.asOf !== asOf || undefined}>
          <div className={styles.figures}>
            <Windows purchases={purchases} />
            <Patterns purchases={purchases} />
          </div>
          <Spend loaded={view.loaded} profile={profile} />
          <Rankings view={view} />
        </div>
      ) : (
        <p className="soft">{text.card.noPurchases(format.date(asOf))}</p>
      )}
    </section>
  );
}

function Patterns({ purchases }: { purchases: Profile["purchases"] }) {
  const text = useText();
  const format = useFormat();
  const { peakWeekday, peakHour, firstPurchaseDate, lastPurchaseDate } = purchases;
  return (
    <div className={styles.patterns}>
      <h3>{text.purchaseHabits}</h3>
      <dl>
        <Line name={text.peakWeekday}>{peakWeekday && format.weekday(peakWeekday)}</Line>
        <Line name={text.peakHour}>
          {typeof peakHour === "number" && text.hourRange(format.hour(peakHour), format.hour(peakHour + 1))}
        </Line>
        <Line name={text.firstPurchase}>{firstPurchaseDate && format.date(firstPurchaseDate)}</Line>
        <Line name={text.lastPurchase}>{lastPurchaseDate && format.date(lastPurchaseDate)}</Line>
        {purchases.refundCount > 0 && (
          <Line name={text.refunds}>
            {text.refundsText(
              purchases.refundCount,
              format.money(purchases.refundAmount, purchases.currency),
            )}
          </Line>
        )}
      </dl>
    </div>
  );
}

function Line({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className={styles.line}>
      <dt className="soft">{name}</dt>
      <dd>{children || <span className="soft">–</span>}</dd>
    </div>
  );
}

function Windows({ purchases }: { purchases: Profile["purchases"] }) {
  const text = useText();
  const format = useFormat();
  const { windows, currency, currencies } = purchases;
  const most = Math.max(0, ...windows.map(({ amount }) => Number(amount)));
  const others = currencies.filter((other) => other !== currency);
  return (
    <div>
      <table className={styles.windows}>
        <thead>
          <tr>
            <th scope="col">{text.period}</th>
            <th scope="col">{text.orders}</th>
            <th scope="col">{text.amount}</th>
            <th scope="col">{text.average}</th>
          </tr>
        </thead>
        <tbody>
          {windows.map(({ months, from, to, count, amount, average }) => (
            <tr key={months} data-months={months}>
              <th scope="row">
                {text.lastMonths(months)}
                <span className={styles.period}>{format.dates(from, to)}</span>
              </th>
              <td>{format.number(count)}</td>
              <td>
                {format.money(amount, currency)}
                <Bar share={most > 0 ? Number(amount) / most : 0} />
              </td>
              <td>{average ? format.money(average, currency) : <span className="soft">–</span>}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {others.length > 0 && <p className="soft small">{text.otherCurrencies(others.join(", "))}</p>}
    </div>
  );
}
