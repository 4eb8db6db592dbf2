import { useState } from "react";
import { useClient } from "urql";
import { Choices } from "../../components/Choices";
import { NearEnd } from "../../components/NearEnd";
import { ErrorNotice } from "../../components/Notice";
import { Panel } from "../../components/Panel";
import { Skeleton } from "../../components/Skeleton";
import { TimelineDocument, type TimelineEventFragment } from "../../graphql/generated/graphql";
import { usePages } from "../../graphql/pages";
import { useRevision } from "../../graphql/useRevision";
import { type Formats, useFormat } from "../../language/format";
import { useText } from "../../language/language";
import styles from "./Timeline.module.css";

const pageSize = 50;

/** The customer's events by day, newest first. */
export function Timeline({ unifiedId, revision }: { unifiedId: string; revision: string }) {
  const text = useText();
  const format = useFormat();
  const client = useClient();
  const [chosen, setChosen] = useState<string[]>([]);
  const [known, setKnown] = useState<string[]>([]);
  const list = usePages<TimelineEventFragment>(
    JSON.stringify([unifiedId, chosen]),
    async (after, atLeast) => {
      const first = Math.max(pageSize, atLeast);
      const variables = { unifiedId, events: chosen.length ? chosen : null, first, after };
      const { data, error } = await client.query(TimelineDocument, variables, {
        requestPolicy: "network-only",
      });
      if (!data) throw error;
      const connection = data.profile?.timeline ?? { nodes: [], pageInfo: { hasNextPage: false } };
      setKnown((before) => [...new Set([...before, ...connection.nodes.map(({ name }) => name)])]);
      return connection;
    },
  );
  const { pages, stale, loading, error } = list;
  useRevision(revision, list.refresh);
  const names = [...new Set([...known, ...chosen])].sort((a, b) =>
    format.event(a).localeCompare(format.event(b)),
  );
  const [first, ...others] = chosen;
  return (
    <>
      {(names.length > 1 || chosen.length > 0) && (
        <div>
          <Panel
            label={text.timelineFilter}
            value={first && text.filterSelected(format.event(first), others.length)}
          >
            <Choices
              options={names.map((name) => ({ value: name, label: format.event(name) }))}
              chosen={chosen}
              onChange={setChosen}
            />
          </Panel>
        </div>
      )}
      {pages?.nodes.length === 0 && (
        <p className="soft">{chosen.length ? text.noEventsFiltered : text.noEvents}</p>
      )}
      <div aria-busy={stale}>
        {byDay(pages?.nodes ?? [], format.dayOf).map(({ day, events }) => (
          <section key={day} className={styles.day}>
            <h3 className={styles.heading}>{day}</h3>
            <ol>
              {events.map((event) => (
                <li key={event.messageId}>
                  <EventLine event={event} />
                </li>
              ))}
            </ol>
          </section>
        ))}
      </div>
      {error && <ErrorNotice error={error} onRetry={list.reload} />}
      {loading && !pages && <Skeleton width="60%" />}
      {pages?.more && !error && (
        <NearEnd loading={loading} label={text.earlierEvents} onReach={list.loadMore} />
      )}
    </>
  );
}

export function byDay(events: TimelineEventFragment[], dayOf: (at: string) => string) {
  const days: { day: string; events: TimelineEventFragment[] }[] = [];
  for (const event of events) {
    const day = dayOf(event.at);
    const current = days.at(-1);
    if (current?.day === day) current.events.push(event);
    else days.push({ day, events: [event] });
  }
  return days;
}

function EventLine({ event }: { event: TimelineEventFragment }) {
  const text = useText();
  const format = useFormat();
  const { name, at, source, platform, identifier, messageId } = event;
  const properties = isRecord(event.properties) ? event.properties : {};
  return (
    <details>
      <summary className={styles.line}>
        <time dateTime={at} title={format.exact(at)} className="soft">
          {format.timeOf(at)}
        </time>
        <span className={styles.name}>{format.event(name)}</span>
        <span className={styles.said}>{inShort(properties, format)}</span>
        <span className={styles.from}>
          {[source, platform && format.platform(platform)].filter(Boolean).join(" · ")}
        </span>
      </summary>
      <dl className={styles.properties}>
        {Object.entries(properties).map(([key, value]) => (
          <div key={key}>
            <dt className="soft" title={key}>
              {format.property(key)}
            </dt>
            <dd>{format.value(value)}</dd>
          </div>
        ))}
        <div>
          <dt className="soft">{text.by}</dt>
          <dd>
            {format.kind(identifier.kind)} {format.identifier(identifier.kind, identifier.value)}
          </dd>
        </div>
        <div>
          <dt className="soft">{text.messageId}</dt>
          <dd className="mono">{messageId}</dd>
        </div>
      </dl>
    </details>
  );
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The amount and items of a purchase; of any other event the first few properties. */
function inShort(properties: Record<string, unknown>, format: Formats): string {
  const { df_total_purchase_amount: amount, df_currency: currency, df_items: items } = properties;
  const names = (Array.isArray(items) ? items : []).flatMap((item) =>
    isRecord(item) && typeof item.df_item_name === "string" ? [item.df_item_name] : [],
  );
  if (typeof amount === "number") {
    return [format.money(`${amount}`, typeof currency === "string" ? currency : undefined), ...names].join(
      ", ",
    );
  }
  if (names.length > 0) return names.join(", ");
  return Object.entries(properties)
    .filter(([, value]) => typeof value === "string" || typeof value === "number")
    .slice(0, 3)
    .map(([key, value]) => `${format.property(key)} ${value}`)
    .join(", ");
}
