import { type CSSProperties, Fragment, useEffect, useMemo, useRef, useState } from "react";
import { useQuery } from "urql";
import { ErrorNotice, Notice } from "../../components/Notice";
import { Skeleton } from "../../components/Skeleton";
import { CustomerDocument, type CustomerQuery } from "../../graphql/generated/graphql";
import { useProfileChanges } from "../../graphql/subscriptions";
import { useText } from "../../language/language";
import { rememberCustomer } from "../../search/recentCustomers";
import { useDebounced } from "../../useDebounced";
import { useTitle } from "../../useTitle";
import { BackToList } from "../customers/BackToList";
import { Attributes } from "./Attributes";
import styles from "./Customer.module.css";
import { Devices } from "./Devices";
import { Identifiers } from "./Identifiers";
import { Overview } from "./Overview";
import { Purchases } from "./Purchases";
import { debounceMs, useCardQuery } from "./query";
import { Section } from "./Section";
import { Summary } from "./Summary";
import { Timeline } from "./Timeline";
import { useHeights } from "./useHeights";
import { useLinkedSection } from "./useLinkedSection";

export type Profile = NonNullable<CustomerQuery["profile"]>;
/** What is of today, on any date of the purchases. */
export type Today = CustomerQuery["today"];

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
      {profile && <Card profile={profile} today={data.today} asked={unifiedId} onAnswered={setAnswered} />}
    </main>
  );
}

type CardProps = {
  profile: Profile;
  today: Today;
  asked: string;
  onAnswered: (answered: boolean) => void;
};

function Card({ profile: read, today, asked, onAnswered }: CardProps) {
  const text = useText();
  // Only purchases have a date of their own; everything else is of today.
  const profile = useMemo(() => ({ ...read, basic: { ...read.basic, ...today?.basic } }), [read, today]);
  const { id, unifiedId } = profile;
  useEffect(() => rememberCustomer({ id, unifiedId }), [id, unifiedId]);
  const title = profile.basic.name ?? text.unnamed;
  useTitle(title);
  const card = useRef<HTMLDivElement>(null);
  const heights = useHeights(card);
  useLinkedSection(card);

  const sections = [
    { id: "overview", title: text.overview, body: <Overview profile={profile} /> },
    {
      id: "purchases",
      title: text.purchases,
      whole: <Purchases profile={read} today={today} onAnswered={onAnswered} />,
    },
    // It is part of purchases.
    { id: "rankings", title: text.rankings, whole: null },
    {
      id: "identifiers",
      title: text.identifiers,
      body: <Identifiers identifiers={profile.identifiers} unifiedId={profile.unifiedId} />,
    },
    { id: "devices", title: text.devices, body: <Devices devices={profile.devices} /> },
    { id: "attributes", title: text.attributes, body: <Attributes profile={profile} /> },
    {
      id: "timeline",
      title: text.timeline,
      body: <Timeline unifiedId={profile.unifiedId} revision={profile.revision} />,
    },
  ];
  return (
    <div ref={card} className={styles.card} style={heights as CSSProperties}>
      <Summary profile={profile} today={today} merged={asked !== profile.unifiedId} />
      <div className={styles.main}>
        <nav aria-label={text.sections} className={styles.sections}>
          {sections.map(({ id, title }) => (
            <a key={id} href={`#${id}`}>
              {title}
            </a>
          ))}
        </nav>
        {sections.map(({ id, title, body, whole }) =>
          body ? (
            <Section key={id} id={id} title={title}>
              {body}
            </Section>
          ) : (
            <Fragment key={id}>{whole}</Fragment>
          ),
        )}
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
