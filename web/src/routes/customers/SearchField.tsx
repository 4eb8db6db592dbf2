import { Search, X } from "lucide-react";
import { type KeyboardEvent, type SubmitEvent, useEffect, useEffectEvent, useRef, useState } from "react";
import { useLocation } from "wouter";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import type { Recognized } from "../../rules/preview";
import { rules } from "../../rules/rules";
import { customerPath } from "../views";
import { focusCustomers } from "./CustomerTable";
import { useCustomersQuery, useShowCustomers } from "./query";
import styles from "./SearchField.module.css";

const debounceMs = 150;

/** Searches from any view: shows what the text is recognized as, and the list of results. */
export function SearchField() {
  const text = useText();
  const [path, navigate] = useLocation();
  const { search } = useCustomersQuery();
  const show = useShowCustomers();
  const onList = path === "/" || path === "/customers";
  const field = useRef<HTMLInputElement>(null);
  const [typed, setTyped] = useState(search);
  const shown = useRef(search);
  const recognized = useRecognized(typed);

  // The back button or a link may have changed the search.
  useEffect(() => {
    if (shown.current !== search) {
      shown.current = search;
      setTyped(search);
    }
  }, [search]);

  const find = (words: string, entered: boolean) => {
    // The first letter adds a history entry, the next ones replace it.
    const replace = onList && shown.current !== "" && !entered;
    shown.current = words;
    show({ search: words, entered }, { replace });
  };
  const findLater = useEffectEvent(() => {
    if (onList && typed !== shown.current) find(typed, false);
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: every letter restarts the timer.
  useEffect(() => {
    const timer = setTimeout(findLater, debounceMs);
    return () => clearTimeout(timer);
  }, [typed]);

  useEffect(() => {
    const focus = (event: globalThis.KeyboardEvent) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target))
        return;
      event.preventDefault();
      field.current?.select();
    };
    addEventListener("keydown", focus);
    return () => removeEventListener("keydown", focus);
  }, []);

  const enter = (event: SubmitEvent) => {
    event.preventDefault();
    if (typed.trim() === "") return;
    if (recognized?.as === "UNIFIED_ID") navigate(customerPath(recognized.value));
    else find(typed, true);
  };
  const clear = () => {
    setTyped("");
    if (onList) find("", false);
    field.current?.focus();
  };
  const leave = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === "ArrowDown") {
      event.preventDefault();
      focusCustomers();
    } else if (event.key === "Escape" && typed !== "") {
      event.preventDefault();
      clear();
    }
  };
  return (
    <search>
      <form className={styles.search} onSubmit={enter}>
        <Search size={16} strokeWidth={1.75} aria-hidden />
        <input
          ref={field}
          type="text"
          className={styles.field}
          value={typed}
          placeholder={text.searchPlaceholder}
          aria-label={text.searchLabel}
          aria-describedby="recognized"
          aria-keyshortcuts="/"
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          onChange={(event) => setTyped(event.target.value)}
          onKeyDown={leave}
        />
        <output id="recognized" className={styles.recognized}>
          {recognized === undefined ? text.searchRulesMissing : <RecognizedAs of={recognized} />}
        </output>
        {typed === "" ? (
          <span className={styles.key} aria-hidden="true">
            /
          </span>
        ) : (
          <button type="button" className={styles.clear} aria-label={text.searchClear} onClick={clear}>
            <X size={14} aria-hidden />
          </button>
        )}
      </form>
    </search>
  );
}

function RecognizedAs({ of: recognized }: { of: Recognized }) {
  const text = useText();
  const format = useFormat();
  switch (recognized.as) {
    case "EMPTY":
      return null;
    case "UNIFIED_ID":
      return text.searchUnifiedId;
    case "NAME":
      return text.searchName;
    case "IDENTIFIER": {
      const [first] = recognized.candidates;
      if (first && recognized.hasForm) {
        return (
          <>
            <span className={styles.kind}>{format.kind(first.kind)}</span>{" "}
            {format.identifier(first.kind, first.value)}
          </>
        );
      }
      return text.searchIdentifier(recognized.candidates.map(({ kind }) => format.kind(kind)).join(", "));
    }
  }
}

/** What the text is recognized as; undefined if the module cannot be loaded. */
function useRecognized(typed: string): Recognized | undefined {
  const [recognized, setRecognized] = useState<Recognized | undefined>({ as: "EMPTY" });
  useEffect(() => {
    let overtaken = false;
    const set = (value: Recognized | undefined) => {
      if (!overtaken) setRecognized(value);
    };
    if (typed.trim() === "") set({ as: "EMPTY" });
    else rules.recognizeSearch(typed).then(set, () => set(undefined));
    return () => {
      overtaken = true;
    };
  }, [typed]);
  return recognized;
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && target.matches("input:not([type=checkbox], [type=radio]), textarea")
  );
}
