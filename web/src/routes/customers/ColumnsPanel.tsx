import { ArrowDown, ArrowUp } from "lucide-react";
import { type ReactNode, useState } from "react";
import { useQuery } from "urql";
import { Panel } from "../../components/Panel";
import { CustomerFacetDocument } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import styles from "./ColumnsPanel.module.css";
import {
  attributeColumn,
  type Column,
  columnOf,
  consentColumn,
  identifierColumn,
  standardColumns,
} from "./columns";
import { Finder } from "./Finder";
import type { Columns } from "./useColumns";

/** Chooses the columns and their order. */
export function ColumnsPanel({ columns }: { columns: Columns }) {
  const text = useText();
  return (
    <Panel label={text.columns} value={columns.own.length > 0 ? String(columns.shown.length) : undefined}>
      <Choice columns={columns} />
    </Panel>
  );
}

function Choice({ columns: { shown, own, setOwn } }: { columns: Columns }) {
  const text = useText();
  const format = useFormat();
  const [typed, setTyped] = useState("");
  const [{ data }] = useQuery({
    query: CustomerFacetDocument,
    variables: { field: "ATTRIBUTE_NAME", first: 200 },
  });
  const attributes = (data?.profileFacet.values ?? []).map(({ value }) => attributeColumn(String(value)));
  const offered = [
    ...standardColumns.map(({ id }) => id),
    ...Object.keys(text.kinds).map(identifierColumn),
    ...Object.keys(text.consentNames).map(consentColumn),
    ...attributes,
  ];
  const ids = shown.map(({ id }) => id);
  const label = (column: Column) => column.label(text, format);
  const wanted = typed.trim().toLowerCase();
  const others = offered
    .filter((id) => !ids.includes(id))
    .flatMap((id) => columnOf(id) ?? [])
    .filter((column) => label(column).toLowerCase().includes(wanted));
  const move = (position: number, by: number) => {
    const next = [...ids];
    const [moved] = next.splice(position, 1);
    if (moved) next.splice(position + by, 0, moved);
    setOwn(next);
  };
  return (
    <div className={styles.panel}>
      <h3 className={styles.group}>{text.list.shownColumns}</h3>
      <ul>
        {shown.map((column, position) => (
          <li key={column.id} className={styles.row}>
            <label className={styles.choice}>
              <input
                type="checkbox"
                checked
                disabled={shown.length === 1}
                onChange={() => setOwn(ids.filter((id) => id !== column.id))}
              />
              <span>{label(column)}</span>
            </label>
            <MoveButton
              label={text.list.moveUp(label(column))}
              disabled={position === 0}
              onClick={() => move(position, -1)}
            >
              <ArrowUp size={14} aria-hidden />
            </MoveButton>
            <MoveButton
              label={text.list.moveDown(label(column))}
              disabled={position === shown.length - 1}
              onClick={() => move(position, 1)}
            >
              <ArrowDown size={14} aria-hidden />
            </MoveButton>
          </li>
        ))}
      </ul>
      {own.length > 0 && (
        <button type="button" className="button" onClick={() => setOwn([])}>
          {text.list.defaultColumns}
        </button>
      )}
      <h3 className={styles.group}>{text.list.otherColumns}</h3>
      <Finder label={text.list.findColumn} value={typed} onChange={setTyped} />
      <ul>
        {others.map((column) => (
          <li key={column.id}>
            <label className={styles.choice}>
              <input type="checkbox" checked={false} onChange={() => setOwn([...ids, column.id])} />
              <span>{label(column)}</span>
            </label>
          </li>
        ))}
      </ul>
      {others.length === 0 && <p className="soft">{text.list.noColumnFound}</p>}
    </div>
  );
}

type MoveProps = { label: string; disabled: boolean; onClick: () => void; children: ReactNode };

function MoveButton({ label, disabled, onClick, children }: MoveProps) {
  return (
    <button
      type="button"
      className={styles.move}
      aria-label={label}
      title={label}
      disabled={disabled}
      onClick={onClick}
    >
      {children}
    </button>
  );
}
