import { useFormat } from "../../language/format";
import { useLanguage, useText } from "../../language/language";
import styles from "./Health.module.css";
import type { Summary } from "./Ingestion";

/** `Accepted 9,501 · Duplicates 1.4 % · Rejected 0 · Lag 2 s`, each in amber where it is not normal. */
export function SummaryLine({ summary }: { summary: Summary }) {
  const text = useText();
  const format = useFormat();
  const { language } = useLanguage();
  const { accepted, repeated, refused, lagSeconds, warnings } = summary;
  const percent = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });
  const all = accepted + repeated + refused;
  const figures = [
    { name: text.health.accepted, value: format.number(accepted), href: "#ingestion", warning: "QUIET" },
    {
      name: text.health.repeated,
      value: percent.format(all ? repeated / all : 0),
      href: "#ingestion",
      warning: "MANY_DUPLICATES",
    },
    {
      name: text.health.refusedShort,
      value: format.number(refused),
      href: "#refused",
      warning: "MANY_REJECTED",
    },
  ];
  return (
    <dl className={styles.summary} data-summary>
      {figures.map(({ name, value, href, warning }) => (
        <div key={name}>
          <dt className="soft">{name}</dt>
          <dd>
            <a href={href} className={warnings.some((own) => own === warning) ? styles.unusual : undefined}>
              {value}
            </a>
          </dd>
        </div>
      ))}
      <div title={text.health.lagMeans}>
        <dt className="soft">{text.health.lag}</dt>
        <dd className={warnings.includes("LATE") ? styles.unusual : undefined}>
          <LagTime seconds={lagSeconds ?? null} />
        </dd>
      </div>
    </dl>
  );
}

function LagTime({ seconds }: { seconds: number | null }) {
  const text = useText();
  const format = useFormat();
  if (seconds === null) return text.health.noLag;
  if (seconds < 60) return text.health.seconds(format.number(seconds));
  if (seconds < 3600) return text.health.minutes(format.number(seconds / 60));
  return text.health.hours(format.number(seconds / 3600));
}
