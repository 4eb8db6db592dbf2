import type { LineageFactsFragment, TimelineEventFragment } from "../../graphql/generated/graphql";

type InDay = {
  /** The day that starts with this row. */
  day?: string;
};
export type SessionRow = InDay & { kind: "session"; key: string; events: TimelineEventFragment[] };
export type EventRow = InDay & { kind: "event"; key: string; event: TimelineEventFragment; session?: string };
export type LineageRow = InDay & { kind: "lineage"; key: string; lineage: LineageFactsFragment };
export type TimelineRow = SessionRow | EventRow | LineageRow;

type Entry = { at: string; event: TimelineEventFragment } | { at: string; lineage: LineageFactsFragment };

/**
 * The rows of a timeline, newest first: a heading for each session of two events or more, whose events follow unless it is
 * folded; events; merges and splits. Both lists are sorted already.
 */
export function timelineRows(
  events: TimelineEventFragment[],
  lineage: LineageFactsFragment[],
  isFolded: (session: string) => boolean,
  dayOf: (at: string) => string,
): TimelineRow[] {
  const rows: TimelineRow[] = [];
  let shownDay: string | undefined;
  const add = (row: TimelineRow, at: string) => {
    const day = dayOf(at);
    rows.push(day === shownDay ? row : { ...row, day });
    shownDay = day;
  };
  const entries = merged(events, lineage);
  let next = 0;
  while (next < entries.length) {
    const entry = entries[next];
    if (!entry) break;
    if ("lineage" in entry) {
      const { at, kept, others } = entry.lineage;
      add({ kind: "lineage", key: `lineage ${at} ${kept} ${others.join()}`, lineage: entry.lineage }, at);
      next += 1;
      continue;
    }
    const session = sessionFrom(entries, next, dayOf);
    if (session.length < 2) {
      add({ kind: "event", key: entry.event.messageId, event: entry.event }, entry.at);
      next += 1;
      continue;
    }
    const newest = session[0] as TimelineEventFragment;
    // A session that another event interrupts has two headings, and both have keys of their own.
    const key = `session ${newest.messageId}`;
    add({ kind: "session", key, events: session }, newest.at);
    if (!isFolded(sessionKey(newest))) {
      for (const event of session)
        add({ kind: "event", key: event.messageId, event, session: key }, event.at);
    }
    next += session.length;
  }
  return rows;
}

/** What is folded: a session, also after newer events of it arrive. */
export const sessionKey = ({ session }: TimelineEventFragment) => session ?? "";

/** The events of one session and day that follow each other. */
function sessionFrom(entries: Entry[], from: number, dayOf: (at: string) => string): TimelineEventFragment[] {
  const found: TimelineEventFragment[] = [];
  for (let index = from; index < entries.length; index += 1) {
    const entry = entries[index];
    if (!entry) break;
    const [first] = found;
    if (!("event" in entry) || !entry.event.session) break;
    if (first && (entry.event.session !== first.session || dayOf(entry.at) !== dayOf(first.at))) break;
    found.push(entry.event);
  }
  return found;
}

function merged(events: TimelineEventFragment[], lineage: LineageFactsFragment[]): Entry[] {
  const entries: Entry[] = [];
  let next = 0;
  for (const event of events) {
    for (let one = lineage[next]; one && Date.parse(one.at) >= Date.parse(event.at); one = lineage[next]) {
      entries.push({ at: one.at, lineage: one });
      next += 1;
    }
    entries.push({ at: event.at, event });
  }
  for (const one of lineage.slice(next)) entries.push({ at: one.at, lineage: one });
  return entries;
}
