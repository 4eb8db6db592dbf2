import { useClient, useQuery } from "urql";
import {
  EventNamesDocument,
  LineageDocument,
  TimelineDocument,
  type TimelineEventFragment,
} from "../../graphql/generated/graphql";
import { type Pages, usePages } from "../../graphql/pages";
import { useRevision } from "../../graphql/useRevision";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import type { TimelineQuery } from "./timelineQuery";

const pageSize = 50;
/** The longest list that is read again as a whole when something changes. */
const longestReread = 200;
const shownMerges = 100;

type Asked = TimelineQuery & { unifiedId: string; revision: string; search: string };

/** The events of a customer page by page, the names of all of them with counts, and merges. */
export function useTimeline(
  { unifiedId, revision, events, until, search }: Asked,
  initial: Pages<TimelineEventFragment> | undefined,
) {
  const text = useText();
  const format = useFormat();
  const client = useClient();
  const codes = search ? codesOf(search, { ...text.eventNames, ...text.valueNames }) : [];
  const key = JSON.stringify([unifiedId, events, until, search]);

  const load = async (after: string | null, atLeast: number) => {
    const variables = {
      unifiedId,
      events: events.length ? events : null,
      search: search ? { text: search, codes } : null,
      at: until ? { before: format.startOf(dayAfter(until)) } : null,
      first: Math.max(pageSize, atLeast),
      after,
    };
    const { data, error } = await client.query(TimelineDocument, variables, {
      requestPolicy: "network-only",
    });
    if (!data) throw error;
    return data.profile?.timeline ?? { nodes: [], pageInfo: { hasNextPage: false } };
  };
  const list = usePages<TimelineEventFragment>(key, load, initial);
  const [{ data: named }, readNames] = useQuery({ query: EventNamesDocument, variables: { unifiedId } });
  const [{ data: lineage }, readLineage] = useQuery({
    query: LineageDocument,
    variables: { unifiedId, first: shownMerges, after: null },
  });

  useRevision(revision, () => {
    readNames({ requestPolicy: "network-only" });
    readLineage({ requestPolicy: "network-only" });
    const shown = list.pages?.nodes ?? [];
    if (shown.length <= longestReread) return list.refresh();
    // A reader who is far down keeps the place: only what is new comes on top.
    load(null, pageSize).then(
      ({ nodes }) => list.amend((before) => withNew(before, nodes)),
      () => list.reload(),
    );
  });
  return {
    ...list,
    key,
    names: named?.profile?.eventNames,
    /** Merges say when, not what happened: a filter hides them. */
    lineage: events.length || until || search ? [] : (lineage?.lineage.nodes ?? []),
  };
}

export function withNew(before: TimelineEventFragment[], newest: TimelineEventFragment[]) {
  const known = new Set(before.map(({ messageId }) => messageId));
  const all = [...before, ...newest.filter(({ messageId }) => !known.has(messageId))];
  return all.sort((a, b) => Date.parse(b.at) - Date.parse(a.at) || (a.messageId < b.messageId ? -1 : 1));
}

/** The codes whose names in the page's language contain a text: the server knows only codes. */
export function codesOf(search: string, names: Record<string, string>): string[] {
  const wanted = search.toLocaleLowerCase();
  return Object.entries(names)
    .filter(([, name]) => name.toLocaleLowerCase().includes(wanted))
    .map(([code]) => code)
    .slice(0, 100);
}

const dayAfter = (date: string) => new Date(Date.parse(date) + 24 * 3_600_000).toISOString().slice(0, 10);
