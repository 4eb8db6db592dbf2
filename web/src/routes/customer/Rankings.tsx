import { ArrowDown, ArrowUp, Minus } from "lucide-react";
import { useRef } from "react";
import { useQuery } from "urql";
import { Bar } from "../../components/Bar";
import { ErrorNotice } from "../../components/Notice";
import { Segmented } from "../../components/Segmented";
import { Skeleton } from "../../components/Skeleton";
import { useAnswer } from "../../facts/useAnswer";
import { type RankBy, type RankedFragment, RankingsDocument } from "../../graphql/generated/graphql";
import { useRevision } from "../../graphql/useRevision";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import { useDebounced } from "../../useDebounced";
import { useFlip } from "../../useFlip";
import { debounceMs, measures, useCardQuery, windows } from "./query";
import styles from "./Rankings.module.css";
import { type Tie, tiesOf } from "./ties";
import type { ProfileAsOf } from "./useProfileAsOf";

const few = 3;
const many = 10;

type Item = Omit<RankedFragment, "__typename">;
type Ranked = { months: number; from: string; to: string; categories: Item[]; products: Item[] };

export function Rankings({ view }: { view: ProfileAsOf }) {
  const text = useText();
  const [{ asOf, months, by }, show] = useCardQuery();
  const settledDate = useDebounced(asOf, debounceMs);
  const { unifiedId, revision } = view.profile;
  const first = months === undefined ? few : many;

  const { answer } = useAnswer(view.loaded, "rankingPreview", {
    unifiedId,
    figures: { asOf: view.asOf, by },
    first,
  });
  // The server answers until the module does, or instead of it.
  const [{ data, error }, reload] = useQuery({
    query: RankingsDocument,
    variables: { unifiedId, asOf: settledDate ?? null, by, first },
    pause: answer !== undefined,
    requestPolicy: "cache-and-network",
  });
  useRevision(revision, () => answer || reload({ requestPolicy: "network-only" }));
  const rankings: Ranked[] | undefined = answer?.rankings ?? data?.profile?.purchases.rankings;
  const currency = answer?.currency ?? data?.profile?.purchases.currency;
  const measureNames: Record<RankBy, string> = {
    UNITS: text.units,
    ORDERS: text.orders,
    AMOUNT: text.amount,
  };
  const isLong = rankings?.some((it) => it.categories.length >= few || it.products.length >= few);
  const targets = [
    { title: text.topCategories, itemsOf: (it: Ranked) => it.categories },
    { title: text.topProducts, itemsOf: (it: Ranked) => it.products },
  ];
  const selected = rankings?.find((it) => it.months === months);
  return (
    <section id="rankings" aria-labelledby="rankings-title" className={styles.rankings}>
      <div className={styles.controls}>
        <h3 id="rankings-title">{text.rankings}</h3>
        <Segmented
          label={text.measure}
          options={measures.map((value) => ({ value, label: measureNames[value] }))}
          value={by}
          onChange={(value) => show({ by: value })}
        />
        {months !== undefined && (
          <Segmented
            label={text.window}
            options={windows.map((value) => ({ value, label: text.lastMonths(value) }))}
            value={months}
            onChange={(value) => show({ months: value })}
          />
        )}
      </div>
      {error && !rankings && (
        <ErrorNotice error={error} onRetry={() => reload({ requestPolicy: "network-only" })} />
      )}
      {months === undefined ? (
        targets.map(({ title, itemsOf }) => (
          <div key={title}>
            <h4 className={styles.target}>{title}</h4>
            <div className={styles.windows}>
              {(rankings ?? windows.map((months) => ({ months }))).map((each) => (
                <Top
                  key={each.months}
                  title={title}
                  months={each.months}
                  ranked={"from" in each ? { ...each, items: itemsOf(each) } : undefined}
                  by={by}
                  currency={currency}
                />
              ))}
            </div>
          </div>
        ))
      ) : (
        <div className={styles.both}>
          {targets.map(({ title, itemsOf }) => (
            <Ranking
              key={title}
              title={title}
              ranked={selected && { ...selected, items: itemsOf(selected) }}
              by={by}
              currency={currency}
            />
          ))}
        </div>
      )}
      {(months !== undefined || isLong) && (
        <button
          type="button"
          className={styles.more}
          onClick={() => show({ months: months === undefined ? 12 : undefined })}
        >
          {months === undefined ? text.showMore : text.showFewer}
        </button>
      )}
    </section>
  );
}

type Listed = { from: string; to: string; items: Item[] };
type TopProps = {
  title: string;
  months: number;
  ranked: Listed | undefined;
  by: RankBy;
  currency: string | undefined;
};

/** The first three of one window. */
function Top({ title, months, ranked, by, currency }: TopProps) {
  const text = useText();
  const format = useFormat();
  const measureOf = useMeasureOf(by, currency);
  const rows = useRef<HTMLOListElement>(null);
  useFlip(rows, (ranked?.items ?? []).map(({ key }) => key).join("\n"));
  const wasRanked = ranked?.items.some((item) => item.previousRank !== null);
  const ties = tiesOf(ranked?.items ?? []);
  return (
    <div className={styles.top}>
      <p className={styles.window}>
        <b>{text.lastMonths(months)}</b>
        {ranked && <span className="soft small">{format.months(ranked.from, ranked.to)}</span>}
      </p>
      {ranked === undefined ? (
        <div className={styles.expected}>
          <Skeleton width="90%" />
          <Skeleton width="70%" />
          <Skeleton width="60%" />
        </div>
      ) : ranked.items.length === 0 ? (
        <p className="soft">{text.noRanked}</p>
      ) : (
        <ol ref={rows} data-top={title} data-window={months}>
          {ranked.items.map((item) => (
            <li
              key={item.key}
              data-flip={item.key}
              className={`${styles.item} ${ties.some((tie) => isIn(tie, item)) ? styles.tied : ""}`}
            >
              <span className="soft">{item.rank}</span>
              <span className={styles.name}>
                <bdi>{item.name}</bdi>
              </span>
              <span>{measureOf(item)}</span>
              <Moved item={item} isCompared={wasRanked === true} />
            </li>
          ))}
        </ol>
      )}
      {ties.map((tie) => (
        <TieNote key={tie.first} tie={tie} measureOf={measureOf} />
      ))}
    </div>
  );
}

type RankingProps = {
  title: string;
  ranked: Listed | undefined;
  currency: string | undefined;
  by: RankBy;
};

function Ranking({ title, ranked, currency, by }: RankingProps) {
  const text = useText();
  const format = useFormat();
  const measureOf = useMeasureOf(by, currency);
  const items = ranked?.items;
  const most = Math.max(0, ...(items ?? []).map((item) => measured(item, by)));
  const rows = useRef<HTMLTableElement>(null);
  useFlip(rows, (items ?? []).map(({ key }) => key).join("\n"));
  const wasRanked = items?.some((item) => item.previousRank !== null) === true;
  const ties = tiesOf(items ?? []);
  const column = (measure: RankBy) => (measure === by ? styles.measured : styles.other);
  return (
    <div>
      <p className={styles.window}>
        <b>{title}</b>
        {ranked && <span className="soft small">{format.months(ranked.from, ranked.to)}</span>}
      </p>
      {items === undefined || currency === undefined ? (
        <div className={styles.expected}>
          <Skeleton width="90%" />
          <Skeleton width="70%" />
          <Skeleton width="60%" />
        </div>
      ) : items.length === 0 ? (
        <p className="soft">{text.noRanked}</p>
      ) : (
        <table ref={rows} className={styles.ranking} data-ranking={title}>
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
          {groups(items, ties).map(({ tie, items }) => (
            <tbody key={items[0]?.key} className={tie ? styles.tied : undefined}>
              {items.map((item) => (
                <tr key={item.key} data-flip={item.key}>
                  <td className="soft">{item.rank}</td>
                  <td>
                    <span className={styles.name}>
                      <bdi>{item.name}</bdi> <Moved item={item} isCompared={wasRanked} />
                    </span>
                    <Bar share={most > 0 ? measured(item, by) / most : 0} />
                  </td>
                  <td className={column("UNITS")}>{format.number(item.units)}</td>
                  <td className={column("ORDERS")}>{format.number(item.orders)}</td>
                  <td className={column("AMOUNT")}>{format.money(item.amount, currency)}</td>
                </tr>
              ))}
              {tie && (
                <tr className={styles.note}>
                  <td colSpan={5}>
                    <TieNote tie={tie} measureOf={measureOf} />
                  </td>
                </tr>
              )}
            </tbody>
          ))}
        </table>
      )}
    </div>
  );
}

const isIn = (tie: Tie<Item>, { rank }: Item) => tie.first <= rank && rank <= tie.last;

/** The items in runs: each tie is one, and so is each item that is in none. */
function groups(items: Item[], ties: Tie<Item>[]): { tie: Tie<Item> | undefined; items: Item[] }[] {
  const all: { tie: Tie<Item> | undefined; items: Item[] }[] = [];
  for (const item of items) {
    const tie = ties.find((tie) => isIn(tie, item));
    const last = all.at(-1);
    if (tie && last?.tie === tie) last.items.push(item);
    else all.push({ tie, items: [item] });
  }
  return all;
}

function TieNote({ tie, measureOf }: { tie: Tie<Item>; measureOf: (item: Item) => string }) {
  const text = useText();
  const order = tie.by.map((each) => text.card.orderOf[each]).join(text.card.orderJoin);
  const say = tie.isOpen ? text.card.tiedBeyond : text.card.tied;
  return <p className={styles.tie}>{say(tie.first, tie.last, measureOf(tie.item), order)}</p>;
}

/** How the rank compares with the same number of months before. Where nothing was bought then, there is nothing to compare. */
function Moved({ item: { rank, previousRank }, isCompared }: { item: Item; isCompared: boolean }) {
  const text = useText();
  if (!isCompared) return null;
  if (typeof previousRank !== "number")
    return (
      <span className={styles.moved} title={text.card.entered}>
        {text.card.new}
      </span>
    );
  const steps = previousRank - rank;
  const [said, Icon] =
    steps > 0
      ? ([text.card.rose(previousRank), ArrowUp] as const)
      : steps < 0
        ? ([text.card.fell(previousRank), ArrowDown] as const)
        : ([text.card.same, Minus] as const);
  return (
    <span className={styles.moved} title={said}>
      <Icon size={12} aria-hidden />
      {steps !== 0 && <span aria-hidden="true">{Math.abs(steps)}</span>}
      <span className="hidden">{said}</span>
    </span>
  );
}

function useMeasureOf(by: RankBy, currency: string | undefined): (item: Item) => string {
  const text = useText();
  const format = useFormat();
  return (item) => {
    if (by === "AMOUNT") return format.money(item.amount, currency);
    return by === "UNITS" ? text.unitsOf(item.units) : text.ordersOf(item.orders);
  };
}

function measured(item: Item, by: RankBy): number {
  return { UNITS: item.units, ORDERS: item.orders, AMOUNT: Number(item.amount) }[by];
}
