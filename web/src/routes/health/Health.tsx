import type { ReactNode } from "react";
import { useQuery } from "urql";
import { Link } from "wouter";
import { IdentifierName } from "../../components/IdentifierName";
import { Notice } from "../../components/Notice";
import { Skeleton } from "../../components/Skeleton";
import { InboxDocument } from "../../graphql/generated/graphql";
import { useHealth } from "../../health";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import { useTitle } from "../../useTitle";
import { Section } from "../customer/Section";
import { Underway } from "../policy/Progress";
import { customerPath } from "../views";
import styles from "./Health.module.css";

const every = 3000;
const most = 200;

/** What an operator asks at nine in the morning. */
export function Health() {
  const text = useText();
  const format = useFormat();
  useTitle(text.health.title);
  const health = useHealth(every);
  return (
    <main id="content" tabIndex={-1} className={styles.page}>
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
          {health.publication && <Underway publication={health.publication} />}
        </>
      )}
      <Section id="shared" title={text.health.shared}>
        <SharedValues />
      </Section>
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

/** Values that link to too many, with how many of their links are held back. */
function SharedValues() {
  const text = useText();
  const [{ data }] = useQuery({
    query: InboxDocument,
    variables: { reason: "SHARED", first: most, after: null },
    requestPolicy: "cache-and-network",
  });
  if (!data) return <Skeleton width="60%" />;
  const counts = new Map<
    string,
    { end: { kind: string; value: string; unifiedId: string }; count: number }
  >();
  for (const { link } of data.withheldLinks.nodes) {
    for (const end of [link.a, link.b].filter(({ shared }) => shared)) {
      const { count } = counts.get(end.unifiedId) ?? { count: 0 };
      counts.set(end.unifiedId, { end, count: count + 1 });
    }
  }
  const mostFirst = [...counts.values()].sort((a, b) => b.count - a.count);
  if (mostFirst.length === 0) return <p className="soft">{text.health.noneShared}</p>;
  return (
    <>
      <ul className={styles.shared}>
        {mostFirst.map(({ end, count }) => (
          <li key={end.unifiedId}>
            <Link href={customerPath(end.unifiedId)}>
              <IdentifierName identifier={end} />
            </Link>
            <span className="soft">{text.health.heldBack(count)}</span>
          </li>
        ))}
      </ul>
      {data.withheldLinks.pageInfo.hasNextPage && (
        <p className="soft small">{text.health.amongFirst(most)}</p>
      )}
    </>
  );
}
