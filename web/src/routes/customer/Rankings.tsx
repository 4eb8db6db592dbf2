import { useRef, useState } from "react";
import { useQuery } from "urql";
import { Bar } from "../../components/Bar";
import { ErrorNotice } from "../../components/Notice";
import { Segmented } from "../../components/Segmented";
import { Skeleton } from "../../components/Skeleton";
import { useAnswer } from "../../facts/useAnswer";
import { type RankBy, type RankedFragment, RankingsDocument } from "../../graphql/generated/graphql";
import { useRevision } from "../../graphql/useRevision";
import type { Text } from "../../language/en";
import { type Formats, useFormat } from "../../language/format";
import { useText } from "../../language/language";
import type { TieBreak } from "../../rules/preview";
import { useDebounced } from "../../useDebounced";
import { useFlip } from "../../useFlip";
import { debounceMs, measures, useCardQuery, windows } from "./query";
import styles from "./Rankings.module.css";
import type { ProfileAsOf } from "./useProfileAsOf";

const few = 3;
const many = 10;

/** An item and, from the module, what decides that it ranks before the next one. */
type Item = RankedFragment & { beforeNext?: TieBreak | null };

export function Rankings({ view }: { view: ProfileAsOf }) {
  const text = useText();
  const format = useFormat();
  const [{ asOf, months, by }, show] = useCardQuery();
  const settledDate = useDebounced(asOf, debounceMs);
  const [first, setFirst] = useState(few);
  const { unifiedId, revision } = view.profile;

  const question = { unifiedId, figures: { asOf: view.asOf, by }, months, first };
  const categories = useAnswer(view.loaded, "rankingPreview", { ...question, what: "CATEGORIES" });
  const products = useAnswer(view.loaded, "rankingPreview", { ...question, what: "PRODUCTS" });
  const inPage = categories.answer && products.answer;

  // The server answers until the module does, or instead of it.
  const [{ data, error }, reload] = useQuery({
    query: RankingsDocument,
    variables: { unifiedId, asOf: settledDate ?? null, months, by, first },
    pause: inPage !== undefined,
    requestPolicy: "cache-and-network",
  });
  useRevision(revision, () => inPage || reload({ requestPolicy: "network-only" }));
  const purchases = data?.profile?.purchases;
  const top: { categories: Item[] | undefined; products: Item[] | undefined; currency: string | undefined } =
    categories.answer && products.answer
      ? {
          categories: categories.answer.items,
          products: products.answer.items,
          currency: categories.answer.currency,
        }
      : {
          categories: purchases?.topCategories,
          products: purchases?.topProducts,
          currency: purchases?.currency,
        };
  const measureNames: Record<RankBy, string> = {
    UNITS: text.units,
    ORDERS: text.orders,
    AMOUNT: text.amount,
  };
  const isLong = [top.categories, top.products].some((items) => items && items.length >= few);
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
        <p className="soft small">{text.rankingsFrom(format.month(view.asOf))}</p>
      </div>
      {error && !top.categories && (
        <ErrorNotice error={error} onRetry={() => reload({ requestPolicy: "network-only" })} />
      )}
      <div className={styles.both}>
        <Ranking title={text.topCategories} items={top.categories} currency={top.currency} by={by} />
        <Ranking title={text.topProducts} items={top.products} currency={top.currency} by={by} />
      </div>
      {(first === many || isLong) && (
        <button type="button" className={styles.more} onClick={() => setFirst(first === few ? many : few)}>
          {first === few ? text.showMore : text.showFewer}
        </button>
      )}
    </>
  );
}

type RankingProps = {
  title: string;
  items: Item[] | undefined;
  currency: string | undefined;
  by: RankBy;
};

function Ranking({ title, items, currency, by }: RankingProps) {
  const text = useText();
  const format = useFormat();
  const most = Math.max(1, ...(items ?? []).map((item) => measured(item, by)));
  const rows = useRef<HTMLTableSectionElement>(null);
  useFlip(rows, (items ?? []).map(({ key }) => key).join("\n"));
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
          <tbody ref={rows}>
            {items.map((item, index) => {
              const tie = tieWith(item, items[index + 1], by, text, format, currency);
              return (
                <tr key={item.key} data-flip={item.key}>
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

/** What decides between an item and the next one if both measure the same. The order itself is core's. */
function tieWith(
  item: Item,
  next: Item | undefined,
  by: RankBy,
  text: Text,
  format: Formats,
  currency: string,
): string | undefined {
  const value = {
    UNITS: text.unitsOf(item.units),
    ORDERS: text.ordersOf(item.orders),
    AMOUNT: format.money(item.amount, currency),
  }[by];
  const sentences: Record<TieBreak, string | undefined> = {
    MEASURE: undefined,
    AMOUNT: text.tiedByAmount(value),
    UNITS: text.tiedByUnits(value),
    RECENCY: text.tiedByDate(value),
    NAME: text.tiedByName(value),
    KEY: text.tiedByKey(value),
  };
  if (item.beforeNext !== undefined) return item.beforeNext === null ? undefined : sentences[item.beforeNext];
  if (!next || measured(item, by) !== measured(next, by)) return undefined;
  if (item.amount !== next.amount) return sentences.AMOUNT;
  return item.lastPurchasedAt !== next.lastPurchasedAt ? sentences.RECENCY : sentences.NAME;
}
