import { useEffect, useEffectEvent, useRef, useState } from "react";
import type { CombinedError } from "urql";

export type Connection<Node> = {
  nodes: Node[];
  pageInfo: { hasNextPage: boolean; endCursor?: string | null };
  totalCount?: number;
};

/** What has been read of one connection so far. `key` names the connection. */
export type Pages<Node> = {
  key: string;
  nodes: Node[];
  total: number | undefined;
  cursor: string | null;
  more: boolean;
};

export type Paged<Node> = {
  pages: Pages<Node> | undefined;
  /** The pages are those of an earlier key, shown until the new ones arrive. */
  stale: boolean;
  loading: boolean;
  error: CombinedError | undefined;
  loadMore: () => void;
  reload: () => void;
  /** Reads all nodes again in one page, and shows the old ones until they arrive. */
  refresh: () => void;
  /** Changes the nodes in place, without a request. */
  amend: (change: (nodes: Node[]) => Node[]) => void;
};

/** The largest page that the API returns. */
const largestPage = 200;

/** What has been read, with one more page. */
export const append = <Node>(
  key: string,
  before: Pages<Node> | undefined,
  page: Connection<Node>,
): Pages<Node> => ({
  key,
  nodes: before ? [...before.nodes, ...page.nodes] : page.nodes,
  total: page.totalCount ?? before?.total,
  cursor: page.pageInfo.endCursor ?? null,
  more: page.pageInfo.hasNextPage,
});

/** Reads a connection page by page. A new `key` starts again; answers to older requests are dropped. */
export function usePages<Node>(
  key: string,
  load: (after: string | null, atLeast: number) => Promise<Connection<Node>>,
  initial?: Pages<Node>,
): Paged<Node> {
  const [pages, setPages] = useState(initial);
  const [loading, setLoading] = useState(initial === undefined);
  const [error, setError] = useState<CombinedError>();
  const latest = useRef(0);

  const read = async (before: Pages<Node> | undefined, atLeast = 1) => {
    latest.current += 1;
    const request = latest.current;
    setLoading(true);
    try {
      const page = await load(before?.cursor ?? null, Math.min(atLeast, largestPage));
      if (request !== latest.current) return;
      setPages(append(key, before, page));
      setError(undefined);
    } catch (failure) {
      if (request === latest.current) setError(failure as CombinedError);
    }
    if (request === latest.current) setLoading(false);
  };

  const begin = useEffectEvent(() => {
    if (pages?.key !== key) read(undefined);
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new key starts the reading again.
  useEffect(() => {
    begin();
    return () => {
      latest.current += 1;
    };
  }, [key]);

  const stale = pages !== undefined && pages.key !== key;
  return {
    pages,
    stale,
    loading,
    error,
    loadMore: () => {
      if (pages?.more && !stale && !loading && !error) read(pages);
    },
    reload: () => {
      read(error && pages && !stale ? pages : undefined);
    },
    refresh: () => {
      read(undefined, pages && !stale ? pages.nodes.length : 1);
    },
    amend: (change) => setPages((now) => now && { ...now, nodes: change(now.nodes) }),
  };
}
