import { IdentifierName } from "../../components/IdentifierName";
import { Time } from "../../components/Time";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import table from "../customer/Table.module.css";
import { type Edge, isNotable } from "./graph";
import styles from "./Identity.module.css";

type Props = { edges: Edge[]; chosen: string | undefined; onChoose: (key: string) => void };

/** The links that are followed; selecting one highlights it in the graph. */
export function LinkTable({ edges, chosen, onChoose }: Props) {
  const text = useText();
  const held = edges.filter(({ as }) => as !== "withheld");
  if (held.length === 0) return <p className="soft">{text.identity.noLinks}</p>;
  return (
    <table className={table.table}>
      <thead>
        <tr>
          <th scope="col">{text.identity.link}</th>
          <th scope="col">{text.identity.seen}</th>
          <th scope="col">{text.firstSeen}</th>
          <th scope="col">{text.lastSeen}</th>
          <th scope="col">{text.sources}</th>
        </tr>
      </thead>
      <tbody>
        {held.map((edge) => (
          <Row key={edge.key} edge={edge} current={edge.key === chosen} onChoose={() => onChoose(edge.key)} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ edge, current, onChoose }: { edge: Edge; current: boolean; onChoose: () => void }) {
  const text = useText();
  const format = useFormat();
  const link = edge.as === "link" ? edge.link : undefined;
  const decision = edge.as === "decision" ? edge.decision : link?.decision;
  return (
    <tr
      className={`${styles.selectable} ${current ? styles.current : ""}`}
      data-link={edge.key}
      onClick={onChoose}
    >
      <td className={table.wide}>
        <button type="button" className={styles.pick} aria-pressed={current}>
          <IdentifierName identifier={edge.a} />
          <IdentifierName identifier={edge.b} />
        </button>
        {edge.as === "link" && edge.leaving && isNotable(edge.leaving) && (
          <span className={`${table.mark} ${table.quiet}`} title={text.identity.bridgeHelp}>
            {text.identity.bridgeMark(edge.leaving.length)}
          </span>
        )}
        {decision && <span className={table.mark}>{text.identity.decidedMark}</span>}
      </td>
      <td className={table.short} data-label={text.identity.seen}>
        {link ? text.links.times(link.count) : "–"}
      </td>
      <td data-label={text.firstSeen}>{link && <Time at={link.firstSeenAt} />}</td>
      <td data-label={text.lastSeen}>{link && <Time at={link.lastSeenAt} />}</td>
      <td className={table.short} data-label={text.sources}>
        {link && format.list(link.sources)}
      </td>
    </tr>
  );
}
