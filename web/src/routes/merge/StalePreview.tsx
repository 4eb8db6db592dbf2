import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import type { MergePreview, ProfileView } from "../../rules/preview";
import styles from "./Merge.module.css";

/** The differences from the preview that the server rejected as stale. */
export function StalePreview({ before, now }: { before: MergePreview; now: MergePreview }) {
  const text = useText();
  const format = useFormat();
  const figures = (customer: ProfileView): [what: string, value: string][] => {
    const year = customer.purchases.windows.find(({ months }) => months === 12);
    return [
      [text.name, customer.basic.name ?? text.unnamed],
      [text.identifiers, format.number(customer.identifiers.length)],
      [text.events, format.number(customer.activity.eventCount)],
      [text.lastActivity, format.exact(customer.activity.lastActivityAt)],
      [text.orders, format.number(year?.count ?? 0)],
      [text.amount, format.money(year?.amount ?? "0", customer.purchases.currency)],
    ];
  };
  const changes = now.before.flatMap((customer) => {
    const old = before.before.find(({ unifiedId }) => unifiedId === customer.unifiedId);
    if (!old) return [];
    const past = new Map(figures(old));
    const name = customer.basic.name ?? text.unnamed;
    return figures(customer)
      .filter(([what, value]) => past.get(what) !== value)
      .map(([what, value]) => text.merge.change(name, what, past.get(what) ?? "–", value));
  });
  return (
    <div className={styles.stale} role="alert">
      <p>{text.merge.stale}</p>
      <ul>
        {changes.length === 0 && <li>{text.merge.staleNothing}</li>}
        {changes.map((change) => (
          <li key={change}>{change}</li>
        ))}
      </ul>
    </div>
  );
}
