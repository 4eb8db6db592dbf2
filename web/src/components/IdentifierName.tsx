import { useFormat } from "../language/format";
import styles from "./IdentifierName.module.css";
import { KindIcon } from "./KindIcon";

type Props = { identifier: { kind: string; value: string }; strong?: boolean };

const spoken = new Set(["phone", "email"]);

/** A kind and a value, on one line. */
export function IdentifierName({ identifier: { kind, value }, strong = false }: Props) {
  const format = useFormat();
  return (
    <span className={`${styles.identifier} ${strong ? styles.strong : ""}`}>
      <span className={styles.icon} title={format.kind(kind)}>
        <KindIcon kind={kind} />
        <span className="hidden">{format.kind(kind)} </span>
      </span>
      <span className={spoken.has(kind) ? styles.value : `${styles.value} mono`}>
        {format.identifier(kind, value)}
      </span>
    </span>
  );
}
