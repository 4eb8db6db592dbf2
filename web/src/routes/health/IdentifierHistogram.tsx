import type { HealthQuery } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import styles from "./Health.module.css";

type Counts = HealthQuery["health"]["identifierCounts"];

/** The smallest number of identifiers in each bucket. */
const bucketStarts = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 21, 51, 101, 1001];

/** Customers by their number of identifiers, up to the bucket of the largest. */
export function histogram(counts: Counts) {
  const largest = Math.max(0, ...counts.map(({ identifiers }) => identifiers));
  return bucketStarts
    .map((from, index) => {
      const to = (bucketStarts[index + 1] ?? Number.POSITIVE_INFINITY) - 1;
      const profiles = counts
        .filter(({ identifiers }) => from <= identifiers && identifiers <= to)
        .reduce((sum, each) => sum + each.profiles, 0);
      return { from, to, profiles };
    })
    .filter(({ from }) => from <= largest);
}

/** How many customers have how many identifiers. A long tail hints at identifiers that should not link. */
export function IdentifierHistogram({ counts }: { counts: Counts }) {
  const text = useText();
  const format = useFormat();
  const total = counts.reduce((sum, { profiles }) => sum + profiles, 0);
  const all = counts.reduce((sum, { identifiers, profiles }) => sum + identifiers * profiles, 0);
  const bars = histogram(counts);
  const most = Math.max(1, ...bars.map(({ profiles }) => profiles));
  const range = (from: number, to: number) => {
    if (from === to) return format.number(from);
    return Number.isFinite(to) ? `${format.number(from)}–${format.number(to)}` : `${format.number(from)}+`;
  };
  return (
    <>
      <p className="soft">
        {total > 0 && text.health.average(format.number(Math.round((all / total) * 10) / 10))}
      </p>
      <table className={styles.sizes}>
        <caption className="hidden">{text.health.sizes}</caption>
        <thead>
          <tr className="soft small">
            <th scope="col">{text.identifiers}</th>
            <th scope="col">{text.customers}</th>
          </tr>
        </thead>
        <tbody>
          {bars.map(({ from, to, profiles }) => (
            <tr key={from} data-from={from} data-profiles={profiles}>
              <th scope="row">{range(from, to)}</th>
              <td>
                <span className={styles.bar} style={{ inlineSize: `${(profiles / most) * 100}%` }} />
                <span>{format.number(profiles)}</span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
