import type { CSSProperties } from "react";
import styles from "./Skeleton.module.css";

/** The shape of a word that is on its way. */
export function Skeleton({ width }: { width: CSSProperties["width"] }) {
  return <span className={styles.skeleton} style={{ width }} />;
}
