import { ChevronLeft } from "lucide-react";
import { useMemo, useState } from "react";
import { useQuery } from "urql";
import { Link } from "wouter";
import { Avatar } from "../../components/Avatar";
import { isolated, Name } from "../../components/Name";
import { ErrorNotice, Notice } from "../../components/Notice";
import { Skeleton } from "../../components/Skeleton";
import { IdentityDocument } from "../../graphql/generated/graphql";
import { useProfileChanges } from "../../graphql/subscriptions";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import { useTitle } from "../../useTitle";
import { Section } from "../customer/Section";
import { customerPath } from "../views";
import { Explanation } from "./Explanation";
import { Graph, KindDot } from "./Graph";
import { edgesOf, type IdentityEdges, type IdentityProfile, type Member, marksOf } from "./graph";
import styles from "./Identity.module.css";
import { Lineage } from "./Lineage";
import { LinkTable } from "./LinkTable";
import { ManualDecisions } from "./ManualDecisions";
import { useSelection } from "./query";
import { RetireDialog } from "./RetireDialog";
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
        {profile ? <Name name={profile.basic.name} /> : text.identity.customer}
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
  const graph = useMemo(() => edgesOf(profile.graph, decisions), [profile.graph, decisions]);
  const edge = graph.edges.find(({ key }) => key === chosen);
  const leaving = new Set(
    edge?.as === "link" ? edge.leaving?.map((identifier) => identifier.unifiedId) : undefined,
  );
  return (
    <>
      <header className={styles.head}>
        <Avatar avatar={profile.basic.avatar} large />
        <div>
          <h1>{text.identity.of(isolated(name))}</h1>
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
      <Legend graph={graph} members={identifiers} />
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
        <ManualDecisions unifiedId={profile.unifiedId} revision={profile.revision} />
      </Section>
      <Section id="history" title={text.identity.history}>
        <Lineage unifiedId={profile.unifiedId} revision={profile.revision} />
      </Section>
      {separation && (
        <SeparateDialog separation={separation} profile={profile} onClose={() => setSeparation(undefined)} />
      )}
      {retiring && (
        <RetireDialog
          identifier={retiring}
          onClose={() => setRetiring(undefined)}
          onKeepSeparate={(a, b) => {
            setRetiring(undefined);
            setSeparation({ a, b });
          }}
        />
      )}
    </>
  );
}

/** Explains what occurs in the graph, and nothing else. */
function Legend({ graph, members }: { graph: IdentityEdges; members: Member[] }) {
  const text = useText();
  const format = useFormat();
  const marks = marksOf(graph, members);
  const lines = [
    { shown: marks.link, className: styles.holds, label: text.identity.legendLink },
    { shown: marks.bridge, className: styles.bridge, label: text.identity.legendBridge },
    { shown: marks.decision, className: styles.decision, label: text.identity.legendDecision },
    { shown: marks.withheld, className: styles.held, label: text.identity.legendHeld },
    { shown: marks.shared, className: styles.ring, label: text.identity.legendShared },
  ].filter(({ shown }) => shown);
  return (
    <ul className={styles.legend} aria-label={text.identity.legend}>
      {marks.kinds.map((kind) => (
        <li key={kind}>
          <KindDot kind={kind} />
          {format.kind(kind)}
        </li>
      ))}
      {lines.map(({ className, label }) => (
        <li key={label}>
          <span className={className} aria-hidden="true" />
          {label}
        </li>
      ))}
    </ul>
  );
}
