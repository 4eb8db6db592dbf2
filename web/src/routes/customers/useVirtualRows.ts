import { useVirtualizer } from "@tanstack/react-virtual";
import { type RefObject, useEffect, useEffectEvent } from "react";
import { useMedia } from "../../useMedia";
import { skeletonRows } from "./TableSkeleton";
import type { ListPosition } from "./useCustomerList";

const rowHeight = 40;
const narrowRowHeight = 60;
const headHeight = 36;
const prefetchRows = 25;

type Options = {
  scroller: RefObject<HTMLElement | null>;
  count: number;
  more: boolean;
  onMore: () => void;
  initialPosition: ListPosition;
  position: RefObject<ListPosition>;
};

/** Renders only the rows near the viewport, and loads more before the reader reaches the end. */
export function useVirtualRows({ scroller, count, more, onMore, initialPosition, position }: Options) {
  const narrow = useMedia("(max-width: 720px)");
  const height = narrow ? narrowRowHeight : rowHeight;
  const head = narrow ? 0 : headHeight;
  const virtualizer = useVirtualizer({
    count: count + (more ? skeletonRows : 0),
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan: 8,
    scrollMargin: head,
    scrollPaddingStart: head,
    initialOffset: initialPosition.offset,
    onChange: (instance) => {
      position.current.offset = instance.scrollOffset ?? 0;
    },
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the height of a row changes with the width of the page.
  useEffect(() => virtualizer.measure(), [height, virtualizer]);

  const rows = virtualizer.getVirtualItems();
  const first = rows.at(0);
  const last = rows.at(-1);
  const lastIndex = last?.index ?? 0;
  const loadMore = useEffectEvent(onMore);
  useEffect(() => {
    if (more && lastIndex > count - prefetchRows) loadMore();
  }, [more, lastIndex, count]);

  return {
    rows,
    /** The height of the rows that are not rendered. */
    above: first ? first.start - head : 0,
    // Before the first measure nothing is rendered, but the height is known: a restored list can scroll to its position.
    below: virtualizer.getTotalSize() - (last ? last.end - head : 0),
    firstInView: () => rows.find(({ start }) => start >= (virtualizer.scrollOffset ?? 0))?.index,
    rowsPerPage: () => Math.max(1, Math.floor(((scroller.current?.clientHeight ?? 0) - head) / height) - 1),
    scrollToRow: (index: number) => virtualizer.scrollToIndex(index),
  };
}
