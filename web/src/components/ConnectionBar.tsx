import { useConnection } from "../graphql/connection";
import { useFormat } from "../language/format";
import { useText } from "../language/language";
import styles from "./ConnectionBar.module.css";

/** A thin bar while the connection is lost: it says how old the data on the page is. */
export function ConnectionBar() {
  const text = useText();
  const format = useFormat();
  const connection = useConnection();
  return (
    <div role="status">
      {connection.lost && (
        <p className={styles.bar} data-connection-lost>
          {text.failures.lost(format.timeOf(connection.since.toISOString()))}
        </p>
      )}
    </div>
  );
}
