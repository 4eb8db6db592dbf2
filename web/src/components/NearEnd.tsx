import { useEffect, useEffectEvent, useRef } from "react";
import { useText } from "../language/language";

type Props = { loading: boolean; label: string; onReach: () => void };

/** The end of a list. Loads more when it comes near the viewport; the button does so for the keyboard. */
export function NearEnd({ loading, label, onReach }: Props) {
  const text = useText();
  const end = useRef<HTMLDivElement>(null);
  const reach = useEffectEvent(onReach);
  useEffect(() => {
    if (!end.current || loading) return;
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && reach(), {
      rootMargin: "400px",
    });
    observer.observe(end.current);
    return () => observer.disconnect();
  }, [loading]);
  return (
    <div ref={end}>
      <button type="button" className="button" disabled={loading} onClick={onReach}>
        {loading ? text.loading : label}
      </button>
    </div>
  );
}
