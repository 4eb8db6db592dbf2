/** The widths of the columns that every row has, and the bounds of the name's. */
export const chooseWidth = 40;
export const name = { width: 240, comfortable: 280, most: 360 };

type Sized = { id: string; width: number; most?: number };

/** The columns that fit into a width, in the order of `all`: the least important of `byImportance` are left out first. */
export function fitting<Column extends Sized>(
  all: Column[],
  byImportance: string[],
  available: number,
): Column[] {
  const rank = (column: Column) => byImportance.indexOf(column.id);
  const kept = new Set<Column>();
  let left = available - chooseWidth - name.width;
  for (const column of [...all].sort((a, b) => rank(a) - rank(b))) {
    left -= column.width;
    if (left < 0) break;
    kept.add(column);
  }
  return all.filter((column) => kept.has(column));
}

export type Widths = { name: number; columns: number[] };

/**
 * The widths of columns in a table of some width. Names grow first until most fit, then what may grow, each up to its most, then names
 * again; what is left stays empty at the end, so that no figure is far from its customer.
 */
export function widths(columns: Sized[], available: number): Widths {
  const fixed = columns.reduce((sum, { width }) => sum + width, chooseWidth + name.width);
  let spare = Math.max(0, available - fixed);
  const grow = (width: number, most: number) => {
    const added = Math.min(spare, Math.max(0, most - width));
    spare -= added;
    return width + added;
  };
  const comfortable = grow(name.width, name.comfortable);
  const grown = columns.map(({ width, most }) => grow(width, most ?? width));
  return { name: grow(comfortable, name.most), columns: grown };
}
