import { useState } from "react";
import { Link } from "wouter";
import { Avatar } from "../../components/Avatar";
import { Dialog } from "../../components/Dialog";
import { IdentifierName } from "../../components/IdentifierName";
import { useAnswer } from "../../facts/useAnswer";
import { useFacts } from "../../facts/useFacts";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import type { PolicyDocument } from "../../rules/preview";
import { customerPath } from "../views";
import styles from "./ChangeList.module.css";
import { type MovedIdentifier, movesOf, type Regrouping, type Side } from "./regrouping";

type Props = { changes: Regrouping[]; document: PolicyDocument };

/** How many identifiers a row names. */
const shownMoves = 2;

/** Customers that would merge or split, a row each, which opens both sides. */
export function ChangeList({ changes, document }: Props) {
  const [opened, setOpened] = useState<Regrouping>();
  return (
    <>
      <ul className={styles.changes}>
        {changes.map((change) => (
          <li key={change.before.map(({ unifiedId }) => unifiedId).join()}>
            <ChangeRow change={change} onOpen={() => setOpened(change)} />
          </li>
        ))}
      </ul>
      {opened && <ChangeDialog change={opened} document={document} onClose={() => setOpened(undefined)} />}
    </>
  );
}

function ChangeRow({ change, onOpen }: { change: Regrouping; onOpen: () => void }) {
  const text = useText();
  const moves = movesOf(change);
  const { before, after } = change;
  return (
    <button type="button" className={styles.change} onClick={onOpen} data-change>
      <span className={styles.who}>
        {before.slice(0, 3).map((side) => (
          <span key={side.unifiedId} className={styles.name}>
            {side.avatar && <Avatar avatar={side.avatar} />}
            <bdi>{side.name ?? text.unnamed}</bdi>
          </span>
        ))}
        {before.length > 3 && <span className="soft">+{before.length - 3}</span>}
        <span className="soft">{text.policy.becomes(before.length, after.length)}</span>
      </span>
      <span className={styles.moves}>
        {moves.slice(0, shownMoves).map(({ identifier, kind }) => (
          <span key={`${identifier.unifiedId} ${kind}`} className={styles.move}>
            <IdentifierName identifier={identifier} /> <span className="soft">{text.policy[kind]}</span>
          </span>
        ))}
        {moves.length > shownMoves && (
          <span className="soft">{text.policy.more(moves.length - shownMoves)}</span>
        )}
      </span>
    </button>
  );
}

type DialogProps = { change: Regrouping; document: PolicyDocument; onClose: () => void };

/** Both sides of a change. The module adds the names and figures of the parts where it can compute them. */
function ChangeDialog({ change, document, onClose }: DialogProps) {
  const text = useText();
  const format = useFormat();
  const [ids] = useState(change.before.map(({ unifiedId }) => unifiedId));
  const { loaded } = useFacts(ids);
  const { answer } = useAnswer(loaded, "policyPreview", { document, figures: { asOf: format.today() } });
  const views = answer && new Map([...answer.after, ...answer.before].map((view) => [view.unifiedId, view]));
  const after = new Map(answer?.after.map((view) => [view.unifiedId, view]));
  const before = new Map(answer?.before.map((view) => [view.unifiedId, view]));
  const enriched = (side: Side, own: typeof after): Side => {
    const view = own.get(side.unifiedId);
    if (!view) return { ...side, name: side.name ?? views?.get(side.unifiedId)?.basic.name ?? null };
    return { ...side, profile: view, name: view.basic.name, avatar: view.basic.avatar };
  };
  const moved = new Set(movesOf(change).map(({ identifier }) => identifier.unifiedId));
  return (
    <Dialog title={text.policy.previewTitle} onClose={onClose}>
      <div className={styles.sides} data-sides>
        <Column
          title={text.policy.now}
          sides={change.before.map((side) => enriched(side, before))}
          moved={moved}
        />
        <Column
          title={text.policy.withDraft}
          sides={change.after.map((side) => enriched(side, after))}
          moved={moved}
        />
      </div>
      <ul className={styles.links}>
        {change.before.map(({ unifiedId, name }) => (
          <li key={unifiedId}>
            <Link href={customerPath(unifiedId)}>
              {text.policy.openCustomer}: <bdi>{name ?? unifiedId.slice(0, 8)}</bdi>
            </Link>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}

function Column({ title, sides, moved }: { title: string; sides: Side[]; moved: Set<string> }) {
  const text = useText();
  return (
    <section>
      <h3>{title}</h3>
      {sides.length === 0 && <p className="soft">{text.policy.removed}</p>}
      {sides.map((side) => (
        <div key={side.unifiedId} className={styles.side} data-side={side.unifiedId}>
          <p className={styles.name}>
            {side.avatar && <Avatar avatar={side.avatar} />}
            <b>
              <bdi>{side.name ?? text.unnamed}</bdi>
            </b>
            <span className="mono soft small">{side.unifiedId.slice(0, 8)}</span>
          </p>
          <ul>
            {side.identifiers.map((identifier) => (
              <li key={identifier.unifiedId} className={mark(identifier, moved)}>
                <IdentifierName identifier={identifier} />
              </li>
            ))}
          </ul>
          {side.identifierCount > side.identifiers.length && (
            <p className="soft small">{text.policy.more(side.identifierCount - side.identifiers.length)}</p>
          )}
          <Figures side={side} />
        </div>
      ))}
    </section>
  );
}

const mark = ({ unifiedId }: MovedIdentifier, moved: Set<string>) =>
  moved.has(unifiedId) ? styles.moved : undefined;

function Figures({ side: { profile } }: { side: Side }) {
  const text = useText();
  const format = useFormat();
  if (!profile) return null;
  const year = profile.purchases.windows.find(({ months }) => months === 12);
  return (
    <p className="soft small">
      {text.policy.figures(
        format.number(profile.activity.eventCount),
        format.number(year?.count ?? 0),
        format.money(year?.amount ?? "0", profile.purchases.currency),
      )}
    </p>
  );
}
