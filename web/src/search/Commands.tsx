import { lazy, Suspense, useEffect, useEffectEvent, useRef, useState } from "react";
import { useLocation } from "wouter";
import { customerPath, identityPath } from "../routes/views";
import { isTyping, pressed } from "./keys";
import { neighbor } from "./openList";
import { viewKeys } from "./viewKeys";

const CommandPalette = lazy(() => import("./CommandPalette"));
const ShortcutSheet = lazy(() => import("./ShortcutSheet"));

/** How long G waits for the key of a view. */
const sequenceMs = 1500;

/** The keys that work in every view, the command palette and the list of shortcuts. */
export function Commands() {
  const [path, navigate] = useLocation();
  const [shown, setShown] = useState<"palette" | "shortcuts">();
  const startedAt = useRef(Number.NEGATIVE_INFINITY);

  const press = useEffectEvent((event: KeyboardEvent) => {
    const key = pressed(event);
    if (key === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
      // Another dialog waits for its own answer.
      if (document.querySelector("dialog[open]") && shown !== "palette") return;
      event.preventDefault();
      setShown(shown === "palette" ? undefined : "palette");
      return;
    }
    const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.isComposing;
    if (!isPlain || isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const done = () => {
      event.preventDefault();
      // The view has keys of its own.
      event.stopImmediatePropagation();
    };
    if (event.timeStamp - startedAt.current < sequenceMs) {
      startedAt.current = Number.NEGATIVE_INFINITY;
      const view = viewKeys[key];
      if (view === undefined) return;
      done();
      navigate(view);
    } else if (key === "g" && !event.shiftKey) {
      startedAt.current = event.timeStamp;
      done();
    } else if (key === "?") {
      done();
      setShown("shortcuts");
    } else if (key === "[" || key === "]") {
      const unifiedId = /^\/customers\/([^/]+)/.exec(path)?.[1];
      const other = unifiedId && neighbor(decodeURIComponent(unifiedId), key === "[" ? -1 : 1);
      if (!other) return;
      done();
      // One step back is still the list, and what the card knows of it stays.
      const view = path.endsWith("/identity") ? identityPath(other) : customerPath(other);
      navigate(view, { replace: true, state: history.state });
    }
  });
  useEffect(() => {
    addEventListener("keydown", press, { capture: true });
    return () => removeEventListener("keydown", press, { capture: true });
  }, []);

  return (
    <Suspense>
      {shown === "palette" && (
        <CommandPalette onClose={() => setShown(undefined)} onShortcuts={() => setShown("shortcuts")} />
      )}
      {shown === "shortcuts" && <ShortcutSheet onClose={() => setShown(undefined)} />}
    </Suspense>
  );
}
