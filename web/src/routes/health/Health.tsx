import { type ReactNode, useEffect, useEffectEvent } from "react";
import { useQuery } from "urql";
import { Link } from "wouter";
import { ErrorNotice, Notice } from "../../components/Notice";
import { Skeleton } from "../../components/Skeleton";
import { HealthDocument } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import { useHealth } from "../../useHealth";
import { useTitle } from "../../useTitle";
import { Section } from "../customer/Section";
import { PublicationStatus } from "../policy/PublicationProgress";
import styles from "./Health.module.css";
import { IdentifierHistogram } from "./IdentifierHistogram";
import { Ingestion } from "./Ingestion";
import { LargestProfiles } from "./LargestProfiles";
import { RejectedMessages } from "./RejectedMessages";
import { SharedValues } from "./SharedValues";

const every = 3000;
const largest = 8;
const shared = 20;

/** The state of the system for an operator, polled while the page is visible. */
export function Health() {
  const text = useText();
  const format = useFormat();
  useTitle(text.health.title);
  const health = useHealth(every);
  const [{ data, error }, reload] = useQuery({
    query: HealthDocument,
    variables: { largest, shared },
    requestPolicy: "cache-and-network",
  });
  const again = useEffectEvent(() => document.hidden || reload({ requestPolicy: "network-only" }));
  useEffect(() => {
    const timer = setInterval(() => again(), every);
    return () => clearInterval(timer);
  }, []);
  const figures = data?.health;
  return (
    <main id="content" tabIndex={-1} className="page narrow">
      <h1>{text.health.title}</h1>
      {health === undefined && <Skeleton width="60%" />}
      {health === null && (
        <Notice title={text.errorUnreachable}>
          <p>{text.health.askedAgain}</p>
        </Notice>
      )}
      {health && (
        <>
          <dl className={styles.figures}>
            <Figure name={text.customers}>{format.number(health.customers)}</Figure>
            <Figure name={text.health.waiting}>{format.number(health.customersToList)}</Figure>
            <Figure name={text.health.policyVersion}>
              <Link href="/policy">{format.number(health.policyVersion)}</Link>
            </Figure>
            <Figure name={text.health.programVersion}>{health.version}</Figure>
          </dl>
          {health.publication && <PublicationStatus publication={health.publication} />}
        </>
      )}
      {error && !data && health !== null && (
        <ErrorNotice error={error} onRetry={() => reload({ requestPolicy: "network-only" })} />
      )}
      {!figures && !error && <Skeleton width="60%" />}
      {figures && (
        <>
          <Section id="ingestion" title={text.health.ingestion}>
            <Ingestion minutes={figures.ingestion} since={figures.since} />
          </Section>
          <Section id="refused" title={text.health.refused}>
            <RejectedMessages refused={figures.refused} />
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

function Figure({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt className="soft small">{name}</dt>
      <dd className={styles.figure}>{children}</dd>
    </div>
  );
}
