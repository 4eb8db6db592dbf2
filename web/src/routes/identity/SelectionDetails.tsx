import type { ReactNode } from "react";
import { Link } from "wouter";
import { IdentifierName } from "../../components/IdentifierName";
import { Time } from "../../components/Time";
import { linkKey } from "../../decisions/linkKey";
import { useLinkText } from "../../decisions/useLinkText";
import type { LinkEndFragment, LinkFactsFragment } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import { RoleGate } from "../../session/RoleGate";
import { customerPath, inboxPath } from "../views";
import type { Edge, IdentityEdges, IdentityProfile, Member } from "./graph";
import styles from "./Identity.module.css";

type Props = {
  profile: IdentityProfile;
  graph: IdentityEdges;
  chosen: string | undefined;
  onChoose: (key: string) => void;
  onSeparate: (a: LinkEndFragment, b: LinkEndFragment) => void;
  onRetire: (identifier: Member) => void;
};

/** The selected link or identifier: what is known about it, and what can be done. */
export function SelectionDetails({ profile, graph, chosen, onChoose, onSeparate, onRetire }: Props) {
  const text = useText();
  const member = profile.graph.identifiers.find(({ unifiedId }) => unifiedId === chosen);
  const ghost = graph.ghosts.find(({ unifiedId }) => unifiedId === chosen);
  const edges = graph.edges.filter(({ key }) => key === chosen);
  return (
    <aside className={styles.chosen} aria-live="polite" aria-label={text.identity.chosen}>
      {member && (
        <IdentifierDetails
          member={member}
          graph={graph}
          onChoose={onChoose}
          onSeparate={onSeparate}
          onRetire={onRetire}
        />
      )}
      {ghost && <NeighborDetails ghost={ghost} />}
      {edges.map((edge) => (
        <EdgeDetails key={edge.as} edge={edge} onSeparate={onSeparate} />
      ))}
      {!member && !ghost && edges.length === 0 && <p className="soft">{text.identity.chooseHint}</p>}
    </aside>
  );
}

type IdentifierProps = { member: Member } & Pick<Props, "graph" | "onChoose" | "onSeparate" | "onRetire">;

function IdentifierDetails({ member, graph, onChoose, onSeparate, onRetire }: IdentifierProps) {
  const text = useText();
  const format = useFormat();
  const own = graph.edges.filter(
    ({ a, b, as }) =>
      as !== "withheld" && (a.unifiedId === member.unifiedId || b.unifiedId === member.unifiedId),
  );
  const others = own.map(({ a, b }) => (a.unifiedId === member.unifiedId ? b : a));
  const [only] = others;
  return (
    <>
      <h2>
        <IdentifierName identifier={member} />
      </h2>
      <p className="soft">{format.kind(member.kind)}</p>
      <dl className={styles.facts}>
        <Fact name={text.firstSeen}>
          <Time at={member.firstSeenAt} />
        </Fact>
        <Fact name={text.lastSeen}>
          <Time at={member.lastSeenAt} />
        </Fact>
        <Fact name={text.sources}>{format.list(member.sources)}</Fact>
      </dl>
      {member.shared && <p className="amber">{text.sharedHelp}</p>}
      {member.retiredAt && <p className="amber">{text.retired(format.exact(member.retiredAt))}</p>}
      {own.length > 0 && (
        <>
          <h3>{text.identity.linkedWith}</h3>
          <ul className={styles.neighbors}>
            {own.map((edge) => (
              <li key={edge.key}>
                <button type="button" className={styles.neighbor} onClick={() => onChoose(edge.key)}>
                  <IdentifierName identifier={edge.a.unifiedId === member.unifiedId ? edge.b : edge.a} />
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
      <RoleGate needs="decide">
        <p className={styles.actions}>
          {only && (
            <button type="button" className="button" onClick={() => onSeparate(member, only)}>
              {text.identity.partIdentifier}
            </button>
          )}
          {!member.retiredAt && (
            <button type="button" className="button" onClick={() => onRetire(member)}>
              {text.identity.retire}
            </button>
          )}
        </p>
      </RoleGate>
    </>
  );
}

function NeighborDetails({ ghost }: { ghost: LinkEndFragment }) {
  const text = useText();
  const format = useFormat();
  return (
    <>
      <h2>
        <IdentifierName identifier={ghost} />
      </h2>
      <p className="soft">{format.kind(ghost.kind)}</p>
      <p>{text.identity.elsewhere}</p>
      {ghost.shared && <p className="amber">{text.sharedHelp}</p>}
      <Link href={customerPath(ghost.unifiedId)} className="button">
        {text.identity.openCustomer}
      </Link>
    </>
  );
}

function EdgeDetails({ edge, onSeparate }: { edge: Edge; onSeparate: Props["onSeparate"] }) {
  const text = useText();
  const words = useLinkText();
  const both = (
    <h2 className={styles.ends}>
      <IdentifierName identifier={edge.a} />
      <IdentifierName identifier={edge.b} />
    </h2>
  );
  if (edge.as === "decision") {
    return (
      <>
        {both}
        <p>{text.identity.onlyDecision}</p>
      </>
    );
  }
  if (edge.as === "withheld") {
    return (
      <>
        {both}
        <p className="amber">{words.withheldReason(edge.withheld)}</p>
        <p className="soft">{words.evidence(edge.withheld.link)}</p>
        <Link href={inboxPath(edge.key)} className="button">
          {text.identity.toInbox}
        </Link>
      </>
    );
  }
  return (
    <>
      {both}
      <p className="soft">{words.evidence(edge.link)}</p>
      <LinkReason link={edge.link} leaving={edge.leaving} />
      <RoleGate needs="decide">
        <button type="button" className="button" onClick={() => onSeparate(edge.a, edge.b)}>
          {text.identity.cut}
        </button>
      </RoleGate>
    </>
  );
}

function LinkReason({ link, leaving }: { link: LinkFactsFragment; leaving: LinkEndFragment[] | undefined }) {
  const text = useText();
  const format = useFormat();
  if (link.decision)
    return (
      <p>
        {text.decisions.active(
          link.decision.relation,
          link.decision.reason,
          link.decision.actor,
          format.relative(link.decision.at),
        )}
      </p>
    );
  if (!leaving) return <p>{text.identity.notBridge}</p>;
  return (
    <>
      <p>{text.identity.bridge(leaving.length)}</p>
      <ul className={styles.leaving} data-leaving>
        {leaving.map((identifier) => (
          <li key={linkKey({ a: identifier, b: identifier })}>
            <IdentifierName identifier={identifier} />
          </li>
        ))}
      </ul>
    </>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className={styles.fact}>
      <dt className="soft">{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
