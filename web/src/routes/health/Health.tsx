import { type ReactNode, useEffect, useEffectEvent, useState } from "react";
import { useQuery } from "urql";
import { Link } from "wouter";
import { ErrorNotice, Notice } from "../../components/Notice";
import { Segmented } from "../../components/Segmented";
import { Skeleton } from "../../components/Skeleton";
import { HealthDocument, type HealthQuery } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import { type Health as Answer, useHealth } from "../../useHealth";
import { useTitle } from "../../useTitle";
import { Section } from "../customer/Section";
import { PublicationStatus } from "../policy/PublicationStatus";
import { DailyGrowth } from "./DailyGrowth";
import styles from "./Health.module.css";
import { IdentifierHistogram } from "./IdentifierHistogram";
import { Ingestion, type Span } from "./Ingestion";
import { LargestProfiles } from "./LargestProfiles";
import { RejectedMessages } from "./RejectedMessages";
import { SharedValues } from "./SharedValues";
import { SummaryLine } from "./SummaryLine";

const every = 3000;
const largest = 8;
const shared = 20;
const hoursOf: Record<Span, number> = { hour: 1, day: 24, week: 7 * 24 };
const spans: Span[] = ["hour", "day", "week"];
/** More updates of the list than this are a delay that operators notice. */
const normalPending = 1000;

/** Whether the system is normal, for an operator; polled while the page is visible. */
export function Health() {
  const text = useText();
  useTitle(text.health.title);
  const [span, setSpan] = useState<Span>("day");
  const health = useHealth(every);
  const [{ data, error, fetching }, reload] = useQuery({
    query: HealthDocument,
    variables: { largest, shared, hours: hoursOf[span] },
    requestPolicy: "cache-and-network",
  });
  const again = useEffectEvent(() => document.hidden || reload({ requestPolicy: "network-only" }));
  useEffect(() => {
    const timer = setInterval(() => again(), every);
    return () => clearInterval(timer);
  }, []);
  // The figures of the period before stay until those of the new one are there, so that nothing jumps.
  const [last, setLast] = useState(data);
  if (data && data !== last) setLast(data);
  const figures = (data ?? (fetching ? last : undefined))?.health;
  return (
    <main id="content" tabIndex={-1} className="page narrow">
      <header className={styles.head}>
        <h1>{text.health.title}</h1>
        <Segmented
          label={text.health.span}
          options={spans.map((value) => ({ value, label: text.health.spans[value] }))}
          value={span}
          onChange={setSpan}
        />
      </header>
      {health === null && (
        <Notice title={text.errorUnreachable}>
          <p>{text.health.askedAgain}</p>
        </Notice>
      )}
      {error && !data && health !== null && (
        <ErrorNotice error={error} onRetry={() => reload({ requestPolicy: "network-only" })} />
      )}
      {!figures && !error && <Skeleton width="60%" />}
      {figures && <Warnings warnings={figures.summary.warnings} health={health} />}
      {figures && <SummaryLine summary={figures.summary} />}
      {health && <State health={health} />}
      {figures && (
        <>
          <Section id="ingestion" title={text.health.ingestion}>
            <Ingestion span={span} figures={figures} />
          </Section>
          <Section id="refused" title={text.health.refused}>
            <RejectedMessages refused={figures.refused} />
          </Section>
          <Section id="growth" title={text.health.growth}>
            <DailyGrowth days={figures.days} />
          </Section>
          <Section id="sizes" title={text.health.sizes}>
            <IdentifierHistogram counts={figures.identifierCounts} />
          </Section>
          <Section id="largest" title={text.health.largest}>
            <LargestProfiles byIdentifiers={figures.byIdentifiers} byEvents={figures.byEvents} />
          </Section>
          <Section id="shared" title={text.health.shared}>
            <SharedValues values={figures.sharedValues} />
          </Section>
        </>
      )}
    </main>
  );
}

type WarningsProps = {
  warnings: HealthQuery["health"]["summary"]["warnings"];
  health: Answer | null | undefined;
};

/** What is not normal, each with where to look; or that everything is. */
function Warnings({ warnings, health }: WarningsProps) {
  const text = useText();
  const isPending = (health?.customersToList ?? 0) > normalPending;
  if (warnings.length === 0 && !isPending) return <p className={styles.normal}>{text.health.normal}</p>;
  return (
    <ul className={styles.warnings} data-warnings>
      {warnings.map((warning) => (
        <li key={warning}>
          <a href={warning === "MANY_REJECTED" ? "#refused" : "#ingestion"}>
            {text.health.warnings[warning]}
          </a>
        </li>
      ))}
      {isPending && <li>{text.health.pending}</li>}
    </ul>
  );
}

function State({ health }: { health: Answer }) {
  const text = useText();
  const format = useFormat();
  return (
    <>
      <dl className={styles.figures}>
        <Figure name={text.customers}>
          <Link href="/customers">{format.number(health.customers)}</Link>
        </Figure>
        <Figure name={text.health.waiting}>
          <span className={health.customersToList > normalPending ? "amber" : undefined}>
            {format.number(health.customersToList)}
          </span>
        </Figure>
        <Figure name={text.health.policyVersion}>
          <Link href="/policy">{format.number(health.policyVersion)}</Link>
        </Figure>
        <Figure name={text.health.programVersion}>{health.version}</Figure>
      </dl>
      {health.publication && <PublicationStatus publication={health.publication} />}
    </>
  );
}

function Figure({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt className="soft small">{name}</dt>
      <dd className={styles.figure}>{children}</dd>
    </div>
  );
}
