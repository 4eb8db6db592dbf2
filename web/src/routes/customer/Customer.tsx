import { ChevronLeft } from "lucide-react";
import { type CSSProperties, Fragment, useRef, useState } from "react";
import { useQuery } from "urql";
import { Link } from "wouter";
import { ErrorNotice, Notice } from "../../components/Notice";
import { Skeleton } from "../../components/Skeleton";
import { CustomerDocument, type CustomerQuery } from "../../graphql/generated/graphql";
import { useProfileChanges } from "../../graphql/subscriptions";
import { useText } from "../../language/language";
import { useDebounced } from "../../useDebounced";
import { useTitle } from "../../useTitle";
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
import { useProfileAsOf } from "./useProfileAsOf";

export type Profile = NonNullable<CustomerQuery["profile"]>;
export type TodayPurchases = NonNullable<CustomerQuery["today"]>["purchases"]["onDate"];

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
      <Link href="/customers" className="back">
        <ChevronLeft size={14} aria-hidden />
        {text.customers}
      </Link>
      {error && <ErrorNotice error={error} onRetry={() => reload({ requestPolicy: "network-only" })} />}
      {!error && data && !profile && (
        <Notice title={text.customerNotFoundTitle}>
          <p>{text.customerNotFoundText}</p>
        </Notice>
      )}
      {!error && !data && <CardSkeleton />}
      {profile && (
        <Card
          profile={profile}
          onDate={data.today?.purchases.onDate}
          asked={unifiedId}
          onAnswered={setAnswered}
        />
      )}
    </main>
  );
}

type CardProps = {
  profile: Profile;
  /** What was bought today; no figure counts it yet. */
  onDate: TodayPurchases | undefined;
  asked: string;
  onAnswered: (answered: boolean) => void;
};

function Card({ profile: read, onDate, asked, onAnswered }: CardProps) {
  const text = useText();
  const view = useProfileAsOf(read, onAnswered);
  const { profile } = view;
  const title = profile.basic.name ?? text.unnamed;
  useTitle(title);
  const card = useRef<HTMLDivElement>(null);
  const heights = useHeights(card);
  useLinkedSection(card);

  const sections = [
    { id: "overview", title: text.overview, body: <Overview profile={profile} /> },
    { id: "purchases", title: text.purchases, whole: <Purchases view={view} onDate={onDate} /> },
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
      <Summary profile={profile} merged={asked !== profile.unifiedId} />
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
