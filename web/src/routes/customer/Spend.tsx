import { type KeyboardEvent, memo, useRef, useState } from "react";
import { useAnswer } from "../../facts/useAnswer";
import type { LoadedFacts } from "../../facts/useFacts";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import type { Profile } from "./Customer";
import { dateOfDay, dayNumber, monthsFrom } from "./dates";
import styles from "./Spend.module.css";
import { scale } from "./scale";
import { useTimelineQuery } from "./timelineQuery";

/** As many months as the query of the card asks the server for. */
const shownMonths = 24;
type SpendFigures = Omit<Profile["purchases"]["spend"], "__typename">;

/**
 * Spend by month, and when purchases are made. The server's figures are shown until the module answers, and to those who get no
 * facts.
 */
export function Spend({ loaded, profile }: { loaded: LoadedFacts | undefined; profile: Profile }) {
  const { unifiedId, asOf, purchases } = profile;
  const { currency } = purchases;
  const { answer } = useAnswer(loaded, "spend", {
    unifiedId,
    figures: { asOf, currency },
    months: shownMonths,
  });
  const spend = answer ?? purchases.spend;
  return (
    <div className={styles.spend}>
      <Months spend={spend} currency={currency} />
      <Week spend={spend} peakWeekday={purchases.peakWeekday} peakHour={purchases.peakHour} />
    </div>
  );
}

type MonthsProps = { spend: SpendFigures; currency: string };

// The slider renders the purchases often; the charts are drawn again only when they change.
const Months = memo(function Months({ spend: { months, largestAmount }, currency }: MonthsProps) {
  const text = useText();
  const format = useFormat();
  const bars = useRef<HTMLOListElement>(null);
  const [active, setActive] = useState<number>();
  // A finger has nothing to hover with: its first tap says what the second one opens.
  const finger = useRef(false);
  const tapped = useRef<number>(undefined);
  const money = (amount: `${number}`) => format.money(amount, currency);
  const largest = Number(largestAmount);
  const { top, ticks } = scale(largest);
  const share = (amount: number) => `${(Math.max(0, amount) / top) * 100}%`;
  const highest = months.findIndex(({ amount }) => largest > 0 && amount === largestAmount);
  const shown = active === undefined ? undefined : months[active];

  const focus = (index: number) => {
    const next = Math.min(Math.max(index, 0), months.length - 1);
    bars.current?.querySelectorAll("button")[next]?.focus();
  };
  const [, showTimeline] = useTimelineQuery();
  const open = (index: number, month: string) => {
    if (finger.current && tapped.current !== index) {
      tapped.current = index;
      setActive(index);
      return;
    }
    showTimeline({ until: dateOfDay(dayNumber(monthsFrom(month, 1)) - 1) });
    location.hash = "timeline";
    document.getElementById("timeline")?.scrollIntoView();
  };
  const move = (event: KeyboardEvent, index: number) => {
    const to = { ArrowLeft: index - 1, ArrowRight: index + 1, Home: 0, End: months.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    focus(to);
  };
  return (
    <figure>
      <figcaption className={styles.caption}>
        <h3>{text.spend.byMonth}</h3>
        <span className="soft small">
          {largest > 0 ? text.spend.most(money(largestAmount)) : text.card.noSpend}
        </span>
      </figcaption>
      <div className={styles.chart}>
        {ticks.map((tick) => (
          <span key={tick} className={styles.tick} style={{ bottom: share(tick) }} aria-hidden="true">
            <span>{format.shortMoney(tick, currency)}</span>
          </span>
        ))}
        <ol
          ref={bars}
          className={styles.months}
          data-months-chart
          onPointerLeave={() => setActive(undefined)}
        >
          {months.map(({ month, amount, count }, index) => (
            <li key={month} data-month={month} data-amount={amount}>
              <button
                type="button"
                className={styles.month}
                aria-label={text.spend.month(format.month(month), money(amount), count)}
                aria-description={text.card.monthHelp}
                tabIndex={index === (active ?? months.length - 1) ? 0 : -1}
                onFocus={() => setActive(index)}
                onBlur={() => setActive(undefined)}
                onPointerEnter={() => setActive(index)}
                onPointerDown={({ pointerType }) => {
                  finger.current = pointerType === "touch";
                }}
                onClick={() => open(index, month)}
                onKeyDown={(event) => move(event, index)}
              >
                <span className={styles.bar} style={{ height: share(Number(amount)) }} />
                {index === highest && active === undefined && (
                  <span
                    className={styles.highest}
                    style={{ bottom: share(Number(amount)) }}
                    data-edge={edgeOf(index, months.length)}
                    aria-hidden="true"
                  >
                    {money(amount)}
                  </span>
                )}
              </button>
            </li>
          ))}
        </ol>
        {shown && active !== undefined && (
          <p
            className={styles.tip}
            data-testid="month-tip"
            aria-hidden="true"
            style={{
              insetInlineStart: `clamp(0px, calc(${((active + 0.5) / months.length) * 100}% - 80px), calc(100% - 160px))`,
            }}
          >
            <b>{format.month(shown.month)}</b>
            {money(shown.amount)} · {text.ordersOf(shown.count)}
          </p>
        )}
      </div>
      <p className={styles.scale} aria-hidden="true">
        {months.map(({ month }) => (
          <span key={month}>{isQuarter(month) && format.axisMonth(month)}</span>
        ))}
      </p>
    </figure>
  );
});

const isQuarter = (month: string) => ["01", "04", "07", "10"].includes(month.slice(5, 7));

/** Whether a label over a bar would leave the chart. */
function edgeOf(index: number, length: number): "start" | "end" | undefined {
  if (index < length * 0.15) return "start";
  return index >= length * 0.85 ? "end" : undefined;
}

type WeekProps = { spend: SpendFigures } & Pick<Profile["purchases"], "peakWeekday" | "peakHour">;

const Week = memo(function Week({ spend: { weekdays, largestCount }, peakWeekday, peakHour }: WeekProps) {
  const text = useText();
  const format = useFormat();
  // What is under the pointer is said where otherwise the busiest hour is.
  const [active, setActive] = useState<string>();
  const busiest =
    peakWeekday && typeof peakHour === "number"
      ? text.spend.peak(format.weekday(peakWeekday), format.hour(peakHour))
      : undefined;
  return (
    <figure>
      <figcaption className={styles.caption}>
        <h3>{text.spend.byHour}</h3>
        <span className="soft small">{active ?? busiest}</span>
      </figcaption>
      <table
        className={styles.week}
        onPointerLeave={({ pointerType }) => pointerType === "mouse" && setActive(undefined)}
      >
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
                  <td key={hour} data-count={count} onPointerEnter={() => setActive(said)}>
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
});
