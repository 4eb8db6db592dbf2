import { useState } from "react";
import { useQuery } from "urql";
import { Bar } from "../../components/Bar";
import { ErrorNotice } from "../../components/Notice";
import { Segmented } from "../../components/Segmented";
import { Skeleton } from "../../components/Skeleton";
import { type RankBy, type RankedFragment, RankingsDocument } from "../../graphql/generated/graphql";
import { useRevision } from "../../graphql/useRevision";
import type { Text } from "../../language/en";
import { type Formats, useFormat } from "../../language/format";
import { useText } from "../../language/language";
import { measures, useCardQuery, windows } from "./query";
import styles from "./Rankings.module.css";

const few = 3;
const many = 10;

export function Rankings({ unifiedId, revision }: { unifiedId: string; revision: string }) {
  const text = useText();
  const format = useFormat();
  const [{ asOf, months, by }, show] = useCardQuery();
  const [first, setFirst] = useState(few);
  const [{ data, error }, reload] = useQuery({
    query: RankingsDocument,
    variables: { unifiedId, asOf: asOf ?? null, months, by, first },
    requestPolicy: "cache-and-network",
  });
  useRevision(revision, () => reload({ requestPolicy: "network-only" }));
  const profile = data?.profile;
  const measureNames: Record<RankBy, string> = {
    UNITS: text.units,
    ORDERS: text.orders,
    AMOUNT: text.amount,
  };
  return (
    <>
      <div className={styles.controls}>
        <Segmented
          label={text.window}
          options={windows.map((value) => ({ value, label: text.lastMonths(value) }))}
          value={months}
          onChange={(value) => show({ months: value })}
        />
        <Segmented
          label={text.measure}
          options={measures.map((value) => ({ value, label: measureNames[value] }))}
          value={by}
          onChange={(value) => show({ by: value })}
        />
        {profile && <p className="soft small">{text.rankingsFrom(format.month(profile.asOf))}</p>}
      </div>
      {error && !profile && (
        <ErrorNotice error={error} onRetry={() => reload({ requestPolicy: "network-only" })} />
      )}
      <div className={styles.both}>
        <Ranking
          title={text.topCategories}
          items={profile?.purchases.topCategories}
          currency={profile?.purchases.currency}
          by={by}
        />
        <Ranking
          title={text.topProducts}
          items={profile?.purchases.topProducts}
          currency={profile?.purchases.currency}
          by={by}
        />
      </div>
      {profile && (first === many || longEnough(profile.purchases)) && (
        <button type="button" className={styles.more} onClick={() => setFirst(first === few ? many : few)}>
          {first === few ? text.showMore : text.showFewer}
        </button>
      )}
    </>
  );
}

const longEnough = (purchases: { topCategories: unknown[]; topProducts: unknown[] }) =>
  purchases.topCategories.length >= few || purchases.topProducts.length >= few;

type RankingProps = {
  title: string;
  items: RankedFragment[] | undefined;
  currency: string | undefined;
  by: RankBy;
};

function Ranking({ title, items, currency, by }: RankingProps) {
  const text = useText();
  const format = useFormat();
  const most = Math.max(1, ...(items ?? []).map((item) => measured(item, by)));
  const column = (measure: RankBy) => (measure === by ? styles.measured : styles.other);
  return (
    <div>
      <h3>{title}</h3>
      {items === undefined || currency === undefined ? (
        <div className={styles.expected}>
          <Skeleton width="90%" />
          <Skeleton width="70%" />
          <Skeleton width="60%" />
        </div>
      ) : items.length === 0 ? (
        <p className="soft">{text.noRanked}</p>
      ) : (
        <table className={styles.ranking} data-ranking={title}>
          <thead>
            <tr>
              <th scope="col">
                <span className="hidden">{text.rank}</span>
              </th>
              <th scope="col">
                <span className="hidden">{text.name}</span>
              </th>
              <th scope="col" className={column("UNITS")}>
                {text.units}
              </th>
              <th scope="col" className={column("ORDERS")}>
                {text.orders}
              </th>
              <th scope="col" className={column("AMOUNT")}>
                {text.amount}
              </th>
            </tr>
          </thead>
          <tbody>
            {items.map((item, index) => {
              const tie = tieWith(item, items[index + 1], by, text, format, currency);
              return (
                <tr key={item.key}>
                  <td className="soft">{item.rank}</td>
                  <td>
                    <span className={styles.name}>{item.name}</span>
                    <Bar share={measured(item, by) / most} />
                    {tie && <span className="soft small">{tie}</span>}
                  </td>
                  <td className={column("UNITS")}>{format.number(item.units)}</td>
                  <td className={column("ORDERS")}>{format.number(item.orders)}</td>
                  <td className={column("AMOUNT")}>{format.money(item.amount, currency)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
    </div>
  );
}

function measured(item: RankedFragment, by: RankBy): number {
  return { UNITS: item.units, ORDERS: item.orders, AMOUNT: Number(item.amount) }[by];
}

/** What put an item before the next one, where both measure the same. The order itself is the server's. */
function tieWith(
  item: RankedFragment,
  next: RankedFragment | undefined,
  by: RankBy,
  text: Text,
  format: Formats,
  currency: string,
): string | undefined {
  if (!next || measured(item, by) !== measured(next, by)) return undefined;
  const value = {
    UNITS: text.unitsOf(item.units),
    ORDERS: text.ordersOf(item.orders),
    AMOUNT: format.money(item.amount, currency),
  }[by];
  if (item.amount !== next.amount) return text.tiedByAmount(value);
  if (item.lastPurchasedAt !== next.lastPurchasedAt) return text.tiedByDate(value);
  return text.tiedByName(value);
}
