import { useEffect, useState } from "react";
import { useQuery } from "urql";
import { ErrorNotice, Notice } from "../../components/Notice";
import { Skeleton } from "../../components/Skeleton";
import { CustomerDocument, type CustomerQuery } from "../../graphql/generated/graphql";
import { useProfileChanges } from "../../graphql/subscriptions";
import { useText } from "../../language/language";
import { useDebounced } from "../../useDebounced";
import { useTitle } from "../../useTitle";
import { BackToList } from "../customers/BackToList";
import { AsOf } from "./AsOf";
import { Attributes } from "./Attributes";
import styles from "./Customer.module.css";
import { Devices } from "./Devices";
import { Identifiers } from "./Identifiers";
import { Overview } from "./Overview";
import { debounceMs, useCardQuery } from "./query";
import { Rankings } from "./Rankings";
import { Section } from "./Section";
import { Summary } from "./Summary";
import { Timeline } from "./Timeline";
import { useProfileAsOf } from "./useProfileAsOf";

export type Profile = NonNullable<CustomerQuery["profile"]>;

export function Customer({ unifiedId }: { unifiedId: string }) {
  const text = useText();
  const [{ asOf }] = useCardQuery();
  // Once the module answers, another date needs no request. Until then the server is asked for the date on which the slider
  // stops, not for every step.
  const [answered, setAnswered] = useState(false);
  const settledDate = useDebounced(asOf, debounceMs);
  const [asked, setAsked] = useState(asOf);
  if (!answered && asked !== settledDate) setAsked(settledDate);
  const [{ data, error, fetching }, reload] = useQuery({
    query: CustomerDocument,
    variables: { unifiedId, asOf: asked ?? null },
    requestPolicy: "cache-and-network",
  });
  const profile = data?.profile;
  useProfileChanges(unifiedId, () => reload({ requestPolicy: "network-only" }));
  return (
    <main id="content" tabIndex={-1} className="page" aria-busy={fetching}>
      <BackToList />
      {error && <ErrorNotice error={error} onRetry={() => reload({ requestPolicy: "network-only" })} />}
      {!error && data && !profile && (
        <Notice title={text.customerNotFoundTitle}>
          <p>{text.customerNotFoundText}</p>
        </Notice>
      )}
      {!error && !data && <CardSkeleton />}
      {profile && <Card profile={profile} asked={unifiedId} onAnswered={setAnswered} />}
    </main>
  );
}

type CardProps = { profile: Profile; asked: string; onAnswered: (answered: boolean) => void };

function Card({ profile: read, asked, onAnswered }: CardProps) {
  const text = useText();
  const view = useProfileAsOf(read, onAnswered);
  const { profile } = view;
  const title = profile.basic.name ?? text.unnamed;
  useTitle(title);
  // The section of a deep link is rendered only now.
  useEffect(() => {
    const section = location.hash.slice(1);
    if (section) document.getElementById(section)?.scrollIntoView();
  }, []);

  const sections = [
    { id: "overview", title: text.overview, body: <Overview view={view} /> },
    { id: "rankings", title: text.rankings, body: <Rankings view={view} /> },
    {
      id: "identifiers",
      title: text.identifiers,
      body: <Identifiers identifiers={profile.identifiers} unifiedId={profile.unifiedId} />,
    },
    { id: "devices", title: text.devices, body: <Devices devices={profile.devices} /> },
    { id: "attributes", title: text.attributes, body: <Attributes attributes={profile.attributes} /> },
    {
      id: "timeline",
      title: text.timeline,
      body: <Timeline unifiedId={profile.unifiedId} revision={profile.revision} />,
    },
  ];
  return (
    <div className={styles.card}>
      <Summary profile={profile} merged={asked !== profile.unifiedId} />
      <div>
        <div className={styles.bar}>
          <nav aria-label={text.sections} className={styles.sections}>
            {sections.map(({ id, title }) => (
              <a key={id} href={`#${id}`}>
                {title}
              </a>
            ))}
          </nav>
          <AsOf
            asOf={view.asOf}
            today={view.today}
            from={profile.activity.firstAccessAt.slice(0, 10)}
            onChange={view.setAsOf}
          />
        </div>
        {sections.map(({ id, title, body }) => (
          <Section key={id} id={id} title={title}>
            {body}
          </Section>
        ))}
      </div>
    </div>
  );
}

function CardSkeleton() {
  return (
    <div className={styles.card} aria-hidden="true">
      <div className={styles.expected}>
        {["48px", "60%", "90%", "70%", "80%", "50%"].map((width) => (
          <Skeleton key={width} width={width} />
        ))}
      </div>
      <div className={styles.expected}>
        {["40%", "95%", "90%", "92%", "30%", "94%", "88%"].map((width) => (
          <Skeleton key={width} width={width} />
        ))}
      </div>
    </div>
  );
}
