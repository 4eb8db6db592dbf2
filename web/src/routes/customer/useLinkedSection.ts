import { type RefObject, useEffect } from "react";

const inputs = ["wheel", "touchmove", "pointerdown", "keydown"] as const;

/**
 * Shows the section that the address names, and keeps it in its place while what is above and below it is loaded. As soon as
 * the reader does anything, the page stays where it is.
 */
export function useLinkedSection(card: RefObject<HTMLElement | null>) {
  useEffect(() => {
    let release = () => {};
    const go = () => {
      release();
      const section = document.getElementById(decoded(location.hash.slice(1)));
      if (!section || !card.current?.contains(section)) return;
      const place = () => section.scrollIntoView();
      const observer = new ResizeObserver(place);
      const stop = () => {
        observer.disconnect();
        for (const input of inputs) removeEventListener(input, stop);
      };
      release = stop;
      place();
      observer.observe(card.current);
      for (const input of inputs) addEventListener(input, stop, { passive: true });
    };
    go();
    addEventListener("hashchange", go);
    return () => {
      release();
      removeEventListener("hashchange", go);
    };
  }, [card]);
}

/** An address that anyone may have typed. */
function decoded(hash: string): string {
  try {
    return decodeURIComponent(hash);
  } catch {
    return hash;
  }
}
