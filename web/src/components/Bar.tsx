import styles from "./Bar.module.css";

/** A share of a whole as a bar; the figure next to it says the same. More than the whole is a bar with a break. */
export function Bar({ share }: { share: number }) {
  return (
    <span className={`${styles.bar} ${share > 1 ? styles.over : ""}`} aria-hidden="true">
      <span style={{ width: `${Math.min(1, Math.max(0, share)) * 100}%` }} />
    </span>
  );
}
