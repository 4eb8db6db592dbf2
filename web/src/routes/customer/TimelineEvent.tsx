import type { ReactNode } from "react";
import type { TimelineEventFragment } from "../../graphql/generated/graphql";
import { type Formats, useFormat } from "../../language/format";
import { useText } from "../../language/language";
import styles from "./Timeline.module.css";

type Props = {
  event: TimelineEventFragment;
  inSession: boolean;
  open: boolean;
  onToggle: (open: boolean) => void;
};

/** One event on a line, which opens to all that its message says. */
export function TimelineEvent({ event, inSession, open, onToggle }: Props) {
  const text = useText();
  const format = useFormat();
  const { name, at, source, platform } = event;
  return (
    <details open={open} onToggle={({ currentTarget }) => onToggle(currentTarget.open)}>
      <summary className={`${styles.line} ${inSession ? styles.inSession : ""}`}>
        <time dateTime={at} title={format.exact(at)} className="soft">
          {format.timeOf(at)}
        </time>
        <span className={styles.name} title={name}>
          {format.event(name)}
        </span>
        <span className={styles.said}>{inShort(event, format)}</span>
        <span className={styles.from}>{sent(source, platform, format)}</span>
        <Amount event={event} />
      </summary>
      {open && (
        <div className={styles.details}>
          <Items event={event} />
          <dl className={styles.properties}>
            {shownProperties(event).map(([key, value]) => (
              <Line key={key} name={format.property(key)} title={key}>
                {format.propertyValue(key, value, event.purchase?.currency)}
              </Line>
            ))}
            <Line name={text.by}>
              {format.kind(event.identifier.kind)}{" "}
              {format.identifier(event.identifier.kind, event.identifier.value)}
            </Line>
            <Line name={text.messageId}>
              <span className="mono">{event.messageId}</span>
            </Line>
          </dl>
        </div>
      )}
    </details>
  );
}

function Amount({ event: { purchase } }: { event: TimelineEventFragment }) {
  const text = useText();
  const format = useFormat();
  if (!purchase) return <span />;
  const amount = format.money(purchase.amount, purchase.currency);
  const signed = purchase.kind === "REFUND" ? `−${amount}` : amount;
  if (purchase.counts) return <b className={styles.amount}>{signed}</b>;
  return (
    <span className={styles.amount} title={text.timelineView.notCounted}>
      <s className="soft">{signed}</s>
      <span className="hidden">{text.timelineView.notCounted}</span>
    </span>
  );
}

function Items({ event: { purchase } }: { event: TimelineEventFragment }) {
  const text = useText();
  const format = useFormat();
  if (!purchase || purchase.items.length === 0) return null;
  const { currency, items } = purchase;
  const money = (amount: `${number}` | null | undefined) => (amount ? format.money(amount, currency) : "–");
  const words = text.timelineView.items;
  return (
    <table className={styles.items}>
      <thead>
        <tr>
          <th scope="col">{words.product}</th>
          <th scope="col">{words.quantity}</th>
          <th scope="col">{words.price}</th>
          <th scope="col">{words.line}</th>
        </tr>
      </thead>
      <tbody>
        {items.map(({ itemId, name, category, quantity, price, amount }, position) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: an order may have two lines of one product.
          <tr key={position}>
            <td>
              {name ?? itemId ?? "–"} <span className="soft">{category}</span>
            </td>
            <td>{format.number(quantity)}</td>
            <td>{money(price)}</td>
            <td>{money(amount)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Line({ name, title, children }: { name: string; title?: string; children: ReactNode }) {
  return (
    <div>
      <dt className="soft" title={title}>
        {name}
      </dt>
      <dd>{children}</dd>
    </div>
  );
}

/** Who sent it and from which platform; once where both have one name. */
function sent(source: string, platform: TimelineEventFragment["platform"], format: Formats): string {
  if (!platform) return source;
  const name = format.platform(platform);
  return platform === source.toUpperCase() ? name : `${source} · ${name}`;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const propertiesOf = ({ properties }: TimelineEventFragment) => (isRecord(properties) ? properties : {});

/** All properties but those that the table of items shows. */
const shownProperties = (event: TimelineEventFragment) =>
  Object.entries(propertiesOf(event)).filter(
    ([key]) => !(key === "df_items" && event.purchase?.items.length),
  );

/** The products; of an event without any the first few properties. */
function inShort(event: TimelineEventFragment, format: Formats): string {
  const properties = propertiesOf(event);
  const { df_items: items } = properties;
  const names = (Array.isArray(items) ? items : []).flatMap((item) =>
    isRecord(item) && typeof item.df_item_name === "string" ? [item.df_item_name] : [],
  );
  if (names.length > 0) return names.join(", ");
  return Object.entries(properties)
    .filter(([, value]) => typeof value === "string" || typeof value === "number")
    .slice(0, 3)
    .map(([key, value]) => `${format.property(key)} ${format.propertyValue(key, value)}`)
    .join(", ");
}
