import { type RefObject, useLayoutEffect, useRef } from "react";

const duration = 180;

/** Animates rows to their new position (FLIP), so that the eye can follow. `data-flip` is the key of a row. */
export function useFlip(container: RefObject<HTMLElement | null>, order: string) {
  const places = useRef(new Map<string, number>());
  // biome-ignore lint/correctness/useExhaustiveDependencies: rows move when their order changes.
  useLayoutEffect(() => {
    const before = places.current;
    places.current = new Map();
    const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const top = container.current?.getBoundingClientRect().top ?? 0;
    for (const row of container.current?.querySelectorAll<HTMLElement>("[data-flip]") ?? []) {
      const key = row.dataset.flip ?? "";
      const place = row.getBoundingClientRect().top - top;
      places.current.set(key, place);
      const from = before.get(key);
      if (reducedMotion || from === undefined || from === place) continue;
      row.animate([{ transform: `translateY(${from - place}px)` }, { transform: "none" }], {
        duration,
        easing: "ease-out",
      });
    }
  }, [order]);
}
