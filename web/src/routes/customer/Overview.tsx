import type { ReactNode } from "react";
import { Bar } from "../../components/Bar";
import { Time } from "../../components/Time";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import type { Profile } from "./Customer";
import styles from "./Overview.module.css";
import { Spend } from "./Spend";
import type { ProfileAsOf } from "./useProfileAsOf";

export function Overview({ view }: { view: ProfileAsOf }) {
  const text = useText();
  const format = useFormat();
  const { profile, loaded, inPage } = view;
  const { activity, basic, purchases } = profile;
  return (
    <>
      <dl className={styles.figures}>
        <Figure name={text.lastActivity}>
          <Time at={activity.lastActivityAt} />
          <Exact at={activity.lastActivityAt} />
        </Figure>
        <Figure name={text.events}>{format.number(activity.eventCount)}</Figure>
        <Figure name={text.sessions}>{format.number(activity.sessionCount)}</Figure>
        <Figure name={text.deviceCount}>{format.number(basic.deviceCount)}</Figure>
        <Figure name={text.lastUpdated}>
          <Time at={activity.lastUpdatedAt} />
          <Exact at={activity.lastUpdatedAt} />
        </Figure>
      </dl>
      <div className={styles.purchases}>
        <Windows profile={profile} />
        <div className={styles.habits}>
          <h3>{text.purchaseHabits}</h3>
          <dl>
            <Line name={text.peakWeekday}>
              {purchases.peakWeekday && format.weekday(purchases.peakWeekday)}
            </Line>
            <Line name={text.peakHour}>
              {typeof purchases.peakHour === "number" &&
                text.hourRange(format.hour(purchases.peakHour), format.hour(purchases.peakHour + 1))}
            </Line>
            <Line name={text.firstPurchase}>
              {purchases.firstPurchaseDate && format.date(purchases.firstPurchaseDate)}
            </Line>
            <Line name={text.lastPurchase}>
              {purchases.lastPurchaseDate && format.date(purchases.lastPurchaseDate)}
            </Line>
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
      </div>
      {loaded && inPage && <Spend loaded={loaded} profile={profile} />}
    </>
  );
}

function Figure({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt className="soft small">{name}</dt>
      <dd className={styles.figure}>{children}</dd>
    </div>
  );
}

function Exact({ at }: { at: string }) {
  const format = useFormat();
  return <span className={styles.exact}>{format.exact(at)}</span>;
}

function Line({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className={styles.line}>
      <dt className="soft">{name}</dt>
      <dd>{children || <span className="soft">–</span>}</dd>
    </div>
  );
}

function Windows({ profile }: { profile: Profile }) {
  const text = useText();
  const format = useFormat();
  const { windows, currency, currencies } = profile.purchases;
  const most = Math.max(1, ...windows.map(({ amount }) => Number(amount)));
  const until = windows.at(0)?.to;
  const others = currencies.filter((other) => other !== currency);
  return (
    <div>
      <h3>{text.purchases}</h3>
      {until && <p className="soft small">{text.purchasesUntil(format.date(until))}</p>}
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
                <Bar share={Number(amount) / most} />
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
