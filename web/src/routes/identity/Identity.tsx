import { ChevronLeft } from "lucide-react";
import { useMemo, useState } from "react";
import { useQuery } from "urql";
import { Link } from "wouter";
import { Avatar } from "../../components/Avatar";
import { ErrorNotice, Notice } from "../../components/Notice";
import { Skeleton } from "../../components/Skeleton";
import { IdentityDocument } from "../../graphql/generated/graphql";
import { useProfileChanges } from "../../graphql/subscriptions";
import { useText } from "../../language/language";
import { useTitle } from "../../useTitle";
import { Section } from "../customer/Section";
import { customerPath } from "../views";
import { DecisionList } from "./DecisionList";
import { Explanation } from "./Explanation";
import { Graph } from "./Graph";
import { edgesOf, type IdentityProfile, type Member } from "./graph";
import styles from "./Identity.module.css";
import { Lineage } from "./Lineage";
import { LinkTable } from "./LinkTable";
import { useSelection } from "./query";
import { RetireDialog } from "./RetireDialog";
import { Retirements } from "./Retirements";
import { SelectionDetails } from "./SelectionDetails";
import { SeparateDialog, type Separation } from "./SeparateDialog";
import { useDecisionsAbout } from "./useDecisionsAbout";
import { WithheldLinks } from "./WithheldLinks";

/** A customer's identifiers, the links between them, and the links that are withheld. */
export function Identity({ unifiedId }: { unifiedId: string }) {
  const text = useText();
  const context = useMemo(() => ({ additionalTypenames: ["Decision", "Retirement"] }), []);
  const [{ data, error, fetching }, reload] = useQuery({
    query: IdentityDocument,
    variables: { unifiedId },
    context,
    requestPolicy: "cache-and-network",
  });
  const profile = data?.profile;
  useProfileChanges(unifiedId, () => reload({ requestPolicy: "network-only" }));
  return (
    <main id="content" tabIndex={-1} className="page" aria-busy={fetching && !data}>
      <Link href={customerPath(unifiedId)} className="back">
        <ChevronLeft size={14} aria-hidden />
        {profile?.basic.name ?? text.identity.customer}
      </Link>
      {error && !data && (
        <ErrorNotice error={error} onRetry={() => reload({ requestPolicy: "network-only" })} />
      )}
      {data && !profile && (
        <Notice title={text.customerNotFoundTitle}>
          <p>{text.customerNotFoundText}</p>
        </Notice>
      )}
      {!data && !error && <Skeleton width="60%" />}
      {profile && <IdentityDetails profile={profile} />}
    </main>
  );
}

function IdentityDetails({ profile }: { profile: IdentityProfile }) {
  const text = useText();
  const name = profile.basic.name ?? text.unnamed;
  useTitle(`${text.identity.title} · ${name}`);
  const [chosen, choose] = useSelection();
  const [separation, setSeparation] = useState<Separation>();
  const [retiring, setRetiring] = useState<Member>();
  const { identifiers, withheld } = profile.graph;
  const decisions = useDecisionsAbout(identifiers);
  const graph = useMemo(() => edgesOf(profile.graph, decisions.found), [profile.graph, decisions.found]);
  const edge = graph.edges.find(({ key }) => key === chosen);
  const leaving = new Set(
    edge?.as === "link" ? edge.leaving?.map((identifier) => identifier.unifiedId) : undefined,
  );
  return (
    <>
      <header className={styles.head}>
        <Avatar avatar={profile.basic.avatar} large />
        <div>
          <h1>{text.identity.of(name)}</h1>
          <p className="soft">
            {text.identity.summary(identifiers.length, profile.graph.links.length, withheld.length)}
          </p>
        </div>
      </header>
      <div className={styles.look}>
        <Graph members={identifiers} graph={graph} chosen={chosen} leaving={leaving} onChoose={choose} />
        <SelectionDetails
          profile={profile}
          graph={graph}
          chosen={chosen}
          onChoose={choose}
          onSeparate={(a, b) => setSeparation({ a, b })}
          onRetire={setRetiring}
        />
      </div>
      <Legend />
      <Section id="links" title={text.identity.links}>
        <LinkTable edges={graph.edges} chosen={chosen} onChoose={choose} />
      </Section>
      <Section id="withheld" title={text.identity.notLinked}>
        <WithheldLinks withheld={withheld} chosen={chosen} onChoose={choose} />
      </Section>
      <Section id="why" title={text.identity.why}>
        <Explanation identifiers={identifiers} ghosts={graph.ghosts} />
      </Section>
      <Section id="decisions" title={text.identity.decisions}>
        <DecisionList decisions={decisions} />
      </Section>
      <Section id="retirements" title={text.identity.retirements}>
        <Retirements identifiers={identifiers} />
      </Section>
      <Section id="history" title={text.identity.history}>
        <Lineage unifiedId={profile.unifiedId} revision={profile.revision} />
      </Section>
      {separation && (
        <SeparateDialog separation={separation} profile={profile} onClose={() => setSeparation(undefined)} />
      )}
      {retiring && (
        <RetireDialog identifier={retiring} profile={profile} onClose={() => setRetiring(undefined)} />
      )}
    </>
  );
}

function Legend() {
  const text = useText();
  const entries = [
    { className: styles.holds, label: text.identity.legendLink },
    { className: styles.bridge, label: text.identity.legendBridge },
    { className: styles.held, label: text.identity.legendHeld },
  ];
  return (
    <ul className={styles.legend}>
      {entries.map(({ className, label }) => (
        <li key={label}>
          <span className={className} aria-hidden="true" />
          {label}
        </li>
      ))}
    </ul>
  );
}
