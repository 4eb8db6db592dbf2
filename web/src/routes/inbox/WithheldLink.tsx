import { useQuery } from "urql";
import { Link } from "wouter";
import { IdentifierName } from "../../components/IdentifierName";
import { ErrorNotice } from "../../components/Notice";
import { Skeleton } from "../../components/Skeleton";
import { useLinkText } from "../../decisions/useLinkText";
import {
  InboxPairDocument,
  type Relation,
  type WithheldFactsFragment,
} from "../../graphql/generated/graphql";
import { useText } from "../../language/language";
import { mergePath } from "../views";
import { ActiveDecision } from "./ActiveDecision";
import { DecideForm } from "./DecideForm";
import styles from "./Inbox.module.css";
import { SideBySide } from "./SideBySide";

type Props = {
  withheld: WithheldFactsFragment;
  relation: Relation | undefined;
  onRelation: (relation: Relation | undefined) => void;
  onSettled: () => void;
};

/** A withheld link: the reason, the evidence, the two customers, and the decision. */
export function WithheldLink({ withheld, relation, onRelation, onSettled }: Props) {
  const text = useText();
  const words = useLinkText();
  const { link } = withheld;
  const [{ data, error }, reload] = useQuery({
    query: InboxPairDocument,
    variables: { a: link.a.unifiedId, b: link.b.unifiedId },
    requestPolicy: "cache-and-network",
  });
  const { a, b } = data ?? {};
  return (
    <article className={styles.withheld}>
      <header className={styles.heading}>
        <h2>{words.withheldReason(withheld)}</h2>
        <p className={styles.pair}>
          <IdentifierName identifier={link.a} />
          <span className="soft">{text.links.and}</span>
          <IdentifierName identifier={link.b} />
        </p>
        <p className="soft">{words.evidence(link)}</p>
      </header>
      {error && !data && (
        <ErrorNotice error={error} onRetry={() => reload({ requestPolicy: "network-only" })} />
      )}
      {!data && !error && <Skeleton width="80%" />}
      {a && b && <SideBySide a={a} b={b} link={link} />}
      {a && b && a.unifiedId !== b.unifiedId && (
        <p>
          <Link href={mergePath([a.unifiedId, b.unifiedId])}>{text.inbox.preview}</Link>
        </p>
      )}
      {link.decision ? (
        <ActiveDecision decision={link.decision} onSettled={onSettled} />
      ) : (
        <DecideForm link={link} relation={relation} onRelation={onRelation} onSettled={onSettled} />
      )}
    </article>
  );
}
