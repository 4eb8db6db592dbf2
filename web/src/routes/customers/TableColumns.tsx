import { useMedia } from "../../useMedia";
import type { Column } from "./columns";
import { chooseWidth, type Widths } from "./layout";

/** The widths of the columns. A narrow page shows cards, which have none. */
export function TableColumns({ columns, widths }: { columns: Column[]; widths: Widths }) {
  const narrow = useMedia("(max-width: 720px)");
  if (narrow) return null;
  return (
    <colgroup>
      <col style={{ width: chooseWidth }} />
      <col style={{ width: widths.name }} />
      {columns.map(({ id }, position) => (
        <col key={id} style={{ width: widths.columns[position] }} />
      ))}
      {/* What is left. */}
      <col />
    </colgroup>
  );
}
