import type { HealthQuery } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import styles from "./Health.module.css";

export type Summary = HealthQuery["health"]["summary"];
/** What is shown: the last hour by minute, a day or a week by hour. */
export type Span = "hour" | "day" | "week";
type Counts = { at: string; accepted: number; repeated: number; refused: number };
type Figures = Pick<HealthQuery["health"], "ingestion" | "hours" | "since">;

const hoursADay = 24;
const all = ({ accepted, repeated, refused }: Counts) => accepted + repeated + refused;

/** The messages of a period, one bar per minute or hour; rejected ones are at the top of a bar. */
export function Ingestion({ span, figures }: { span: Span; figures: Figures }) {
  const text = useText();
  const format = useFormat();
  const { ingestion, hours, since } = figures;
  const bars = span === "hour" ? ingestion : span === "day" ? hours.slice(-hoursADay) : hours;
  const most = Math.max(1, ...bars.map(all));
  const full = ingestion.at(-2);
  const name = span === "week" ? format.exact : format.timeOf;
  const marks = [0, 1, 2, 3].map((quarter) => bars[Math.floor((bars.length * quarter) / 4)]);
  return (
    <>
      <p className="soft small">
        {text.health.lastMinute}: {format.number(full ? all(full) : 0)}
      </p>
      <figure>
        <ol
          className={`${styles.minutes} ${span === "week" ? styles.many : ""}`}
          data-minutes
          data-span={span}
          aria-label={text.health.ingestion}
        >
          {bars.map((bar) => {
            const said = text.health.minute(name(bar.at), bar.accepted, bar.repeated, bar.refused);
            return (
              <li
                key={bar.at}
                title={said}
                data-accepted={bar.accepted}
                data-repeated={bar.repeated}
                data-refused={bar.refused}
              >
                {all(bar) > 0 && <span className="hidden">{said}</span>}
                <span className={styles.refused} style={{ height: `${(bar.refused / most) * 100}%` }} />
                <span
                  className={styles.accepted}
                  style={{ height: `${((bar.accepted + bar.repeated) / most) * 100}%` }}
                />
              </li>
            );
          })}
        </ol>
        <p className={styles.scale} aria-hidden="true">
          {marks.map(
            (bar) =>
              bar && (
                <span key={bar.at}>{span === "week" ? format.dateOf(bar.at) : format.timeOf(bar.at)}</span>
              ),
          )}
          <span>{text.health.now}</span>
        </p>
      </figure>
      <p className="soft small">
        {span === "hour" ? text.health.since(format.exact(since)) : text.health.stored}
      </p>
    </>
  );
}
