import type { CSSProperties } from "react";
import styles from "./Skeleton.module.css";

/** A placeholder for a word that is loading. */
export function Skeleton({ width }: { width: CSSProperties["width"] }) {
  return <span className={styles.skeleton} style={{ width }} />;
}
