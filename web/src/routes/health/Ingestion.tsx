import type { HealthQuery } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import styles from "./Health.module.css";

type Minute = HealthQuery["health"]["ingestion"][number];
type Props = { minutes: Minute[]; since: string };

const all = ({ accepted, repeated, refused }: Minute) => accepted + repeated + refused;

/** The messages of the last hour, one bar per minute; rejected ones are at the top of a bar. */
export function Ingestion({ minutes, since }: Props) {
  const text = useText();
  const format = useFormat();
  const most = Math.max(1, ...minutes.map(all));
  const sum = (of: (minute: Minute) => number) => minutes.reduce((total, minute) => total + of(minute), 0);
  const full = minutes.at(-2);
  const figures = [
    { name: text.health.lastMinute, value: full ? all(full) : 0 },
    { name: text.health.accepted, value: sum(({ accepted }) => accepted) },
    { name: text.health.repeated, value: sum(({ repeated }) => repeated) },
    { name: text.health.refusedShort, value: sum(({ refused }) => refused) },
  ];
  const marks = [0, 15, 30, 45].map((index) => minutes[index]).filter((minute) => minute !== undefined);
  return (
    <>
      <dl className={styles.rates}>
        {figures.map(({ name, value }) => (
          <div key={name}>
            <dt className="soft small">{name}</dt>
            <dd className={styles.rate}>{format.number(value)}</dd>
          </div>
        ))}
      </dl>
      <figure>
        <ol className={styles.minutes} data-minutes aria-label={text.health.ingestion}>
          {minutes.map((minute) => {
            const said = text.health.minute(
              format.timeOf(minute.at),
              minute.accepted,
              minute.repeated,
              minute.refused,
            );
            return (
              <li key={minute.at} title={said} data-accepted={minute.accepted} data-refused={minute.refused}>
                {all(minute) > 0 && <span className="hidden">{said}</span>}
                <span className={styles.refused} style={{ height: `${(minute.refused / most) * 100}%` }} />
                <span
                  className={styles.accepted}
                  style={{ height: `${((minute.accepted + minute.repeated) / most) * 100}%` }}
                />
              </li>
            );
          })}
        </ol>
        <p className={styles.scale} aria-hidden="true">
          {marks.map(({ at }) => (
            <span key={at}>{format.timeOf(at)}</span>
          ))}
          <span>{text.health.now}</span>
        </p>
      </figure>
      <p className="soft small">{text.health.since(format.exact(since))}</p>
    </>
  );
}
