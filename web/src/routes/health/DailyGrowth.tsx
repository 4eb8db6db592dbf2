import { Link } from "wouter";
import type { HealthQuery } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import styles from "./Health.module.css";

/** A week of customers, merges and splits, the newest day first. */
export function DailyGrowth({ days }: { days: HealthQuery["health"]["days"] }) {
  const text = useText();
  const format = useFormat();
  const signed = (value: number) => (value > 0 ? `+${format.number(value)}` : format.number(value));
  return (
    <div className={styles.wide}>
      <table className={styles.days} data-days>
        <caption className="hidden">{text.health.growth}</caption>
        <thead>
          <tr className="soft small">
            <th scope="col">{text.health.day}</th>
            <th scope="col">{text.health.total}</th>
            <th scope="col">{text.health.growthOf}</th>
            <th scope="col">{text.health.merges}</th>
            <th scope="col">{text.health.splits}</th>
            <th scope="col">{text.health.messages}</th>
          </tr>
        </thead>
        <tbody>
          {days.toReversed().map(({ date, accepted, customers, growth, merged, unmerged }) => (
            <tr key={date} data-day={date}>
              <th scope="row">{format.date(date)}</th>
              <td>
                {typeof customers === "number" ? (
                  <Link href="/customers">{format.number(customers)}</Link>
                ) : (
                  <span className="soft">–</span>
                )}
              </td>
              <td>{typeof growth === "number" ? signed(growth) : <span className="soft">–</span>}</td>
              <td>{format.number(merged)}</td>
              <td>{format.number(unmerged)}</td>
              <td>{format.number(accepted)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
