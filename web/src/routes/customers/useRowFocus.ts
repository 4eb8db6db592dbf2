import { type RefObject, useEffect, useEffectEvent, useRef, useState } from "react";
import type { CustomerRowFragment } from "../../graphql/generated/graphql";
import type { ListPosition } from "./useCustomerList";
import type { useVirtualRows } from "./useVirtualRows";

type Options = {
  scroller: RefObject<HTMLElement | null>;
  customers: CustomerRowFragment[];
  virtual: ReturnType<typeof useVirtualRows>;
  initialPosition: ListPosition;
  position: RefObject<ListPosition>;
  /** Chooses a row, or all rows from the one that was chosen last to it. */
  onSelect: (index: number, isRange: boolean) => void;
};

/**
 * Moves the focus over rows of which only some are rendered: arrows, Page Up and Page Down, Home; `x` chooses, with Shift a range.
 * One row is in the tab order: the one that had the focus last, or the first in view.
 */
export function useRowFocus({ scroller, customers, virtual, initialPosition, position, onSelect }: Options) {
  const [active, setActive] = useState(initialPosition.row);
  const focusNext = useRef(initialPosition.row);
  const rendered = virtual.rows.some(({ index }) => index === active);
  const tabStop = rendered ? active : virtual.firstInView();

  const moveTo = (index: number) => {
    const row = Math.max(0, Math.min(index, customers.length - 1));
    focusNext.current = row;
    setActive(row);
    virtual.scrollToRow(row);
  };
  // The row may be rendered only after the list has scrolled, so every render looks for it.
  useEffect(() => {
    const link = scroller.current?.querySelector<HTMLElement>(`a[data-index="${focusNext.current}"]`);
    if (!link) return;
    focusNext.current = undefined;
    link.focus({ preventScroll: true });
  });

  const press = useEffectEvent((event: KeyboardEvent) => {
    const target = event.target as HTMLElement;
    const reading = target === document.body || target.id === "content" || scroller.current?.contains(target);
    if (!reading || event.ctrlKey || event.metaKey || event.altKey) return;
    // The key has another letter where Korean is typed.
    if (event.code === "KeyX" && active !== undefined && customers[active]) {
      event.preventDefault();
      onSelect(active, event.shiftKey);
      return;
    }
    const here = active ?? -1;
    const page = virtual.rowsPerPage();
    const moves: Record<string, number> = {
      ArrowDown: here + 1,
      ArrowUp: here - 1,
      PageDown: here + page,
      PageUp: here - page,
      Home: 0,
    };
    const row = moves[event.key];
    if (row === undefined) return;
    event.preventDefault();
    moveTo(row);
  });
  useEffect(() => {
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, []);

  const onFocus = (index: number) => {
    setActive(index);
    position.current.row = index;
  };
  return { tabStop, onFocus };
}
