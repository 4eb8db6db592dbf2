import { type RefObject, useLayoutEffect, useState } from "react";

/** The heights of what stays at the top, as CSS variables: where a section can begin, and where a heading can stay. */
export function useHeights(card: RefObject<HTMLElement | null>): Record<`--${string}`, string> {
  const [header, setHeader] = useState(53);
  useLayoutEffect(() => {
    const page = card.current?.closest("main");
    if (!page) return;
    // The page begins below the header, which has one row or two.
    const measure = () => setHeader(page.offsetTop);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(document.body);
    return () => observer.disconnect();
  }, [card]);
  return { "--header": `${header}px` };
}
