import { useQuery } from "urql";
import { Link } from "wouter";
import { IdentifierName } from "../../components/IdentifierName";
import { ErrorNotice } from "../../components/Notice";
import { Skeleton } from "../../components/Skeleton";
import {
  InboxPairDocument,
  type Relation,
  type WithheldFactsFragment,
} from "../../graphql/generated/graphql";
import { useText } from "../../language/language";
import { useLinkWords } from "../../links/words";
import { mergePath } from "../views";
import { DecideForm } from "./DecideForm";
import styles from "./Inbox.module.css";
import { SideBySide } from "./SideBySide";
import { Standing } from "./Standing";

type Props = {
  withheld: WithheldFactsFragment;
  relation: Relation | undefined;
  onRelation: (relation: Relation | undefined) => void;
  onSettled: () => void;
};

/** One link that is held back: why, on what evidence, between whom, and what to do about it. */
export function Withheld({ withheld, relation, onRelation, onSettled }: Props) {
  const text = useText();
  const words = useLinkWords();
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
        <h2>{words.heldBack(withheld)}</h2>
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
        <Standing decision={link.decision} onSettled={onSettled} />
      ) : (
        <DecideForm link={link} relation={relation} onRelation={onRelation} onSettled={onSettled} />
      )}
    </article>
  );
}
