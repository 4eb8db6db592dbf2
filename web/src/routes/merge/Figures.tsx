import { useState } from "react";
import { Segmented } from "../../components/Segmented";
import type { RankBy } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import type { MergePreview, ProfileView, PurchasesView, RankedItem } from "../../rules/preview";
import { type Months, measures, windows } from "../customer/query";
import { ComparisonTable } from "./ComparisonTable";
import styles from "./Merge.module.css";

type Props = { preview: MergePreview; after: ProfileView; by: RankBy; onBy: (by: RankBy) => void };
type Ranking = "topCategories" | "topProducts";

/** Windows and rankings of each customer and of the merged one. */
export function Figures({ preview: { before }, after, by, onBy }: Props) {
  const text = useText();
  const format = useFormat();
  const [months, setMonths] = useState<Months>(12);
  const measureNames: Record<RankBy, string> = {
    UNITS: text.units,
    ORDERS: text.orders,
    AMOUNT: text.amount,
  };
  const rankings: Ranking[] = ["topCategories", "topProducts"];
  return (
    <>
      <section className={styles.section}>
        <h2>{text.merge.figures}</h2>
        <ComparisonTable
          before={before}
          after={after}
          groups={[
            {
              rows: windows.map((length) => ({
                key: `window${length}`,
                name: text.lastMonths(length),
                cell: ({ purchases }: ProfileView) => {
                  const window = purchases.windows.find((each) => each.months === length);
                  if (!window) return "–";
                  return (
                    <>
                      <span>{text.ordersOf(window.count)}</span>
                      <br />
                      <span>{format.money(window.amount, purchases.currency)}</span>
                    </>
                  );
                },
              })),
            },
          ]}
        />
      </section>
      <section className={styles.section}>
        <h2>{text.merge.rankingsAfter}</h2>
        <div className={styles.controls}>
          <Segmented
            label={text.window}
            options={windows.map((value) => ({ value, label: text.lastMonths(value) }))}
            value={months}
            onChange={setMonths}
          />
          <Segmented
            label={text.measure}
            options={measures.map((value) => ({ value, label: measureNames[value] }))}
            value={by}
            onChange={onBy}
          />
        </div>
        <ComparisonTable
          before={before}
          after={after}
          groups={[
            {
              rows: rankings.map((ranking) => ({
                key: ranking,
                name: text[ranking],
                cell: ({ purchases }: ProfileView, isResult: boolean) => (
                  <Top
                    items={topOf(purchases, ranking, months)}
                    before={
                      isResult ? before.map((each) => topOf(each.purchases, ranking, months)) : undefined
                    }
                  />
                ),
              })),
            },
          ]}
        />
      </section>
    </>
  );
}

const topOf = (purchases: PurchasesView, ranking: Ranking, months: Months) =>
  purchases[`${ranking}${months}`];

/** A ranking. Items of the merged customer show their rank before the merge. */
function Top({ items, before }: { items: RankedItem[]; before: RankedItem[][] | undefined }) {
  const text = useText();
  if (items.length === 0) return "–";
  return (
    <ol className={styles.top}>
      {items.map(({ key, name, rank }) => {
        const ranks = before?.flatMap((each) => each.find((item) => item.key === key)?.rank ?? []);
        return (
          <li key={key}>
            <span className="soft">{rank}</span>
            <span>{name}</span>
            {ranks && !ranks.includes(rank) && (
              <span className={styles.moved}>
                {ranks.length === 0 ? text.merge.newRank : text.merge.wasRank(Math.min(...ranks))}
              </span>
            )}
          </li>
        );
      })}
    </ol>
  );
}
