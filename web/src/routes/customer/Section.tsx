import type { ReactNode } from "react";
import styles from "./Section.module.css";

export function Section({ id, title, children }: { id: string; title: string; children: ReactNode }) {
  const heading = `${id}-title`;
  return (
    <section id={id} aria-labelledby={heading} className={styles.section}>
      <h2 id={heading}>{title}</h2>
      {children}
    </section>
  );
}
