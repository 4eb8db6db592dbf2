import styles from "./CustomerTable.module.css";

/** The classes of a cell or a head in the column of that name. */
export const cellClass = (name: string, figure?: boolean) =>
  [styles[name], figure && styles.figure].filter(Boolean).join(" ");
